// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/devices/virtio/block/fake_engine.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace redoubt {

FakeEngine::~FakeEngine() {
  for (const Operation& operation : held_) (void)perform(operation);
}

void FakeEngine::start(uint32_t tag, const IoOperation& operation) {
  started_.push_back({tag, operation.kind, operation.offset, operation.length});
  Operation mine{tag, operation, {operation.buffers.begin(), operation.buffers.end()}, {}};
  if (const auto failure = failures_.find(operation.kind); failure != failures_.end()) {
    mine.result = failure->second;
  } else if (!results_.empty()) {
    mine.result = results_.front();
    results_.pop_front();
  }
  queued_.push_back(std::move(mine));
}

bool FakeEngine::submit() {
  const bool any = !queued_.empty();
  for (Operation& operation : std::exchange(queued_, {})) {
    if (holding_) {
      held_.push_back(std::move(operation));
    } else {
      finish(operation);
    }
  }
  return any;
}

std::optional<IoCompletion> FakeEngine::next_completion() {
  if (completions_.empty()) return std::nullopt;
  const IoCompletion completion = completions_.front();
  completions_.pop_front();
  return completion;
}

void FakeEngine::complete(size_t which, std::optional<int32_t> result) {
  Operation operation = held_.at(which);
  held_.erase(held_.begin() + static_cast<ptrdiff_t>(which));
  if (result) operation.result = result;
  finish(operation);
}

void FakeEngine::complete_all() {
  holding_ = false;
  for (const Operation& operation : std::exchange(held_, {})) finish(operation);
}

void FakeEngine::fail_next(std::vector<int32_t> results) {
  results_.assign(results.begin(), results.end());
}

std::vector<FakeEngine::Kind> FakeEngine::kinds() const {
  std::vector<Kind> kinds;
  for (const Started& started : started_) kinds.push_back(started.kind);
  return kinds;
}

void FakeEngine::finish(const Operation& operation) {
  completions_.push_back({operation.tag, perform(operation)});
  completed_.signal();
}

int32_t FakeEngine::perform(const Operation& operation) const {
  if (operation.result && *operation.result <= 0) return *operation.result;
  uint64_t left =
      operation.result ? static_cast<uint64_t>(*operation.result) : operation.operation.length;
  uint64_t offset = operation.operation.offset;
  const int fd = image_.get();
  const auto range = [&](int mode) {
    return ::fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                       static_cast<off_t>(left)) == 0
               ? 0
               : -errno;
  };
  switch (operation.operation.kind) {
    case Kind::Flush: return ::fdatasync(fd) == 0 ? 0 : -errno;
    case Kind::Discard:
    case Kind::PunchHole: return range(FALLOC_FL_PUNCH_HOLE);
    case Kind::ZeroRange: return range(FALLOC_FL_ZERO_RANGE);
    case Kind::Read:
    case Kind::Write: break;
  }
  int32_t moved = 0;
  for (const iovec& buffer : operation.buffers) {
    const size_t size = std::min<uint64_t>(buffer.iov_len, left);
    const auto at = static_cast<off_t>(offset);
    const ssize_t done = operation.operation.kind == Kind::Read
                             ? ::pread(fd, buffer.iov_base, size, at)
                             : ::pwrite(fd, buffer.iov_base, size, at);
    if (done < 0) return -errno;
    moved += static_cast<int32_t>(done);
    offset += static_cast<uint64_t>(done);
    left -= static_cast<uint64_t>(done);
    if (static_cast<size_t>(done) < buffer.iov_len) break;
  }
  return moved;
}

}  // namespace redoubt
