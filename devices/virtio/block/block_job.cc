// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/block_job.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "vmm/base/log.h"

namespace redoubt {

namespace {

// Interruptions and shortages end by themselves. A host on which they do not is broken.
constexpr uint32_t kMaxRepetitions = 100;

std::string_view describe(IoOperation::Kind kind) {
  switch (kind) {
    case IoOperation::Kind::Read: return "read";
    case IoOperation::Kind::Write: return "write";
    case IoOperation::Kind::Flush: return "flush";
    case IoOperation::Kind::Discard: return "discard";
    case IoOperation::Kind::PunchHole:
    case IoOperation::Kind::ZeroRange: break;
  }
  return "write of zeros";
}

}  // namespace

Result<BlockJob::Next, QueueError> BlockJob::begin(DescriptorChain chain) {
  status_ = BlockStatus::Ok;
  met_end_ = false;
  written_ = 0;
  repetitions_ = 0;
  done_ = 0;
  piece_ = 0;
  moved_ = 0;
  chain_.emplace(std::move(chain));

  if (chain_->writable_bytes() == 0) return Unexpected(QueueError::BadRequest);  // no status byte
  const auto header = TRY(chain_->read_object<virtio_blk_outhdr>());
  const BlockLimits limits = disk_->limits;
  const auto request =
      BlockRequest::make(header, chain_->readable_left(), chain_->writable_bytes() - 1, limits);
  if (!request) {
    status_ = request.error();
    return std::nullopt;
  }
  request_ = *request;
  if (request_.kind == BlockRequest::Kind::Discard ||
      request_.kind == BlockRequest::Kind::WriteZeroes) {
    const auto range = TRY(chain_->read_object<virtio_blk_discard_write_zeroes>());
    if (const auto valid = request_.set_range(range, limits); !valid) {
      status_ = valid.error();
      return std::nullopt;
    }
  }

  switch (request_.kind) {
    case BlockRequest::Kind::Read:
    case BlockRequest::Kind::Write: return next_piece();
    case BlockRequest::Kind::Flush: operation_ = {.kind = Kind::Flush}; return operation_;
    case BlockRequest::Kind::Discard: return on_range(Kind::Discard);
    case BlockRequest::Kind::WriteZeroes:
      return on_range(request_.unmap ? Kind::PunchHole : Kind::ZeroRange);
    case BlockRequest::Kind::GetId: break;
  }
  TRY(chain_->write(disk_->id));
  written_ = VIRTIO_BLK_ID_BYTES;
  return std::nullopt;
}

Result<BlockJob::Next, QueueError> BlockJob::advance(int32_t result) {
  if (result == -EINTR || result == -EAGAIN) {
    if (++repetitions_ > kMaxRepetitions) return failed("the host does not get it done");
    return operation_;
  }
  repetitions_ = 0;
  if (result == -EOPNOTSUPP && operation_.kind == Kind::PunchHole) return on_range(Kind::ZeroRange);
  if (result == -EOPNOTSUPP && operation_.kind == Kind::ZeroRange) return next_piece();
  if (result == -EOPNOTSUPP && operation_.kind == Kind::Discard) {
    status_ = BlockStatus::Unsupported;
    return std::nullopt;
  }
  if (result < 0) return failed(std::generic_category().message(-result));

  switch (operation_.kind) {
    case Kind::Read:
    case Kind::Write: break;
    case Kind::Flush: return std::nullopt;
    case Kind::Discard:
    case Kind::PunchHole:
    case Kind::ZeroRange: return after_data();
  }
  const auto moved = static_cast<uint32_t>(result);
  met_end_ = moved == 0;
  if (moved == 0 || moved > piece_ - moved_) return failed("the image ends before that");
  moved_ += moved;
  if (moved_ < piece_) return transfer();
  if (operation_.kind == Kind::Read) {
    TRY(for_each_chunk([this](std::span<std::byte> chunk) { return chain_->write(chunk); }));
    written_ += piece_;
  }
  done_ += piece_;
  return next_piece();
}

Result<BlockJob::Next, QueueError> BlockJob::next_piece() {
  piece_ = static_cast<uint32_t>(std::min<uint64_t>(request_.length - done_, kMaxPiece));
  moved_ = 0;
  if (piece_ == 0) return after_data();
  const uint32_t chunks = (piece_ + BouncePool::kChunkSize - 1) / BouncePool::kChunkSize;
  if (request_.kind == BlockRequest::Kind::WriteZeroes) {
    std::fill_n(chunks_.begin(), chunks, pool_->zeros());
  } else if (chunk_count_ == 0) {
    // The first piece is the largest.
    pool_->take(std::span(chunks_).first(chunks));
    chunk_count_ = chunks;
  }
  if (request_.kind == BlockRequest::Kind::Write) {
    TRY(for_each_chunk([this](std::span<std::byte> chunk) { return chain_->read(chunk); }));
  }
  return transfer();
}

BlockJob::Next BlockJob::transfer() {
  size_t count = 0;
  for (uint32_t at = moved_; at < piece_;) {
    const uint32_t in_chunk = at % BouncePool::kChunkSize;
    const uint32_t size = std::min(BouncePool::kChunkSize - in_chunk, piece_ - at);
    iovecs_[count++] = {chunks_[at / BouncePool::kChunkSize] + in_chunk, size};
    at += size;
  }
  operation_ = {.kind = request_.kind == BlockRequest::Kind::Read ? Kind::Read : Kind::Write,
                .offset = request_.offset + done_ + moved_,
                .length = piece_ - moved_,
                .buffers = std::span(iovecs_).first(count)};
  return operation_;
}

BlockJob::Next BlockJob::on_range(Kind kind) {
  if (request_.length == 0) return std::nullopt;
  operation_ = {.kind = kind, .offset = request_.offset, .length = request_.length};
  return operation_;
}

BlockJob::Next BlockJob::after_data() {
  if (request_.kind == BlockRequest::Kind::Read || !disk_->writethrough) return std::nullopt;
  operation_ = {.kind = Kind::Flush};
  return operation_;
}

BlockJob::Next BlockJob::failed(std::string_view why) {
  static log::RateLimit limit;
  log::guest(limit, "{}: {} of {} bytes at {:#x}: {}", disk_->name, describe(operation_.kind),
             operation_.length, operation_.offset, why);
  status_ = BlockStatus::IoError;
  return std::nullopt;
}

template <class Use>
Result<void, QueueError> BlockJob::for_each_chunk(Use use) {
  for (uint32_t at = 0; at < piece_; at += BouncePool::kChunkSize) {
    const uint32_t size = std::min(BouncePool::kChunkSize, piece_ - at);
    TRY(use(std::span(chunks_[at / BouncePool::kChunkSize], size)));
  }
  return {};
}

Result<void, QueueError> BlockJob::finish(Virtqueue& queue) {
  release();
  const uint32_t status_at = chain_->writable_bytes() - 1;
  const std::array status{static_cast<std::byte>(status_)};
  TRY(chain_->write_at(status_at, status));
  // Up to the first gap (2.7.8.2): a driver is not to take for data what was not written.
  const uint32_t written = written_ == status_at ? status_at + 1 : written_;
  DescriptorChain chain = std::move(*chain_);
  chain_.reset();
  return queue.push(std::move(chain), written);
}

void BlockJob::release() {
  pool_->give_back(std::span(chunks_).first(chunk_count_));
  chunk_count_ = 0;
}

}  // namespace redoubt
