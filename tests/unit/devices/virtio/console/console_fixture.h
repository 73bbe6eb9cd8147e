// SPDX-License-Identifier: Apache-2.0
//
// A virtio console with a terminal and two streams, and its driver.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "devices/virtio/console/virtio_console.h"
#include "tests/unit/devices/console/support.h"
#include "tests/unit/devices/run_until.h"
#include "tests/unit/devices/virtio/console/fake_port.h"
#include "tests/unit/devices/virtio/console/receive_buffers.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "tests/unit/devices/virtio/fake_transport.h"

namespace redoubt {

class VirtioConsoleTest : public ::testing::Test {
 protected:
  using Event = virtio_console::Event;
  static constexpr uint16_t kControlReceive = virtio_console::kControlReceiveQueue;
  static constexpr uint16_t kControlTransmit = virtio_console::kControlTransmitQueue;
  static constexpr uint32_t kNoPort = 0xffff'ffff;

  // "1 PortName:log", as the driver reads a control message.
  static std::string text_of_message(std::span<const std::byte> bytes) {
    constexpr std::array kNames = {"DeviceReady", "PortAdd", "PortRemove", "PortReady",
                                   "ConsolePort", "Resize",  "PortOpen",   "PortName"};
    virtio_console::Control control{};
    if (bytes.size() < sizeof(control)) return "short";
    std::memcpy(&control, bytes.data(), sizeof(control));
    std::string text = std::to_string(control.id) + " " + kNames.at(control.event);
    const std::span<const std::byte> rest = bytes.subspan(sizeof(control));
    if (Event{control.event} == Event::PortName) return text + ":" + text_of(rest);
    if (Event{control.event} != Event::Resize) return text + " " + std::to_string(control.value);
    virtio_console::Resize size{};
    if (rest.size() != sizeof(size)) return text + " of a wrong size";
    std::memcpy(&size, rest.data(), sizeof(size));
    return text + " " + std::to_string(size.cols) + "x" + std::to_string(size.rows);
  }

  void send(uint16_t queue, std::string_view bytes) {
    (void)driver.chain().readable(bytes).submit(queue);
    transport.notify(queue);
    (void)driver.used(queue);
  }
  void tell(uint32_t id, Event event, uint16_t value) {
    const virtio_console::Control text{
        .id = id, .event = static_cast<uint16_t>(event), .value = value};
    driver.write(message.start(), std::as_bytes(std::span(&text, 1)));
    (void)driver.chain().readable_at(message.start(), 8).submit(kControlTransmit);
    transport.notify(kControlTransmit);
    (void)driver.used(kControlTransmit);
  }
  // What the device says, with buffers enough for it.
  std::vector<std::string> told() {
    control.give(16 - control.waiting());
    transport.notify(kControlReceive);
    std::vector<std::string> texts;
    for (const auto& bytes : control.take()) texts.push_back(text_of_message(bytes));
    return texts;
  }
  // The dialogue up to where each port can be used.
  void introduce_ports() {
    tell(kNoPort, Event::DeviceReady, 1);
    (void)told();
    for (const uint32_t port : {0u, 1u, 2u}) tell(port, Event::PortReady, 1);
    (void)told();
    for (const uint32_t port : {0u, 1u, 2u}) tell(port, Event::PortOpen, 1);
  }
  static std::string joined(const std::vector<std::vector<std::byte>>& pieces) {
    std::string text;
    for (const auto& piece : pieces) text += text_of(piece);
    return text;
  }

  CapturedLog log;
  EventLoop loop;
  FakeDriver driver;
  FakePort terminal;
  FakePort events;
  FakePort data;
  std::vector<ConsolePort> ports = {
      {"console", true, terminal}, {"org.example.events", false, events}, {"data", false, data}};
  VirtioConsole console{loop, ports};
  FakeTransport transport{driver, console};
  GuestRange message = driver.allocate(8);
  ReceiveBuffers control{driver, kControlReceive, 128};
  ReceiveBuffers keys{driver, virtio_console::receive_queue(0), 16};
  ReceiveBuffers commands{driver, virtio_console::receive_queue(1), 16};
};

}  // namespace redoubt
