// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/config_checks.h"
#include "vmm/config/config_file.h"

namespace redoubt::config {

namespace fs = std::filesystem;

void check_files(ConfigDraft& draft, const VmConfig& config) {
  const auto check = [&draft](const KeyPath& path, const fs::path& file, auto why_not) {
    if (draft.refused(path) || file.empty()) return;
    if (const auto fault = why_not(file)) {
      draft.report(path, printable(file.string(), 4096) + " " + *fault);
    }
  };
  check(key_path("boot", 0, "kernel"), config.boot.kernel, why_not_readable);
  check(key_path("boot", 0, "initrd"), config.boot.initrd.value_or(""), why_not_readable);
  check(key_path("console", 0, "path"), config.console.path, why_not_creatable);
  for (size_t i = 0; i < config.disks.size(); ++i) {
    const bool readonly = config.disks[i].readonly;
    check(key_path("disks", i, "path"), config.disks[i].path,
          [readonly](const fs::path& file) { return why_no_disk(file, readonly); });
  }
  for (size_t i = 0; i < config.ports.size(); ++i) {
    check(key_path("ports", i, "path"), config.ports[i].backend.path, why_not_creatable);
  }
  if (config.vsock) check(key_path("vsock", 0, "path"), config.vsock->path, why_not_creatable);
  for (size_t i = 0; i < config.shares.size(); ++i) {
    check(key_path("shares", i, "path"), config.shares[i].path, why_no_folder);
  }
}

}  // namespace redoubt::config
