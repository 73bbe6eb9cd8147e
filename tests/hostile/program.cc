// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/program.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace redoubt::hostile {

namespace {

// Of the device status field (virtio 1.3, 2.1), before the queues are set up.
constexpr uint32_t kFeaturesOk = 1 | 2 | 8;

constexpr uint32_t kOwnDescriptors = EVIL_DESCRIPTORS;
constexpr uint32_t kDescriptorSize = 16;

uint32_t offset_of(Register which) { return static_cast<uint32_t>(which); }

// For fields of a byte and of two: a number that does not fit would be another instruction.
uint8_t byte_field(unsigned value) {
  if (value > UINT8_MAX) throw std::out_of_range("a field of a hostile program");
  return static_cast<uint8_t>(value);
}
uint16_t word_field(unsigned value) {
  if (value > UINT16_MAX) throw std::out_of_range("a field of a hostile program");
  return static_cast<uint16_t>(value);
}
unsigned log_of(unsigned width) { return static_cast<unsigned>(std::countr_zero(width)); }

}  // namespace

Program& Program::add(evil_op op, unsigned a, unsigned b, uint32_t c) {
  instructions_.push_back({static_cast<uint8_t>(op), byte_field(a), word_field(b), c});
  return *this;
}

Program& Program::at_offset(evil_op op, uint32_t offset, unsigned width, uint32_t value) {
  return add(op, log_of(width) | (offset >> 16) << 4, offset & 0xffff, value);
}

Program& Program::read(unsigned device, uint32_t offset, unsigned width) {
  return add(EVIL_READ, log_of(width), offset, device);
}
Program& Program::write(unsigned device, uint32_t offset, uint32_t value, unsigned width) {
  return add(EVIL_WRITE, log_of(width), device * EVIL_REGISTERS_SIZE + offset, value);
}
Program& Program::write(unsigned device, Register which, uint32_t value) {
  return write(device, offset_of(which), value);
}
Program& Program::poke(uint32_t offset, uint32_t value, unsigned width) {
  return at_offset(EVIL_POKE, offset, width, value);
}
Program& Program::poke_address(uint32_t offset, uint32_t arena_offset) {
  return at_offset(EVIL_POKE_ADDRESS, offset, 1, arena_offset);
}
Program& Program::add_16(uint32_t offset, uint32_t value) {
  return at_offset(EVIL_ADD, offset, 1, value);
}
Program& Program::share(uint32_t first_page, uint32_t pages) {
  return add(EVIL_SHARE, pages - 1, first_page, 0);
}
Program& Program::unshare(uint32_t first_page, uint32_t pages) {
  return add(EVIL_UNSHARE, pages - 1, first_page, 0);
}
Program& Program::clear(uint32_t first_page, uint32_t pages) {
  return add(EVIL_CLEAR, pages - 1, first_page, 0);
}
Program& Program::setup(unsigned device, uint32_t queue_size, uint32_t refused_features) {
  return add(EVIL_SETUP, device, queue_size, refused_features);
}
Program& Program::submit(uint32_t queue, uint32_t head) { return add(EVIL_SUBMIT, 0, queue, head); }
Program& Program::kick(unsigned device, uint32_t queue) { return add(EVIL_KICK, device, 0, queue); }
Program& Program::wait(unsigned device, uint32_t looks) { return add(EVIL_WAIT, device, 0, looks); }
Program& Program::until_used(unsigned device, uint32_t queue, uint32_t looks) {
  return add(EVIL_UNTIL, device, queue, looks);
}
Program& Program::flip(uint32_t offset, uint32_t bits) {
  return at_offset(EVIL_FLIP, offset, 1, bits);
}
Program& Program::revoke(uint32_t arena_page) { return add(EVIL_REVOKE, 0, arena_page, 1); }

Program& Program::stop_revoking(uint32_t arena_page) {
  return add(EVIL_REVOKE, 0, arena_page, 0).share(arena_page, 1);
}

