// SPDX-License-Identifier: Apache-2.0
//
// IoEngine: performs operations on one image without making anybody wait for them. UringEngine is
// the real one; tests have one that fails as they please.
//
// An operation begins at the next submit() at the latest, and ends with one Completion. The memory
// its buffers name belongs to the engine until then, and the array of iovecs until submit()
// returns. Whoever waits for completions gave the engine an eventfd, which is signalled when there
// are new ones. One thread uses an engine, from construction to destruction.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <sys/uio.h>

namespace redoubt {

struct IoOperation {
  enum class Kind {
    Read,
    Write,
    Flush,      // data and size of the image reach its storage
    Discard,    // the contents are of no more use
    PunchHole,  // reads as zeros from now on, and takes no room
    ZeroRange,  // reads as zeros from now on, and keeps its room
  };

  Kind kind;
  uint64_t offset = 0;               // bytes
  uint64_t length = 0;               // bytes; but for Flush
  std::span<const iovec> buffers{};  // of `length` bytes together; Read and Write alone
};

struct IoCompletion {
  uint32_t tag;
  int32_t result;  // bytes moved, perhaps fewer than wanted; 0 for the other kinds; or -errno
};

class IoEngine {
 public:
  IoEngine() = default;
  IoEngine(const IoEngine&) = delete;
  IoEngine& operator=(const IoEngine&) = delete;
  // Cancels what can be cancelled and waits for the rest: afterwards nothing uses a buffer. That
  // takes as long as the storage takes.
  virtual ~IoEngine() = default;

  // At most as many operations at a time as the engine was made for.
  virtual void start(uint32_t tag, const IoOperation& operation) = 0;
  // Whether there was anything to submit.
  virtual bool submit() = 0;
  [[nodiscard]] virtual std::optional<IoCompletion> next_completion() = 0;
};

}  // namespace redoubt
