// SPDX-License-Identifier: Apache-2.0
//
// ConsoleBackend: the host's end of a serial console, as a UART sees it. It outlives the UART, so
// that a guest which resets into a new VM stays on the same terminal, file or client.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace redoubt {

class ConsoleBackend {
 public:
  // Takes as many bytes as there is room for, from the front, and returns how many. If that is not
  // all, call input_wanted() once there is room: the rest is offered again. Loop thread.
  using Sink = std::function<size_t(std::span<const std::byte>)>;

  virtual ~ConsoleBackend() = default;

  // Output, from any thread. Never blocks: what nobody reads is kept up to a limit, and then makes
  // room for newer output.
  virtual void write(std::span<const std::byte> bytes) noexcept = 0;

  // Who receives the input; an empty Sink ends it. Loop thread, or while the loop is not running.
  virtual void connect(Sink sink) = 0;

  // Any thread: the sink has room again.
  virtual void input_wanted() noexcept = 0;

  // Writes out what is still kept, as far as the reader takes it within about a tenth of a second.
  // For the end of a guest. Loop thread, or while the loop is not running.
  virtual void flush() = 0;
};

}  // namespace redoubt
