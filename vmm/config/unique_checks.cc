// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vmm/config/config_checks.h"
#include "vmm/config/config_value.h"

namespace redoubt::config {

namespace {

// `key` of every item of a section is another one, where there is any.
void check_key(ConfigDraft& draft, const VmConfig& config, std::string_view section,
               std::string_view key) {
  const size_t count = find_section(section)->count(config);
  for (size_t i = 1; i < count; ++i) {
    const KeyPath path = key_path(section, i, key);
    const ConfigValue value = path.key->value(config, i);
    const auto text = format_value(*path.key, value);
    if (!text || draft.refused(path)) continue;
    for (size_t other = 0; other < i; ++other) {
      if (draft.refused({path.section, other, path.key})) continue;
      if (path.key->value(config, other) != value) continue;
      draft.report(path, *text + " is that of " + KeyPath{path.section, other}.text() + " already");
      break;
    }
  }
}

// A file or socket that the guest, or redoubt on its behalf, reads or writes.
struct Use {
  KeyPath place;
  std::filesystem::path path;
  bool reads_only;
};

std::vector<Use> uses_of(const VmConfig& config) {
  std::vector<Use> uses = {{key_path("boot", 0, "kernel"), config.boot.kernel, true},
                           {key_path("boot", 0, "initrd"), config.boot.initrd.value_or(""), true},
                           {key_path("console", 0, "path"), config.console.path, false}};
  for (size_t i = 0; i < config.disks.size(); ++i) {
    uses.push_back({key_path("disks", i, "path"), config.disks[i].path, config.disks[i].readonly});
  }
  for (size_t i = 0; i < config.ports.size(); ++i) {
    uses.push_back({key_path("ports", i, "path"), config.ports[i].backend.path, false});
  }
  if (config.vsock) uses.push_back({key_path("vsock", 0, "path"), config.vsock->path, false});
  return uses;
}

// Behind links, too, where there is a file.
bool is_same(const std::filesystem::path& one, const std::filesystem::path& other) {
  if (one == other) return true;
  std::error_code error;
  return std::filesystem::equivalent(one, other, error) && !error;
}

void check_paths(ConfigDraft& draft, const VmConfig& config) {
  const std::vector<Use> uses = uses_of(config);
  for (size_t i = 0; i < uses.size(); ++i) {
    for (size_t other = 0; other < i; ++other) {
      const bool harmless = uses[i].reads_only && uses[other].reads_only;
      if (harmless || uses[i].path.empty() || uses[other].path.empty()) continue;
      if (draft.refused(uses[i].place) || draft.refused(uses[other].place)) continue;
      if (!is_same(uses[i].path, uses[other].path)) continue;
      draft.report(uses[i].place, printable(uses[i].path.string(), 4096) + " is in use by " +
                                      uses[other].place.text() + ": only readers can share a file");
      break;
    }
  }
}

void check_stdio(ConfigDraft& draft, const VmConfig& config) {
  std::vector<std::pair<KeyPath, ConsoleKind>> all = {
      {key_path("console", 0, "type"), config.console.kind}};
  for (size_t i = 0; i < config.ports.size(); ++i) {
    // A type that was not given, or wrong, is none.
    const KeyPath type = key_path("ports", i, "type");
    const bool chosen = draft.given(type) && !draft.refused(type);
    all.emplace_back(type, chosen ? config.ports[i].backend.kind : ConsoleKind::None);
  }
  const KeyPath* holder = nullptr;
  for (const auto& [path, kind] : all) {
    if (kind != ConsoleKind::Stdio || draft.refused(path)) continue;
    if (holder != nullptr) {
      draft.report(path, "stdio is taken by " + holder->text() + ": give that another type" +
                             (holder == &all.front().first ? ", such as none" : ""));
      return;
    }
    holder = &path;
  }
}

}  // namespace

void check_unique(ConfigDraft& draft, const VmConfig& config) {
  for (const std::string_view key : {"name", "tap", "fd", "mac"}) {
    check_key(draft, config, "networks", key);
  }
  check_key(draft, config, "ports", "name");
  check_key(draft, config, "shares", "tag");
  check_paths(draft, config);
  check_stdio(draft, config);
}

}  // namespace redoubt::config
