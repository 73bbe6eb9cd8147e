// SPDX-License-Identifier: Apache-2.0
//
// Program: a hostile guest's program in the making, in the byte code of evil_program.h. What it
// tells goes with what a VMM without fault makes it tell:
//
//   Program program(kWindowArena);
//   program.setup(kDisk).kick(kDisk, 77).tell(kDisk, Register::Status, 0x0f);
//
//   write_file(program.file());                 // the initrd of evil-flat.bin on the board, or
//   run_natively(program.instructions());       // the same against the device library
//   compare(what_it_told, program.expected());
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "devices/virtio/mmio_registers.h"
#include "guest/bare-metal/evil_program.h"

namespace redoubt::hostile {

using Register = virtio::MmioRegister;

// The devices of a hostile guest and the slots they have: the order of its configuration.
enum Device : unsigned { kDisk, kNetwork, kConsole, kVsock, kEntropy, kDevices };

// Entries that all queues of a device can have.
constexpr uint32_t queue_size(unsigned device) {
  return device == kConsole ? 16 : EVIL_MAX_QUEUE_SIZE;
}

// A guest with 32 MiB of RAM: the start of its DMA window, and a place in the middle of its RAM.
inline constexpr uint64_t kWindowArena = 0x4200'0000;
inline constexpr uint64_t kRamArena = 0x4100'0000;

// struct virtq_desc (virtio 1.3, 2.7.5); the address is an offset in the arena.
struct Descriptor {
  uint32_t address;
  uint32_t length;
  uint16_t flags = 0;
  uint16_t next = 0;
};
inline constexpr uint16_t kNext = 1;
inline constexpr uint16_t kWrite = 2;
inline constexpr uint16_t kIndirect = 4;

// Where a page of the arena begins, as an offset.
constexpr uint32_t page(uint32_t number) { return number * EVIL_PAGE_SIZE; }

class Program {
 public:
  explicit Program(uint64_t arena) : arena_(arena) {}

  // --- One instruction each; see evil_program.h
  Program& add(evil_op op, unsigned a, unsigned b, uint32_t c);
  Program& read(unsigned device, uint32_t offset, unsigned width = 4);
  Program& write(unsigned device, uint32_t offset, uint32_t value, unsigned width = 4);
  Program& write(unsigned device, Register which, uint32_t value);
  Program& poke(uint32_t offset, uint32_t value, unsigned width = 4);
  Program& poke_address(uint32_t offset, uint32_t arena_offset);
  Program& add_16(uint32_t offset, uint32_t value);
  Program& share(uint32_t first_page, uint32_t pages);
  Program& unshare(uint32_t first_page, uint32_t pages);
  Program& clear(uint32_t first_page, uint32_t pages);
  Program& setup(unsigned device) { return setup(device, queue_size(device)); }
  Program& setup(unsigned device, uint32_t queue_size, uint32_t refused_features = 0);
  Program& submit(uint32_t queue, uint32_t head = 0);
  Program& kick(unsigned device, uint32_t queue);
  Program& wait(unsigned device, uint32_t looks);
  Program& until_used(unsigned device, uint32_t queue, uint32_t looks = EVIL_MOST_WAITS);
  Program& flip(uint32_t offset, uint32_t bits);  // no bits: not any more
  Program& revoke(uint32_t arena_page);
  Program& stop_revoking(uint32_t arena_page);  // and the page is shared in the end
  Program& loop(uint32_t instructions, uint32_t times);
  Program& say(uint32_t number);
  // Prints; `expected` is what it should be, nothing if that is up to the host.
  Program& tell(unsigned device, Register which, std::optional<uint64_t> expected);
  Program& tell_register(unsigned device, uint32_t offset, unsigned width, uint64_t expected);
  Program& tell_memory(uint32_t offset, unsigned width, uint64_t expected);

  // --- Several
  // Words from `offset` on, a multiple of 4; the last one filled up with zeros.
  Program& bytes(uint32_t offset, std::span<const std::byte> bytes);
  template <class T>
  Program& object(uint32_t offset, const T& object) {
    return bytes(offset, std::as_bytes(std::span(&object, 1)));
  }
  // Entry `index` of queue `queue`, or of a table elsewhere.
  Program& descriptor(uint32_t queue, uint32_t index, const Descriptor& descriptor);
  Program& descriptor_in(uint32_t table, uint32_t index, const Descriptor& descriptor);
  // With an address that is anywhere.
  Program& descriptor_at(uint32_t queue, uint32_t index, uint64_t address, uint32_t length,
                         uint16_t flags);
  // Resets the device, shares and zeroes the arena, and takes the device to DRIVER_OK.
  Program& fresh(unsigned device) { return fresh(device, queue_size(device)); }
  Program& fresh(unsigned device, uint32_t queue_size, uint32_t refused_features = 0);
  // The rest of the way up from FEATURES_OK is by hand: addresses of one queue and QueueReady.
  Program& negotiate(unsigned device);
  Program& queue_parts(unsigned device, uint32_t queue, uint32_t size, uint64_t descriptors,
                       uint64_t available, uint64_t used);

  [[nodiscard]] uint64_t arena() const { return arena_; }
  [[nodiscard]] size_t size() const { return instructions_.size(); }
  [[nodiscard]] const std::vector<evil_instruction>& instructions() const { return instructions_; }
  [[nodiscard]] const std::vector<std::optional<uint64_t>>& expected() const { return expected_; }
  [[nodiscard]] std::vector<std::byte> file() const;

 private:
  Program& at_offset(evil_op op, uint32_t offset, unsigned width, uint32_t value);

  uint64_t arena_;
  std::vector<evil_instruction> instructions_;
  std::vector<std::optional<uint64_t>> expected_;
};

}  // namespace redoubt::hostile
