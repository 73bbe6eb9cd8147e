// SPDX-License-Identifier: Apache-2.0
//
// EscapeKey: finds Ctrl-A and the command after it in what is typed on a raw terminal, where Ctrl-C
// goes to the guest.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace redoubt {

class EscapeKey {
 public:
  static constexpr const char* kHelp =
      "Ctrl-A x quits, Ctrl-A a sends Ctrl-A to the guest, Ctrl-A h shows this";

  struct Commands {
    std::function<void()> quit;  // x
    std::function<void()> help;  // h, and whatever is not a command
  };

  explicit EscapeKey(Commands commands) : commands_(std::move(commands)) {}

  // Obeys the commands in `typed`, a piece of a stream, and takes them out in place; returns how
  // many bytes are left for the guest, at the front. Ctrl-A a, or Ctrl-A twice, leaves one Ctrl-A.
  [[nodiscard]] size_t filter(std::span<std::byte> typed);

 private:
  const Commands commands_;
  bool escaped_ = false;  // the last byte was a Ctrl-A
};

}  // namespace redoubt
