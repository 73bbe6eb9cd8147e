// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/console/virtio_console.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <sys/epoll.h>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

using virtio_console::Control;
using virtio_console::Event;

namespace {

// Linux fills a receiveq with pages, so an entry more costs four KiB of the DMA window.
constexpr uint16_t kReceiveSize = 16;
constexpr uint16_t kTransmitSize = 32;

}  // namespace

VirtioConsole::VirtioConsole(EventLoop& loop, std::span<const ConsolePort> ports)
    : input_waits_(ports.size()) {
  if (ports.empty() || ports.size() > kMaxPorts) {
    throw SetupError(fmt::format("console: {} ports, not 1 to {}", ports.size(), kMaxPorts),
                     ExitStatus::BadConfig, "leave some of the ports out");
  }
  for (const ConsolePort& port : ports) {
    if (port.name.size() > kMaxNameBytes) {
      throw SetupError(fmt::format("console: the name of port {} is longer than {} bytes",
                                   port.name, kMaxNameBytes),
                       ExitStatus::BadConfig, "choose a shorter name");
    }
    ports_.emplace_back(static_cast<uint32_t>(ports_.size()), port);
  }
  const size_t pairs = several_ports() ? ports.size() + 1 : 1;  // one of them for control
  for (size_t pair = 0; pair < pairs; ++pair) {
    queue_sizes_.push_back(kReceiveSize);
    queue_sizes_.push_back(kTransmitSize);
  }
  config_.max_nr_ports = static_cast<uint32_t>(ports.size());
  const TerminalSize size = ports_[0].backend().terminal_size().value_or(TerminalSize{});
  config_.cols = size.columns;
  config_.rows = size.rows;
  again_watch_ = loop.watch(again_.fd(), EPOLLIN, [this](uint32_t) {
    again_.drain();
    transport().run([this]() -> Result<void, QueueError> {
      for (size_t port = 0; port < ports_.size(); ++port) TRY(take_output(port));
      return {};
    });
  });
}

VirtioConsole::~VirtioConsole() {
  for (VirtioPort& port : ports_) {
    port.backend().connect({});
    port.backend().watch_output_room({});
    port.backend().watch_terminal_size({});
  }
}

uint64_t VirtioConsole::dma_window_need(size_t ports) {
  constexpr uint64_t kPage = 4096;
  constexpr uint64_t kRings = 2 * kPage;
  constexpr uint64_t kInput = kReceiveSize * kPage;
  // Output is completed at once: a write(2) of the guest, cut at 32 KiB, and the next one.
  constexpr uint64_t kOutput = uint64_t{2} * 32 * 1024;
  return (ports + 1) * (kRings + kInput) + ports * kOutput;
}

uint64_t VirtioConsole::features() const {
  const uint64_t multiport = several_ports() ? virtio_console::kMultiport : 0;
  return virtio_console::kSize | virtio_console::kEmergWrite | multiport;
}

std::span<const std::byte> VirtioConsole::initial_config() const {
  return std::as_bytes(std::span(&config_, 1));
}

void VirtioConsole::attach(VirtioTransport& transport) {
  VirtioDevice::attach(transport);
  for (size_t port = 0; port < ports_.size(); ++port) {
    ConsoleBackend& backend = ports_[port].backend();
    backend.watch_output_room([this, port] { on_room(port); });
    backend.watch_terminal_size([this, port] { on_resize(port); });
    backend.connect(
        [this, port](std::span<const std::byte> bytes) { return on_input(port, bytes); });
  }
}

Result<void, QueueError> VirtioConsole::start() {
  if (!multiport()) ports_[0].set_open(true);
  for (size_t port = 0; port < ports_.size(); ++port) want_input(port);
  return {};
}

std::optional<size_t> VirtioConsole::port_of(uint16_t queue) const {
  if (queue < virtio_console::kControlReceiveQueue) return 0;
  const size_t port = (size_t{queue} - 2) / 2;
  if (port == 0 || port >= ports_.size()) return std::nullopt;
  return port;
}

Result<void, QueueError> VirtioConsole::on_notify(uint16_t queue) {
  if (queue == virtio_console::kControlReceiveQueue) return send_control();
  if (queue == virtio_console::kControlTransmitQueue) return take_control();
  const std::optional<size_t> port = port_of(queue);
  if (!port) return {};
  if (queue == virtio_console::transmit_queue(*port)) return take_output(*port);
  want_input(*port);
  return {};
}

