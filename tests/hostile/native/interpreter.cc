// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/native/interpreter.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "devices/virtio/device_status.h"
#include "devices/virtio/mmio_registers.h"

namespace redoubt::hostile {

namespace {

using virtio::MmioRegister;

constexpr uint32_t offset_of(MmioRegister which) { return static_cast<uint32_t>(which); }

constexpr uint32_t kMemShare = 0xc600'0003;
constexpr uint32_t kMemUnshare = 0xc600'0004;

unsigned width_of(const evil_instruction& i) { return 1u << (i.a & 3); }

uint32_t register_of(const evil_instruction& i) {
  return i.b % EVIL_REGISTERS_SIZE & ~(width_of(i) - 1);
}

uint64_t offset_for(const evil_instruction& i, unsigned width) {
  const uint64_t offset = i.b | uint64_t{i.a} >> 4 << 16;
  return (offset & ~uint64_t{width - 1}) % GuestPages::kSize;
}

// The other registers only set up what these begin.
bool may_give_work(uint32_t offset) {
  return offset == offset_of(MmioRegister::QueueNotify) ||
         offset == offset_of(MmioRegister::Status) ||
         offset == offset_of(MmioRegister::QueueReady) || offset >= virtio::kConfigOffset;
}

// What a store of that width stores: evil.c has the number twice in 64 bits.
uint64_t doubled(uint32_t value) { return value | uint64_t{value} << 32; }

uint64_t part_of_queue(const evil_instruction& i, uint64_t part) {
  return i.b % EVIL_QUEUES * uint64_t{EVIL_PAGE_SIZE} + part;
}

}  // namespace

Interpreter::Interpreter(MmioBus& bus, GuestPages& pages, std::function<void(bool)> between)
    : bus_(bus), pages_(pages), between_(std::move(between)) {}

uint64_t Interpreter::read_register(unsigned device, uint32_t offset, unsigned width) {
  std::array<std::byte, 8> data{};
  bus_.read(GuestAddress(EVIL_REGISTERS + device % EVIL_DEVICES * EVIL_REGISTERS_SIZE + offset),
            std::span(data).first(width));
  uint64_t value = 0;
  std::memcpy(&value, data.data(), sizeof(value));
  return value;
}

void Interpreter::write_register(unsigned device, uint32_t offset, unsigned width, uint64_t value) {
  std::array<std::byte, 8> data{};
  std::memcpy(data.data(), &value, sizeof(value));
  bus_.write(GuestAddress(EVIL_REGISTERS + device % EVIL_DEVICES * EVIL_REGISTERS_SIZE + offset),
             std::span<const std::byte>(data).first(width));
  if (may_give_work(offset)) between_(false);
}

void Interpreter::set_up(const evil_instruction& i) {
  const unsigned device = i.a;
  set(device, offset_of(MmioRegister::Status), 0);
  set(device, offset_of(MmioRegister::Status), 1 | 2);
  for (uint32_t half = 0; half < 2; ++half) {
    set(device, offset_of(MmioRegister::DeviceFeaturesSel), half);
    const uint32_t offered = get(device, offset_of(MmioRegister::DeviceFeatures));
    set(device, offset_of(MmioRegister::DriverFeaturesSel), half);
    set(device, offset_of(MmioRegister::DriverFeatures), half == 0 ? offered & ~i.c : offered);
  }
  set(device, offset_of(MmioRegister::Status), 1 | 2 | 8);
  const auto size = static_cast<uint16_t>(i.b % (EVIL_MAX_QUEUE_SIZE + 1));
  if (size != 0) queue_size_ = size;
  for (uint32_t queue = 0; queue < EVIL_QUEUES; ++queue) {
    const uint64_t page = pages_.address() + queue * uint64_t{EVIL_PAGE_SIZE};
    set(device, offset_of(MmioRegister::QueueSel), queue);
    if (get(device, offset_of(MmioRegister::QueueNumMax)) == 0) break;
    set(device, offset_of(MmioRegister::QueueNum), size);
    for (const auto& [low, part] : {std::pair(MmioRegister::QueueDescLow, EVIL_DESCRIPTORS),
                                    std::pair(MmioRegister::QueueDriverLow, EVIL_AVAILABLE),
                                    std::pair(MmioRegister::QueueDeviceLow, EVIL_USED)}) {
      const uint64_t address = page + static_cast<uint64_t>(part);
      set(device, offset_of(low), static_cast<uint32_t>(address));
      set(device, offset_of(low) + 4, static_cast<uint32_t>(address >> 32));
    }
    set(device, offset_of(MmioRegister::QueueReady), 1);
  }
  set(device, offset_of(MmioRegister::Status), 1 | 2 | 8 | 4);
}

void Interpreter::submit(const evil_instruction& i) {
  const uint64_t available = part_of_queue(i, EVIL_AVAILABLE);
  const auto index = static_cast<uint16_t>(pages_.load(available + 2, 2));
  pages_.store(available + 4 + index % queue_size_ * 2u, 2, i.c);
  pages_.store(available + 2, 2, uint64_t{index} + 1);
}

void Interpreter::look(const evil_instruction& i, const std::function<bool()>& done) {
  for (uint32_t looks = std::min(i.c, limits_.looks); looks != 0 && !done(); --looks) {
    if (limits_.all_looks == 0) return;
    --limits_.all_looks;
    if (looks != 1) between_(true);
  }
}

void Interpreter::wait(const evil_instruction& i) {
  look(i, [&] {
    const uint32_t status = get(i.a, offset_of(MmioRegister::InterruptStatus));
    if (status != 0) set(i.a, offset_of(MmioRegister::InterruptACK), status);
    return status != 0;
  });
}

void Interpreter::wait_until_used(const evil_instruction& i) {
  look(i, [&] {
    return (get(i.a, offset_of(MmioRegister::Status)) & virtio::kNeedsReset) != 0 ||
           pages_.load(part_of_queue(i, EVIL_USED + 2), 2) ==
               pages_.load(part_of_queue(i, EVIL_AVAILABLE + 2), 2);
  });
}

void Interpreter::call_hypervisor(uint32_t function, uint32_t page) {
  if (function == kMemShare) pages_.share(page);
  if (function == kMemUnshare) pages_.unshare(page);
}

void Interpreter::flip(const evil_instruction& i) {
  if (i.c == 0) return second_.order({});
  second_.order([this, offset = offset_for(i, 4), bits = i.c] {
    pages_.store(offset, 4, pages_.load(offset, 4) ^ bits);
  });
}

void Interpreter::revoke(const evil_instruction& i) {
  if (i.c == 0) return second_.order({});
  second_.order([this, page = uint32_t{i.b}] {
    pages_.share(page);
    pages_.unshare(page);
  });
}

void Interpreter::execute(const evil_instruction& i) {
  const unsigned width = width_of(i);
  switch (i.op % EVIL_OPS) {
    case EVIL_READ: static_cast<void>(read_register(i.c, register_of(i), width)); break;
    case EVIL_WRITE:
      write_register(i.b / EVIL_REGISTERS_SIZE, register_of(i), width, doubled(i.c));
      break;
    case EVIL_POKE: pages_.store(offset_for(i, width), width, doubled(i.c)); break;
    case EVIL_POKE_ADDRESS: pages_.store(offset_for(i, 8), 8, pages_.address() + i.c); break;
    case EVIL_ADD: {
      const uint64_t offset = offset_for(i, 2);
      pages_.store(offset, 2, pages_.load(offset, 2) + i.c);
      break;
    }
    case EVIL_PEEK: static_cast<void>(pages_.load(offset_for(i, width), width)); break;
    case EVIL_SHARE:
      for (uint32_t page = 0; page <= i.a; ++page) pages_.share(i.b + page);
      break;
    case EVIL_UNSHARE:
      for (uint32_t page = 0; page <= i.a; ++page) pages_.unshare(i.b + page);
      break;
    case EVIL_SETUP: set_up(i); break;
    case EVIL_SUBMIT: submit(i); break;
    case EVIL_KICK: set(i.a, offset_of(MmioRegister::QueueNotify), i.c); break;
    case EVIL_WAIT: wait(i); break;
    case EVIL_FLIP: flip(i); break;
    case EVIL_HVC:
    case EVIL_SMC: call_hypervisor(i.c, i.b); break;
    case EVIL_SAY: said_.push_back({i.c, told_.size()}); break;
    case EVIL_TELL: told_.push_back(read_register(i.c, register_of(i), width)); break;
    case EVIL_RECALL: told_.push_back(pages_.load(offset_for(i, width), width)); break;
    case EVIL_CLEAR:
      for (uint32_t page = 0; page <= i.a; ++page) pages_.clear_page(i.b + page);
      break;
    case EVIL_UNTIL: wait_until_used(i); break;
    case EVIL_REVOKE: revoke(i); break;
    default: break;
  }
}

void Interpreter::run(std::span<const evil_instruction> program, const Limits& limits) {
  limits_ = limits;
  size_t loop_at = program.size();
  uint32_t rounds = 0;
  uint64_t steps = 0;
  for (size_t at = 0; at < program.size() && steps < limits_.steps; ++steps) {
    const evil_instruction& i = program[at];
    if (i.op % EVIL_OPS == EVIL_END) break;
    if (i.op % EVIL_OPS != EVIL_LOOP) {
      execute(i);
      ++at;
      continue;
    }
    if (loop_at != at) {
      loop_at = at;
      rounds = i.b;
    }
    if (rounds == 0) {
      loop_at = program.size();
      ++at;
      continue;
    }
    --rounds;
    at -= std::min<size_t>(at, i.a + size_t{1});
  }
  second_.order({});
}

}  // namespace redoubt::hostile
