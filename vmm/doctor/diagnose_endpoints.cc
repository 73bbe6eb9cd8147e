// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include <fmt/format.h>

#include "vmm/config/config_file.h"
#include "vmm/config/config_value.h"
#include "vmm/config/dma_window.h"
#include "vmm/doctor/diagnose_devices.h"

namespace redoubt::doctor {

namespace {

Finding judge_path(const std::string& id, const std::string& title,
                   const std::filesystem::path& path) {
  if (const auto fault = config::why_not_creatable(path)) {
    return {id, Verdict::Bad, title, path.string() + " " + *fault,
            fmt::format("give {}.path a place in a folder that this user may write", id)};
  }
  return {id, Verdict::Good, title, path.string() + " can be made", ""};
}

Finding judge_vsock(const VsockOptions& vsock, const HostFacts& host) {
  if (vsock.kind == VsockKind::Unix) return judge_path("vsock", "vsock", vsock.path);
  if (host.vhost_vsock_error == 0) {
    return {"vsock", Verdict::Good, "vsock",
            fmt::format("/dev/vhost-vsock opens; context id {}", vsock.cid), ""};
  }
  return {"vsock", Verdict::Bad, "vsock",
          fmt::format("/dev/vhost-vsock: {}", std::strerror(host.vhost_vsock_error)),
          "modprobe vhost_vsock and let this user open /dev/vhost-vsock, or set vsock.type: unix"};
}

Finding judge_share(const std::string& id, const ShareOptions& share, const HostFacts& host) {
  const std::string title = "shared folder " + id;
  if (const auto fault = config::why_no_folder(share.path)) {
    return {id, Verdict::Bad, title, share.path.string() + " " + *fault,
            fmt::format("give {}.path a folder that this user can read", id)};
  }
  if (!host.virtiofsd) {
    return {id, Verdict::Bad, title, "there is no virtiofsd in $PATH, /usr/libexec or /usr/lib",
            "install the package virtiofsd (in Debian from version 13 on)"};
  }
  return {id, Verdict::Good, title,
          fmt::format("{}, by {}", share.path.string(), host.virtiofsd->string()), ""};
}

}  // namespace

Findings diagnose_endpoints(const VmConfig& config, const HostFacts& host) {
  Findings findings;
  if (!config.console.path.empty()) {
    findings.push_back(judge_path("console", "serial console", config.console.path));
  }
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const std::filesystem::path& path = config.ports[i].backend.path;
    const std::string id = fmt::format("ports[{}]", i);
    if (!path.empty()) findings.push_back(judge_path(id, "port " + id, path));
  }
  if (config.vsock) findings.push_back(judge_vsock(*config.vsock, host));
  for (size_t i = 0; i < config.shares.size(); ++i) {
    findings.push_back(judge_share(fmt::format("shares[{}]", i), config.shares[i], host));
  }
  return findings;
}

Findings diagnose_window(const VmConfig& config) {
  const uint64_t size = dma_window_size(config);
  if (size == 0) return {};
  std::string evidence = config::format_size(size);
  if (config.protection == Protection::Protected) {
    for (const VirtioDeviceNeed& device : virtio_device_needs(config)) {
      evidence += fmt::format(", {} {}", device.name, config::format_size(device.window));
    }
  }
  return {
      {"guest-dma-window", Verdict::Good, "DMA window holds what the devices need", evidence, ""}};
}

}  // namespace redoubt::doctor
