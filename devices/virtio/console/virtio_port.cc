// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/console/virtio_port.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace redoubt {

using virtio_console::Control;
using virtio_console::Event;

namespace {

constexpr size_t kChunk = 4096;
constexpr int kStepsPerTurn = 64;  // chunks or requests; then other devices get their turn

}  // namespace

VirtioPort::VirtioPort(uint32_t id, const ConsolePort& port)
    : id_(id), name_(port.name), tty_(port.tty), backend_(port.backend) {}

Result<VirtioPort::Output, QueueError> VirtioPort::take_output(Virtqueue& transmit) {
  std::array<std::byte, kChunk> bytes;
  output_ = Output::More;
  for (int step = 0; step < kStepsPerTurn; ++step) {
    if (!request_) request_ = TRY(transmit.pop());
    if (!request_) return output_ = Output::Done;
    size_t size = std::min<size_t>(bytes.size(), request_->readable_left());
    if (!tty_ && size > 0) {
      size = std::min(size, backend_.output_room());
      if (size == 0) return output_ = Output::Blocked;
    }
    const std::span<std::byte> chunk = std::span(bytes).first(size);
    TRY(request_->read(chunk));
    backend_.write(chunk);
    if (request_->readable_left() > 0) continue;
    TRY(transmit.push(*std::exchange(request_, std::nullopt), 0));
  }
  return output_;
}

Result<size_t, QueueError> VirtioPort::give_input(Virtqueue& receive,
                                                  std::span<const std::byte> bytes) {
  size_t given = 0;
  while (given < bytes.size()) {
    std::optional<DescriptorChain> buffer = TRY(receive.pop());
    if (!buffer) break;
    // A buffer that takes nothing would keep us here for as long as the driver supplies them.
    if (buffer->writable_bytes() == 0) return Unexpected(QueueError::BadRequest);
    const uint32_t size =
        static_cast<uint32_t>(std::min<size_t>(bytes.size() - given, buffer->writable_bytes()));
    TRY(buffer->write(bytes.subspan(given, size)));
    TRY(receive.push(*std::move(buffer), size));
    given += size;
  }
  return given;
}

void VirtioPort::introduce() {
  introduced_ = true;
  told_size_.reset();
  if (tty_) tell(Event::ConsolePort);
  tell_size_if_new();
  if (!name_.empty()) tell(Event::PortName);
  tell(Event::PortOpen);
}

void VirtioPort::tell_size_if_new() {
  if (!tty_ || !introduced_) return;
  const std::optional<TerminalSize> size = backend_.terminal_size();
  if (!size || size == told_size_) return;
  told_size_ = size;
  tell(Event::Resize);
}

// In the order of the events' numbers, in which each message finds what it builds on: a port before
// its kind, its kind before its size.
Result<uint32_t, QueueError> VirtioPort::write_message(DescriptorChain& chain) {
  const int event = std::countr_zero(messages_);
  messages_ &= messages_ - 1;
  TRY(chain.write_object(Control{.id = id_, .event = static_cast<uint16_t>(event), .value = 1}));
  uint32_t size = sizeof(Control);
  if (Event{static_cast<uint16_t>(event)} == Event::Resize) {
    const TerminalSize terminal = told_size_.value_or(TerminalSize{});
    TRY(chain.write_object(
        virtio_console::Resize{.cols = terminal.columns, .rows = terminal.rows}));
    size += sizeof(virtio_console::Resize);
  } else if (Event{static_cast<uint16_t>(event)} == Event::PortName) {
    TRY(chain.write(std::as_bytes(std::span(name_))));
    size += static_cast<uint32_t>(name_.size());
  }
  return size;
}

void VirtioPort::reset() {
  request_.reset();
  output_ = Output::Done;
  open_ = false;
  introduced_ = false;
  told_size_.reset();
  messages_ = 0;
}

}  // namespace redoubt
