// SPDX-License-Identifier: Apache-2.0
//
// ConsoleBackend: the host's end of a console, as a UART or a virtio port sees it. It outlives the
// device, so that a guest which resets into a new VM stays on the same terminal, file or client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>

namespace redoubt {

struct TerminalSize {
  uint16_t columns;
  uint16_t rows;

  bool operator==(const TerminalSize&) const = default;
};

class ConsoleBackend {
 public:
  // Tells that something has changed. Loop thread.
  using Notice = std::function<void()>;

  // Takes as many bytes as there is room for, from the front, and returns how many. If that is not
  // all, call input_wanted() once there is room: the rest is offered again. Loop thread.
  using Sink = std::function<size_t(std::span<const std::byte>)>;

  virtual ~ConsoleBackend() = default;

  // Output, from any thread. Never blocks: what nobody reads is kept up to a limit, and then makes
  // room for newer output.
  virtual void write(std::span<const std::byte> bytes) noexcept = 0;

  // Bytes that write() takes now without dropping any, for a device that would rather wait; after a
  // write-out, `on_room` is called. What discards its output anyway has room for everything. Loop
  // thread.
  [[nodiscard]] virtual size_t output_room() const { return std::numeric_limits<size_t>::max(); }
  virtual void watch_output_room(Notice on_room) { static_cast<void>(on_room); }

  // The size of the terminal behind it, if there is one and it knows. Loop thread. `on_change` is
  // called when it may have changed; a pseudo-terminal tells nobody, and has to be asked.
  [[nodiscard]] virtual std::optional<TerminalSize> terminal_size() const { return std::nullopt; }
  virtual void watch_terminal_size(Notice on_change) { static_cast<void>(on_change); }

  // Who receives the input; an empty Sink ends it. Loop thread, or while the loop is not running.
  virtual void connect(Sink sink) = 0;

  // Any thread: the sink has room again.
  virtual void input_wanted() noexcept = 0;

  // Writes out what is still kept, as far as the reader takes it within about a tenth of a second.
  // For the end of a guest. Loop thread, or while the loop is not running.
  virtual void flush() = 0;
};

}  // namespace redoubt
