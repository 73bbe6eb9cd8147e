// SPDX-License-Identifier: Apache-2.0
//
// HostileGuest: a guest that runs a hostile program against one device of each type, under
// `redoubt run`. Its console is a file, for what the log says is not to come between.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "tests/hostile/program.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

// Programs of hostile guests: in the DMA window of a protected one, anywhere in another.
[[nodiscard]] constexpr uint64_t hostile_arena(bool is_protected) {
  return is_protected ? hostile::kWindowArena : hostile::kRamArena;
}

// Here the program says the number and waits for HostileGuest::go_on(). It resets the vsock device.
void pause(hostile::Program& program, uint32_t number);

class HostileGuest {
 public:
  // Throws std::runtime_error or std::system_error.
  HostileGuest(const hostile::Program& program, bool is_protected);
  HostileGuest(const HostileGuest&) = delete;
  HostileGuest& operator=(const HostileGuest&) = delete;

  [[nodiscard]] RedoubtProcess& process() { return *process_; }

  // Waits until the guest has said the number; false if it did not within kPatience.
  [[nodiscard]] bool wait_said(uint32_t number);
  // What the guest has printed so far.
  [[nodiscard]] std::string console() const;
  // What it has told, after saying `after` and before saying anything else.
  [[nodiscard]] std::vector<uint64_t> told(std::optional<uint32_t> after = std::nullopt) const;
  // VmRSS of the VMM in bytes, and how many files it has open.
  [[nodiscard]] uint64_t resident_bytes() const;
  [[nodiscard]] size_t open_files() const;
  // The program, which has said that it pauses, goes on.
  void go_on() const;
  // A non-blocking socket of the host that the guest's connections to `port` reach.
  [[nodiscard]] UniqueFd listen(uint32_t port) const;

 private:
  const ScratchFolder folder_;  // outlives the process
  std::optional<RedoubtProcess> process_;
};

// Why this host cannot run hostile guests with all their devices, empty if it can.
[[nodiscard]] std::string why_no_hostile_guest(bool is_protected);

}  // namespace redoubt::suite

#define REDOUBT_NEEDS_HOSTILE_GUEST(is_protected)                                 \
  do {                                                                            \
    const std::string why = ::redoubt::suite::why_no_hostile_guest(is_protected); \
    if (!why.empty()) GTEST_SKIP() << why;                                        \
  } while (false)
