// SPDX-License-Identifier: Apache-2.0
//
// MmioDevice: anything on the MmioBus. Its state is guarded by its mutex: the bus holds it around
// read() and write(), and what a device does on the loop thread (console input, an alarm) takes it
// by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

#include "vmm/fdt/fdt_writer.h"

namespace redoubt {

class MmioDevice {
 public:
  MmioDevice() = default;
  MmioDevice(const MmioDevice&) = delete;
  MmioDevice& operator=(const MmioDevice&) = delete;
  virtual ~MmioDevice() = default;

  // An access of a guest, on any vCPU thread: the whole of it lies inside the device's range,
  // data.size() is 1, 2, 4 or 8, data is little-endian, and `offset` need not be aligned. The guest
  // is hostile: never throws, blocks or aborts. read() fills all of `data`.
  virtual void read(uint64_t offset, std::span<std::byte> data) = 0;
  virtual void write(uint64_t offset, std::span<const std::byte> data) = 0;

  // Adds the device's own node to the device tree, below `parent`. Set-up only.
  virtual void describe(fdt::Node& parent) const = 0;

  [[nodiscard]] std::mutex& mutex() { return mutex_; }

 private:
  std::mutex mutex_;
};

}  // namespace redoubt
