// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/load_config.h"

#include <algorithm>

#include "vmm/config/config_checks.h"
#include "vmm/config/config_draft.h"
#include "vmm/config/config_file.h"
#include "vmm/config/utf8.h"

namespace redoubt::config {

namespace fs = std::filesystem;

namespace {

// The default of VmConfig::name, which must be what `name` may be set to.
std::string name_from(const fs::path& source) {
  std::string name = source.stem().string();
  for (size_t i = 0; i < name.size();) {
    const size_t length = utf8_length(std::string_view(name).substr(i));
    if (length == 0 || is_control(name[i])) name[i] = '?';
    i += std::max<size_t>(length, 1);
  }
  return name;
}

// A network without a name is called after its place in the list.
void name_networks(VmConfig& config) {
  for (size_t i = 0; i < config.networks.size(); ++i) {
    if (config.networks[i].name.empty()) config.networks[i].name = "net" + std::to_string(i);
  }
}

}  // namespace

VmConfig parse_config(const fs::path& source, std::string_view text, const fs::path& folder,
                      std::span<const std::string> overrides, FileChecks checks) {
  const std::string source_name = source.string();
  ConfigDraft draft(source_name, text);
  draft.read_file(folder);
  for (const std::string& option : overrides) draft.read_override(option);

  VmConfig config;
  config.name = name_from(source);
  draft.assemble(config);
  name_networks(config);
  check_types(draft, config);
  check_networks(draft, config);
  check_sockets(draft, config);
  check_unique(draft, config);
  check_device_count(draft, config);
  check_window(draft, config);
  if (checks == FileChecks::Perform) check_files(draft, config);
  draft.throw_if_any();
  return config;
}

VmConfig load_config(const fs::path& file, std::span<const std::string> overrides,
                     FileChecks checks) {
  const std::string text = read_config_file(file);
  return parse_config(file, text, folder_of(file), overrides, checks);
}

}  // namespace redoubt::config
