// SPDX-License-Identifier: Apache-2.0
#include "devices/console/output_ring.h"

#include <algorithm>

namespace redoubt {

size_t OutputRing::push(std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes) bytes_[end_++ % bytes_.size()] = byte;
  if (size() <= bytes_.size()) return 0;
  const size_t lost = size() - bytes_.size();
  begin_ += lost;
  return lost;
}

OutputRing::Chunk OutputRing::peek(std::span<std::byte> out) const {
  const Chunk chunk{begin_, std::min(out.size(), size())};
  for (size_t i = 0; i < chunk.size; ++i) out[i] = bytes_[(begin_ + i) % bytes_.size()];
  return chunk;
}

size_t OutputRing::consume(const Chunk& chunk, size_t size) {
  const uint64_t end = chunk.position + size;
  const uint64_t made_room = std::min(begin_, end) - chunk.position;
  begin_ = std::max(begin_, end);
  return static_cast<size_t>(made_room);
}

}  // namespace redoubt