Program& Program::loop(uint32_t instructions, uint32_t times) {
  return add(EVIL_LOOP, instructions - 1, times, 0);
}
Program& Program::say(uint32_t number) { return add(EVIL_SAY, 0, 0, number); }

Program& Program::tell(unsigned device, Register which, std::optional<uint64_t> expected) {
  expected_.push_back(expected);
  return add(EVIL_TELL, log_of(4), offset_of(which), device);
}
Program& Program::tell_register(unsigned device, uint32_t offset, unsigned width,
                                uint64_t expected) {
  expected_.push_back(expected);
  return add(EVIL_TELL, log_of(width), offset, device);
}
Program& Program::tell_memory(uint32_t offset, unsigned width, uint64_t expected) {
  expected_.push_back(expected);
  return at_offset(EVIL_RECALL, offset, width, 0);
}

Program& Program::bytes(uint32_t offset, std::span<const std::byte> bytes) {
  for (size_t at = 0; at < bytes.size(); at += sizeof(uint32_t)) {
    uint32_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min(bytes.size() - at, sizeof(word)));
    poke(offset + static_cast<uint32_t>(at), word);
  }
  return *this;
}

Program& Program::descriptor(uint32_t queue, uint32_t index, const Descriptor& descriptor) {
  return descriptor_in(page(queue) + kOwnDescriptors, index, descriptor);
}

Program& Program::descriptor_in(uint32_t table, uint32_t index, const Descriptor& descriptor) {
  const uint32_t at = table + index * kDescriptorSize;
  return poke_address(at, descriptor.address)
      .poke(at + 8, descriptor.length)
      .poke(at + 12, descriptor.flags | uint32_t{descriptor.next} << 16);
}

Program& Program::descriptor_at(uint32_t queue, uint32_t index, uint64_t address, uint32_t length,
                                uint16_t flags) {
  const uint32_t at = page(queue) + kOwnDescriptors + index * kDescriptorSize;
  return poke(at, static_cast<uint32_t>(address))
      .poke(at + 4, static_cast<uint32_t>(address >> 32))
      .poke(at + 8, length)
      .poke(at + 12, flags);
}

Program& Program::fresh(unsigned device, uint32_t queue_size, uint32_t refused_features) {
  write(device, Register::Status, 0);
  share(0, EVIL_ARENA_PAGES).clear(0, EVIL_ARENA_PAGES);
  return setup(device, queue_size, refused_features);
}

Program& Program::negotiate(unsigned device) {
  // What is offered of the high word by every device: VERSION_1, ACCESS_PLATFORM, RING_RESET.
  constexpr uint32_t kHighWord = 0x103;
  return write(device, Register::Status, 0)
      .write(device, Register::Status, 1 | 2)
      .write(device, Register::DriverFeaturesSel, 1)
      .write(device, Register::DriverFeatures, kHighWord)
      .write(device, Register::Status, kFeaturesOk);
}

Program& Program::queue_parts(unsigned device, uint32_t queue, uint32_t size, uint64_t descriptors,
                              uint64_t available, uint64_t used) {
  const auto part = [&](Register low, Register high, uint64_t address) {
    write(device, low, static_cast<uint32_t>(address));
    write(device, high, static_cast<uint32_t>(address >> 32));
  };
  write(device, Register::QueueSel, queue).write(device, Register::QueueNum, size);
  part(Register::QueueDescLow, Register::QueueDescHigh, descriptors);
  part(Register::QueueDriverLow, Register::QueueDriverHigh, available);
  part(Register::QueueDeviceLow, Register::QueueDeviceHigh, used);
  return write(device, Register::QueueReady, 1);
}

std::vector<std::byte> Program::file() const {
  const evil_header header = {EVIL_MAGIC, static_cast<uint32_t>(instructions_.size()), arena_};
  std::vector<std::byte> file;
  const auto append = [&file](std::span<const std::byte> bytes) {
    file.insert(file.end(), bytes.begin(), bytes.end());
  };
  append(std::as_bytes(std::span(&header, 1)));
  append(std::as_bytes(std::span(instructions_)));
  return file;
}

}  // namespace redoubt::hostile
