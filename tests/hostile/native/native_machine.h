// SPDX-License-Identifier: Apache-2.0
//
// NativeMachine: the devices of a hostile guest without KVM. They are the VMM's own, on their bus
// and behind their transports; the guest is an Interpreter. The same programs run here and on the
// board.
//
// What the devices have on the host is real too, as far as it needs no privileges: a disk in a
// file, a vsock in a folder; all of it is gone with the machine. Made, used and destroyed on one
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "devices/console/console_backend.h"
#include "devices/mmio_bus.h"
#include "devices/virtio/dma_memory.h"
#include "devices/virtio/mmio_transport.h"
#include "devices/virtio/virtio_device.h"
#include "tests/hostile/native/guest_pages.h"
#include "tests/hostile/native/interpreter.h"
#include "tests/hostile/program.h"
#include "vmm/base/event_loop.h"
#include "vmm/memory/guest_memory.h"

namespace redoubt::hostile {

class NativeMachine {
 public:
  struct Options {
    bool is_protected = true;
    uint64_t arena = kWindowArena;            // for an unprotected guest it is kRamArena
    uint32_t devices = (1u << kDevices) - 1;  // bits of Device; the slots of others are empty
    // Beside the guest, as in the VMM; or when the guest does something, so that the same program
    // does the same every time.
    enum class Loop { Beside, Stepped } loop = Loop::Stepped;
  };

  explicit NativeMachine(const Options& options);
  ~NativeMachine();
  NativeMachine(const NativeMachine&) = delete;
  NativeMachine& operator=(const NativeMachine&) = delete;

  // One program after the other; each begins with what the one before has left.
  void run(std::span<const evil_instruction> program) { run(program, Interpreter::Limits()); }
  void run(std::span<const evil_instruction> program, const Interpreter::Limits& limits);
  [[nodiscard]] const Interpreter& guest() const { return guest_; }

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  struct Slot {
    std::unique_ptr<VirtioDevice> device;
    std::unique_ptr<VirtioMmioTransport> transport;
  };

  [[nodiscard]] std::unique_ptr<VirtioDevice> make(unsigned device);
  void between(bool in_vain);

  const Options options_;
  const std::filesystem::path folder_;
  EventLoop loop_;
  GuestMemory memory_;
  DmaMemory dma_;
  std::array<std::unique_ptr<ConsoleBackend>, 2> console_;
  std::vector<Slot> slots_;
  MmioBus bus_;
  GuestPages pages_;
  uint32_t looks_in_vain_ = 0;
  Interpreter guest_;
};

}  // namespace redoubt::hostile
