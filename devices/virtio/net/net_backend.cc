// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net_backend.h"

#include "devices/virtio/net/passt.h"
#include "devices/virtio/net/tap.h"

namespace redoubt {

std::unique_ptr<NetBackend> open_net_backend(const NetOptions& options, EventLoop& loop) {
  if (options.kind == NetKind::Tap) return std::make_unique<Tap>(options);
  return std::make_unique<Passt>(options, loop);
}

}  // namespace redoubt
