// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/config_checks.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <sys/un.h>

#include "vmm/config/config_value.h"
#include "vmm/config/dma_window.h"

namespace redoubt::config {

namespace {

bool has(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_nothing(const ConfigValue& value) { return std::holds_alternative<std::monostate>(value); }

// One key beside the section's `type`, which is `chosen`.
void check_beside_type(ConfigDraft& draft, const VmConfig& config, const KeyPath& type,
                       const KeyPath& key, const std::string& chosen) {
  if (draft.refused(key)) return;
  const bool is_there = !is_nothing(key.key->value(config, key.item));
  if (is_there && has(key.key->refused_by, chosen)) {
    // Of the two, the one that was chosen last is at fault.
    const bool chosen_last = draft.overridden(type) && !draft.overridden(key);
    const KeyPath& fault = chosen_last ? type : key;
    return draft.report(fault, type.text() + " " + chosen + " takes no " + key.text());
  }
  if (!has(key.key->needed_by, chosen)) return;
  if (key.key->alternative.empty()) {
    if (!is_there) draft.report(type, chosen + " needs " + key.text());
    return;
  }
  const KeyPath other = key.with(key.key->alternative);
  if (draft.refused(other)) return;
  const bool other_is_there = !is_nothing(other.key->value(config, other.item));
  if (!is_there && !other_is_there) {
    draft.report(type, chosen + " needs " + key.text() + " or " + other.text());
  } else if (is_there && other_is_there) {
    draft.report(other, key.text() + " is given too: give one of the two");
  }
}

void check_length(ConfigDraft& draft, const KeyPath& path, const std::filesystem::path& socket,
                  size_t reserved, const std::string& why) {
  const size_t longest = sizeof(sockaddr_un::sun_path) - 1 - reserved;
  const size_t length = socket.string().size();
  if (draft.refused(path) || length <= longest) return;
  draft.report(path, "the path of a unix socket has at most " + std::to_string(longest) + " bytes" +
                         why + "; " + socket.string() + " has " + std::to_string(length));
}

// "disks[0] 8MiB, networks[0] 4MiB"
std::string breakdown(const std::vector<VirtioDeviceNeed>& devices) {
  std::string text;
  for (const VirtioDeviceNeed& device : devices) {
    text += (text.empty() ? "" : ", ") + device.name + " " + format_size(device.window);
  }
  return text;
}

void check_window_need(ConfigDraft& draft, const VmConfig& config, const KeyPath& window) {
  const auto devices = virtio_device_needs(config);
  if (!config.memory.dma_window || dma_window_need(config) == 0) return;
  uint64_t sum = kDmaWindowSlack;
  for (const VirtioDeviceNeed& device : devices) {
    sum += device.window;
    if (sum <= *config.memory.dma_window) continue;
    return draft.report(
        window, format_size(*config.memory.dma_window) + " is too small: " + device.name +
                    " no longer fits; the devices need " + format_size(dma_window_need(config)) +
                    " (" + breakdown(devices) + ", " + format_size(kDmaWindowSlack) +
                    " besides them), which auto gives them");
  }
}

}  // namespace

void check_types(ConfigDraft& draft, const VmConfig& config) {
  for (const ConfigSection& section : config_sections()) {
    const ConfigKey* type = section.find("type");
    if (type == nullptr) continue;
    for (size_t item = 0; item < section.count(config); ++item) {
      const KeyPath path{&section, item, type};
      const bool unknown = draft.refused(path) || (type->required && !draft.given(path));
      if (unknown) continue;
      const std::string chosen = choice_name(*type, type->value(config, item));
      for (const ConfigKey& key : section.keys) {
        check_beside_type(draft, config, path, {&section, item, &key}, chosen);
      }
    }
  }
}

void check_networks(ConfigDraft& draft, const VmConfig& config) {
  for (size_t i = 0; i < config.networks.size(); ++i) {
    const NetOptions& network = config.networks[i];
    const KeyPath type = key_path("networks", i, "type");
    const KeyPath queues = type.with("queues");
    const KeyPath vhost = type.with("vhost");
    if (draft.refused(type)) continue;
    const bool is_passt = network.kind == NetKind::Passt;
    if (network.queues > 1 && is_passt) {
      draft.report(queues, "passt has one pair of queues");
    } else if (network.queues > 1 && network.fd) {
      draft.report(queues, "a tap given as fd has one pair of queues: give its name instead");
    }
    if (network.vhost == VhostUse::On && is_passt) {
      draft.report(vhost, "passt moves the packets itself: vhost is for type tap");
    }
  }
}

void check_sockets(ConfigDraft& draft, const VmConfig& config) {
  const auto check = [&draft](const KeyPath& path, const ConsoleOptions& console) {
    if (console.kind == ConsoleKind::Socket) check_length(draft, path, console.path, 0, "");
  };
  check(key_path("console", 0, "path"), config.console);
  for (size_t i = 0; i < config.ports.size(); ++i) {
    check(key_path("ports", i, "path"), config.ports[i].backend);
  }
  if (config.vsock && config.vsock->kind == VsockKind::Unix) {
    constexpr size_t kPortSuffix = sizeof("_4294967295") - 1;
    check_length(draft, key_path("vsock", 0, "path"), config.vsock->path, kPortSuffix,
                 " before _PORT");
  }
}

void check_device_count(ConfigDraft& draft, const VmConfig& config) {
  const size_t most_ports = find_section("ports")->most;
  if (config.ports.size() > most_ports) {
    draft.report(key_path("ports", most_ports),
                 "a console has at most " + std::to_string(most_ports) + " ports, these are " +
                     std::to_string(config.ports.size()));
  }
  const auto devices = virtio_device_needs(config);
  if (devices.size() <= kMostVirtioDevices) return;
  draft.report(devices[kMostVirtioDevices].place,
               "one virtio device too many: a guest has at most " +
                   std::to_string(kMostVirtioDevices) + ", and this configuration has " +
                   std::to_string(devices.size()) +
                   " (all ports count as one, every disk, network and share, vsock and rng as one "
                   "each)");
}

// No sum overflows: each size is at most kGuestAddressEnd, and devices need little.
void check_window(ConfigDraft& draft, const VmConfig& config) {
  const KeyPath key = key_path("memory", 0, "dma_window");
  if (draft.refused(key)) return;
  check_window_need(draft, config, key);
  constexpr uint64_t kAlignment = uint64_t{2} << 20;
  const uint64_t ram_end = kRamStart + config.memory.size;
  const uint64_t start = (ram_end + kAlignment - 1) / kAlignment * kAlignment;
  const uint64_t size = dma_window_size(config);
  if (size == 0 || start + size <= kGuestAddressEnd) return;
  draft.report(key, format_size(size) + " do not fit below guest address 1TiB: RAM of " +
                        format_size(config.memory.size) + " leaves " +
                        format_size(kGuestAddressEnd - start));
}

}  // namespace redoubt::config
