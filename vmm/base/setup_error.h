// SPDX-License-Identifier: Apache-2.0
//
// SetupError: why a guest could not be set up. Thrown until the guest runs, never afterwards.
// Say what was being done, on what and why it failed; what the user can do about it goes into
// `remedy`. Causes nest with std::throw_with_nested and are printed once, by main().
#pragma once

#include <stdexcept>
#include <string>

#include "vmm/base/exit_status.h"

namespace redoubt {

class SetupError : public std::runtime_error {
 public:
  explicit SetupError(const std::string& what, ExitStatus status = ExitStatus::SetupFailed,
                      std::string remedy = {})
      : std::runtime_error(what), status_(status), remedy_(std::move(remedy)) {}

  [[nodiscard]] ExitStatus status() const { return status_; }
  // What the user can do, one sentence or more; empty when the message says it all.
  [[nodiscard]] const std::string& remedy() const { return remedy_; }

 private:
  ExitStatus status_;
  std::string remedy_;
};

// Throws std::system_error of the current errno; `what` names the call and its object,
// for example "open /dev/kvm".
[[noreturn]] void throw_errno(const std::string& what);

// The error and its causes on one line, "outer: inner: innermost".
[[nodiscard]] std::string message_chain(const std::exception& error);

// The remedy of the innermost SetupError of the chain that has one.
[[nodiscard]] std::string remedy_of(const std::exception& error);

}  // namespace redoubt
