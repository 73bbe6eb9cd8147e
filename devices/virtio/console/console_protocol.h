// SPDX-License-Identifier: Apache-2.0
//
// The virtio console as its driver sees it (virtio 1.3, 5.3): numbers and layouts, little-endian.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace redoubt::virtio_console {

static_assert(std::endian::native == std::endian::little);

inline constexpr uint32_t kDeviceId = 3;  // VIRTIO_ID_CONSOLE

// 5.3.3, as masks.
inline constexpr uint64_t kSize = uint64_t{1} << 0;       // columns and rows of port 0 are valid
inline constexpr uint64_t kMultiport = uint64_t{1} << 1;  // control queues, more ports than one
inline constexpr uint64_t kEmergWrite = uint64_t{1} << 2;

// 5.3.4
struct Config {
  uint16_t cols;
  uint16_t rows;
  uint32_t max_nr_ports;
  uint32_t emerg_wr;
};
static_assert(sizeof(Config) == 12);

// 5.3.6.2, struct virtio_console_control.
enum class Event : uint16_t {
  DeviceReady = 0,  // driver: value 1, it can take ports
  PortAdd = 1,      // device
  PortRemove = 2,   // device
  PortReady = 3,    // driver: value 1, it has the port
  ConsolePort = 4,  // device: the port is a terminal
  Resize = 5,       // device: followed by Resize
  PortOpen = 6,     // both: value 1 open, 0 closed
  PortName = 7,     // device: followed by the name, without a terminator
};

struct Control {
  uint32_t id;  // of the port
  uint16_t event;
  uint16_t value;
};
static_assert(sizeof(Control) == 8);

struct Resize {
  uint16_t cols;
  uint16_t rows;
};

// 5.3.2: receiveq and transmitq of port 0, then the two control queues, then a pair for each
// further port.
inline constexpr uint16_t kControlReceiveQueue = 2;
inline constexpr uint16_t kControlTransmitQueue = 3;

[[nodiscard]] constexpr uint16_t receive_queue(size_t port) {
  return static_cast<uint16_t>(port == 0 ? 0 : 2 * port + 2);
}
[[nodiscard]] constexpr uint16_t transmit_queue(size_t port) {
  return static_cast<uint16_t>(receive_queue(port) + 1);
}

}  // namespace redoubt::virtio_console
