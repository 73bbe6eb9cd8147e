// SPDX-License-Identifier: Apache-2.0
//
// BlockJob: one request of a driver on its way, from the chain to the status byte. It says which
// operation is to be performed next and is told what came of it. Data moves in pieces of at most
// kMaxPiece bytes, one at a time, through chunks that are taken for the first piece and kept to the
// end, so a request of any size takes the same memory.
//
// An error of begin(), advance() or finish() is the driver's breach, or memory it has taken back:
// the device fails, and forget() follows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/uio.h>

#include "devices/virtio/block/block_request.h"
#include "devices/virtio/block/bounce_pool.h"
#include "devices/virtio/block/io_engine.h"
#include "devices/virtio/descriptor_chain.h"
#include "devices/virtio/queue_error.h"
#include "devices/virtio/virtqueue.h"
#include "vmm/base/result.h"

namespace redoubt {

// What a request has to know of its disk.
struct BlockDisk {
  std::string name;           // for messages
  BlockLimits limits;         // of the next request
  bool writethrough = false;  // a write is durable when its status says that it is done
  std::array<std::byte, VIRTIO_BLK_ID_BYTES> id{};
};

class BlockJob {
 public:
  static constexpr uint32_t kMaxChunks = 64;
  static constexpr uint32_t kMaxPiece = kMaxChunks * BouncePool::kChunkSize;

  // The operation to start; none, if the request can be finished.
  using Next = std::optional<IoOperation>;

  // Both outlive the job.
  BlockJob(const BlockDisk& disk, BouncePool& pool) : disk_(&disk), pool_(&pool) {}

  // The pool has kMaxChunks free chunks at least. The chain stays here until finish() or forget().
  [[nodiscard]] Result<Next, QueueError> begin(DescriptorChain chain);
  // The last operation's result, as in IoCompletion.
  [[nodiscard]] Result<Next, QueueError> advance(int32_t result);
  // An operation found nothing where the image should go on: it is shorter than the disk knows.
  [[nodiscard]] bool met_end() const { return met_end_; }
  // Writes the status and gives the chain back to the driver.
  [[nodiscard]] Result<void, QueueError> finish(Virtqueue& queue);

  // Drops the chain. An operation may still use the chunks: release() them when it has ended.
  void forget() { chain_.reset(); }
  [[nodiscard]] bool forgotten() const { return !chain_; }
  void release();

 private:
  using Kind = IoOperation::Kind;

  [[nodiscard]] Next begin_data();
  [[nodiscard]] Result<Next, QueueError> next_piece();
  // Operations. transfer() is for what is still to be moved of this piece.
  [[nodiscard]] Next transfer();
  [[nodiscard]] Next on_range(Kind kind);
  [[nodiscard]] Next after_data();
  [[nodiscard]] Next failed(std::string_view why);
  // use(span) for each chunk that this piece fills, the last perhaps in part.
  template <class Use>
  [[nodiscard]] Result<void, QueueError> for_each_chunk(Use use);

  // Constant after construction.
  const BlockDisk* disk_;
  BouncePool* pool_;

  std::optional<DescriptorChain> chain_;
  BlockRequest request_{};
  BlockStatus status_ = BlockStatus::Ok;
  bool met_end_ = false;
  uint32_t written_ = 0;      // bytes, from the start of the writable ones
  uint32_t repetitions_ = 0;  // of the current operation

  // Of the request's length: done before this piece, this piece, and moved of it.
  uint64_t done_ = 0;
  uint32_t piece_ = 0;
  uint32_t moved_ = 0;

  IoOperation operation_{};
  uint32_t chunk_count_ = 0;  // taken from the pool
  std::array<std::byte*, kMaxChunks> chunks_{};
  std::array<iovec, kMaxChunks> iovecs_{};
};

}  // namespace redoubt
