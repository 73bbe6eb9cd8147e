// SPDX-License-Identifier: Apache-2.0
//
// FakeEngine: an IoEngine that does what a test says. Unless told otherwise it performs operations
// on the image at submit(), as the kernel does when the page cache has the data.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "devices/virtio/block/io_engine.h"
#include "vmm/base/event_fd.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class FakeEngine final : public IoEngine {
 public:
  using Kind = IoOperation::Kind;
  struct Started {
    uint32_t tag;
    Kind kind;
    uint64_t offset;
    uint64_t length;
  };

  FakeEngine(BorrowedFd image, EventFd& completed) : image_(image), completed_(completed) {}
  // As the kernel: whatever was under way may still use its buffers.
  ~FakeEngine() override;

  void start(uint32_t tag, const IoOperation& operation) override;
  bool submit() override;
  [[nodiscard]] std::optional<IoCompletion> next_completion() override;

  // From now on operations stay under way until complete() or complete_all().
  void hold() { holding_ = true; }
  // Ends one of those under way: performed, or with a result of the test's choice.
  void complete(size_t which, std::optional<int32_t> result = std::nullopt);
  // Ends all of them, and those that follow at submit().
  void complete_all();

  // Results of the next operations, in the order in which they start. One that is smaller than the
  // length moves that many bytes.
  void fail_next(std::vector<int32_t> results);
  // Of every operation of this kind.
  void fail_all(Kind kind, int32_t result) { failures_[kind] = result; }

  // Everything that was started, and what is under way.
  [[nodiscard]] const std::vector<Started>& started() const { return started_; }
  [[nodiscard]] size_t in_flight() const { return held_.size(); }
  [[nodiscard]] std::vector<Kind> kinds() const;

 private:
  struct Operation {
    uint32_t tag;
    IoOperation operation;
    std::vector<iovec> buffers;
    std::optional<int32_t> result;
  };
  [[nodiscard]] int32_t perform(const Operation& operation) const;
  void finish(const Operation& operation);

  BorrowedFd image_;
  EventFd& completed_;
  bool holding_ = false;
  std::deque<int32_t> results_;
  std::map<Kind, int32_t> failures_;
  std::vector<Started> started_;
  std::vector<Operation> queued_;
  std::vector<Operation> held_;
  std::deque<IoCompletion> completions_;
};

}  // namespace redoubt
