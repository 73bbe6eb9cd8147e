// SPDX-License-Identifier: Apache-2.0
//
// StreamConsole: a console whose two directions can each be attached to a stream, by the classes
// derived from it. With nothing attached it is the console of kind None.
#pragma once

#include <utility>

#include "devices/console/console_backend.h"
#include "devices/console/console_input.h"
#include "devices/console/console_output.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

class StreamConsole : public ConsoleBackend {
 public:
  // `loop` must outlive the console; both are made and destroyed on the loop thread, or while the
  // loop is not running. Throws std::system_error.
  explicit StreamConsole(EventLoop& loop) : output_(loop), input_(loop) {}

  void write(std::span<const std::byte> bytes) noexcept final { output_.write(bytes); }
  void connect(Sink sink) final { input_.connect(std::move(sink)); }
  void input_wanted() noexcept final { input_.wanted(); }
  void flush() final { output_.flush(); }
  [[nodiscard]] size_t output_room() const override {
    return output_.attached() ? output_.room() : ConsoleBackend::output_room();
  }
  void watch_output_room(Notice on_room) final { output_.watch_room(std::move(on_room)); }

  // Bytes of output that were lost, see ConsoleOutput::lost(). Any thread.
  [[nodiscard]] uint64_t lost_output() const { return output_.lost(); }

 protected:
  ConsoleOutput output_;
  ConsoleInput input_;
};

}  // namespace redoubt
