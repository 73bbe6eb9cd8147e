// SPDX-License-Identifier: Apache-2.0
//
// FakePort: the host's end of a port, which takes as much as a test lets it and remembers it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "devices/console/console_backend.h"

namespace redoubt {

class FakePort final : public ConsoleBackend {
 public:
  void write(std::span<const std::byte> bytes) noexcept override {
    for (const std::byte byte : bytes) output += std::to_integer<char>(byte);
    room -= std::min(room, bytes.size());
  }
  void connect(Sink new_sink) override { sink = std::move(new_sink); }
  void input_wanted() noexcept override { ++times_wanted; }
  void flush() override {}
  [[nodiscard]] size_t output_room() const override { return room; }
  void watch_output_room(Notice notice) override { on_room = std::move(notice); }
  [[nodiscard]] std::optional<TerminalSize> terminal_size() const override { return size; }
  void watch_terminal_size(Notice notice) override { on_resize = std::move(notice); }

  // Offers text; returns how much of it was taken.
  size_t type(std::string_view text) { return sink(std::as_bytes(std::span(text))); }
  void make_room(size_t bytes) {
    room += bytes;
    on_room();
  }
  void resize(TerminalSize new_size) {
    size = new_size;
    on_resize();
  }

  std::string output;
  Sink sink;
  int times_wanted = 0;
  size_t room = 1'000'000'000;
  std::optional<TerminalSize> size;
  Notice on_room;
  Notice on_resize;
};

}  // namespace redoubt
