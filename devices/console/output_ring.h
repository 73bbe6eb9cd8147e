// SPDX-License-Identifier: Apache-2.0
//
// OutputRing: the newest bytes of a stream, up to a fixed capacity. The reader takes them in two
// steps, so that the stream can go on while it is busy with a chunk. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace redoubt {

class OutputRing {
 public:
  // Bytes [position, position + size) of the stream.
  struct Chunk {
    uint64_t position;
    size_t size;
  };

  explicit OutputRing(size_t capacity) : bytes_(capacity) {}

  // Appends; returns how many bytes nobody has read had to make room.
  size_t push(std::span<const std::byte> bytes);
  // Copies the oldest bytes out, as many as fit, and keeps them.
  Chunk peek(std::span<std::byte> out) const;
  // The first `size` bytes of a chunk were dealt with. Returns how many of them had made room
  // meanwhile, and were counted by push() as if nobody had read them.
  size_t consume(const Chunk& chunk, size_t size);

  [[nodiscard]] size_t size() const { return static_cast<size_t>(end_ - begin_); }
  void clear() { begin_ = end_; }

 private:
  std::vector<std::byte> bytes_;
  // Positions in the stream; a position p is kept at bytes_[p % capacity].
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
};

}  // namespace redoubt