void VirtioConsole::stop() {
  for (VirtioPort& port : ports_) port.reset();
}

void VirtioConsole::stop_queue(uint16_t queue) {
  const std::optional<size_t> port = port_of(queue);
  if (port && queue == virtio_console::transmit_queue(*port)) ports_[*port].drop_output();
}

// emerg_wr: a character for port 0 from a driver that has no queues, or none any more.
void VirtioConsole::write_config(uint32_t offset, std::span<const std::byte> data) {
  if (offset != offsetof(virtio_console::Config, emerg_wr) || data.empty()) return;
  ports_[0].backend().write(data.first(1));
}

Result<void, QueueError> VirtioConsole::take_output(size_t port) {
  Virtqueue* transmit = transport().queue(virtio_console::transmit_queue(port));
  if (transmit == nullptr) return {};
  if (TRY(ports_[port].take_output(*transmit)) == VirtioPort::Output::More) again_.signal();
  return {};
}

Result<void, QueueError> VirtioConsole::take_control() {
  Virtqueue* queue = transport().queue(virtio_console::kControlTransmitQueue);
  if (!multiport() || queue == nullptr) return {};
  while (std::optional<DescriptorChain> chain = TRY(queue->pop())) {
    if (chain->readable_bytes() >= sizeof(Control)) {
      obey(TRY(chain->read_object<Control>()));
    } else {
      static log::RateLimit limit;
      log::guest(limit, "console: a control message of {} bytes is ignored",
                 chain->readable_bytes());
    }
    TRY(queue->push(*std::move(chain), 0));
  }
  return send_control();
}

void VirtioConsole::obey(const Control& message) {
  const Event event{message.event};
  if (event == Event::DeviceReady && message.value == 1) {
    for (VirtioPort& port : ports_) port.announce();
    return;
  }
  if (message.id < ports_.size()) {
    VirtioPort& port = ports_[message.id];
    if (event == Event::PortReady && message.value == 1) return port.introduce();
    if (event == Event::PortOpen) {
      port.set_open(message.value == 1);
      return want_input(message.id);
    }
  }
  static log::RateLimit limit;
  log::guest(limit, "console: the control message port {} event {} value {} is ignored", message.id,
             message.event, message.value);
}

Result<void, QueueError> VirtioConsole::send_control() {
  Virtqueue* queue = transport().queue(virtio_console::kControlReceiveQueue);
  if (!multiport() || queue == nullptr) return {};
  for (VirtioPort& port : ports_) {
    while (port.has_message()) {
      std::optional<DescriptorChain> chain = TRY(queue->pop());
      if (!chain) return {};
      const uint32_t size = TRY(port.write_message(*chain));
      TRY(queue->push(*std::move(chain), size));
    }
  }
  return {};
}

size_t VirtioConsole::on_input(size_t port, std::span<const std::byte> bytes) {
  size_t taken = 0;
  on_resize(port);
  transport().run([&]() -> Result<void, QueueError> {
    Virtqueue* receive = transport().queue(virtio_console::receive_queue(port));
    if (!ports_[port].open() || receive == nullptr) return {};
    taken = TRY(ports_[port].give_input(*receive, bytes));
    return {};
  });
  input_waits_[port] = taken < bytes.size();
  return taken;
}

void VirtioConsole::want_input(size_t port) {
  if (input_waits_[port]) ports_[port].backend().input_wanted();
}

void VirtioConsole::on_room(size_t port) {
  transport().run([this, port]() -> Result<void, QueueError> {
    if (!ports_[port].waits_for_room()) return {};
    return take_output(port);
  });
}

void VirtioConsole::on_resize(size_t port) {
  if (!ports_[port].tty()) return;
  if (port == 0) update_size();
  transport().run([this, port] {
    ports_[port].tell_size_if_new();
    return send_control();
  });
}

// For a driver without MULTIPORT.
void VirtioConsole::update_size() {
  const std::optional<TerminalSize> size = ports_[0].backend().terminal_size();
  if (!size || size == TerminalSize{.columns = config_.cols, .rows = config_.rows}) return;
  config_.cols = size->columns;
  config_.rows = size->rows;
  transport().update_config(std::as_bytes(std::span(&config_, 1)));
}

}  // namespace redoubt
