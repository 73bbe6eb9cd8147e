// SPDX-License-Identifier: Apache-2.0
//
// What can be chosen about the virtio socket device.
#pragma once

#include <cstdint>
#include <filesystem>

namespace redoubt {

enum class VsockKind {
  Vhost,  // the host kernel's vsock: AF_VSOCK programs of the host and the guest meet
  Unix,   // unix sockets: `path` takes "CONNECT PORT", and PORT of the guest reaches path_PORT
};

struct VsockOptions {
  VsockKind kind = VsockKind::Vhost;
  uint32_t cid = 3;              // the guest's context id, 3 and up
  std::filesystem::path path{};  // Unix

  bool operator==(const VsockOptions&) const = default;
};

}  // namespace redoubt
