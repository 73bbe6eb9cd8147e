// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/control_queue.h"

#include <optional>
#include <utility>

#include "devices/virtio/net/net_features.h"

namespace redoubt {

namespace {

constexpr uint8_t kMqClass = 4;     // VIRTIO_NET_CTRL_MQ
constexpr uint8_t kVqPairsSet = 0;  // VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET

enum class Ack : uint8_t {
  Ok = 0,   // VIRTIO_NET_OK
  Err = 1,  // VIRTIO_NET_ERR
};

// struct virtio_net_ctrl, up to its data.
struct Command {
  uint8_t command_class;
  uint8_t command;
};

Result<Ack, QueueError> execute(DescriptorChain& chain, uint16_t max_pairs,
                                const SetPairs& set_pairs) {
  if (chain.readable_bytes() < sizeof(Command)) return Ack::Err;
  const auto command = TRY(chain.read_object<Command>());
  if (command.command_class != kMqClass || command.command != kVqPairsSet) return Ack::Err;
  if (chain.readable_left() != sizeof(uint16_t)) return Ack::Err;
  const auto pairs = TRY(chain.read_object<uint16_t>());
  if (pairs < 1 || pairs > max_pairs) return Ack::Err;
  return TRY(set_pairs(pairs)) ? Ack::Ok : Ack::Err;
}

}  // namespace

Result<void, QueueError> serve_control_queue(Virtqueue& queue, uint16_t max_pairs,
                                             const SetPairs& set_pairs) {
  while (true) {
    std::optional<DescriptorChain> chain = TRY(queue.pop());
    if (!chain) return {};
    if (chain->writable_bytes() < sizeof(Ack)) return Unexpected(QueueError::BadRequest);
    const Ack ack = TRY(execute(*chain, max_pairs, set_pairs));
    TRY(chain->write_object(ack));
    TRY(queue.push(std::move(*chain), sizeof(ack)));
  }
}

uint16_t control_queue_index(uint64_t negotiated, uint16_t max_pairs) {
  return (negotiated & virtio::kNetMq) != 0 ? static_cast<uint16_t>(2 * max_pairs) : 2;
}

}  // namespace redoubt
