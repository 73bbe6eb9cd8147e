// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/random_program.h"

#include <array>
#include <random>

#include "tests/hostile/honest_requests.h"

namespace redoubt::hostile {

namespace {

constexpr uint32_t kMostLooks = 20;

class Chance {
 public:
  explicit Chance(uint64_t seed) : engine_(seed) {}

  // Below `limit`. Not a distribution of the library: those differ between libraries.
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(engine_() % limit); }
  bool one_in(uint32_t times) { return below(times) == 0; }
  // Small, or one of those at which sums overflow, or anything.
  uint32_t number() {
    static constexpr std::array kOdd = {0u,           1u,           0xfffu,       0x1000u,
                                        0xffffu,      0x1'0000u,    0x7fff'ffffu, 0x8000'0000u,
                                        0xffff'f000u, 0xffff'fff0u, 0xffff'ffffu};
    switch (below(3)) {
      case 0: return below(64);
      case 1: return kOdd[below(kOdd.size())];
      default: return static_cast<uint32_t>(engine_());
    }
  }
  unsigned device() { return below(kDevices); }
  uint32_t queue() { return below(one_in(8) ? EVIL_QUEUES : 3); }

 private:
  std::mt19937_64 engine_;
};

uint32_t offset_of_buffer(Chance& chance) {
  return page(EVIL_FIRST_BUFFER_PAGE) +
         chance.below((EVIL_ARENA_PAGES - EVIL_FIRST_BUFFER_PAGE) * EVIL_PAGE_SIZE);
}

void add_descriptor(Program& program, Chance& chance) {
  const auto index = static_cast<uint16_t>(chance.below(8));
  const auto next = static_cast<uint16_t>(chance.one_in(10) ? chance.number() : index + 1u);
  const auto flags = static_cast<uint16_t>(chance.one_in(10) ? chance.number() : chance.below(8));
  const uint32_t length = chance.one_in(3) ? chance.number() : 1 + chance.below(4096);
  const uint32_t address = chance.one_in(10) ? chance.number() : offset_of_buffer(chance);
  program.descriptor(chance.queue(), index, {address, length, flags, next});
}

// What a driver does all day.
void add_usual(Program& program, Chance& chance) {
  const unsigned device = chance.device();
  const uint32_t queue = chance.queue();
  switch (chance.below(6)) {
    case 0:
      program.setup(device, 1u << chance.below(7), chance.one_in(4) ? chance.number() : 0);
      break;
    case 1: program.submit(queue, chance.one_in(8) ? chance.number() : chance.below(8)); break;
    case 2: program.kick(device, queue); break;
    case 3: program.until_used(device, queue, chance.below(kMostLooks)); break;
    case 4: program.clear(queue, 1).setup(device); break;
    default: put_block_request(program, {chance.below(16), 0, chance.below(2100)}, 512); break;
  }
}

// What it should not do.
void add_unusual(Program& program, Chance& chance) {
  const unsigned width = 1u << chance.below(4);
  const uint32_t page_number = chance.below(EVIL_ARENA_PAGES);
  switch (chance.below(10)) {
    case 0: program.write(chance.device(), chance.below(0x200), chance.number(), width); break;
    case 1: program.read(chance.device(), chance.below(0x200), width); break;
    case 2: program.write(chance.device(), Register::QueueSel, chance.queue()); break;
    case 3: program.write(chance.device(), Register::QueueReady, chance.below(2)); break;
    case 4: program.share(page_number, 1 + chance.below(4)); break;
    case 5: program.unshare(page_number, 1); break;
    case 6:
      program.poke(chance.queue() * EVIL_PAGE_SIZE + chance.below(0xc00), chance.number(), width);
      break;
    case 7: program.flip(chance.below(EVIL_ARENA_PAGES * EVIL_PAGE_SIZE), chance.number()); break;
    case 8: program.revoke(page_number); break;
    default: program.write(chance.device(), 4 * chance.below(0x40), chance.number()); break;
  }
}

}  // namespace

void add_random(Program& program, uint64_t seed, unsigned instructions) {
  Chance chance(seed);
  program.share(0, EVIL_ARENA_PAGES);
  for (const size_t end = program.size() + instructions; program.size() < end;) {
    switch (chance.below(4)) {
      case 0: add_unusual(program, chance); break;
      case 1: add_descriptor(program, chance); break;
      default: add_usual(program, chance); break;
    }
  }
  program.stop_revoking(0).share(0, EVIL_ARENA_PAGES);
}

void expect_all_work(Program& program) {
  // They may all have requests under way, with buffers where the others have theirs.
  for (unsigned device = 0; device < kDevices; ++device) {
    program.write(device, Register::Status, 0);
  }
  for (unsigned device = 0; device < kDevices; ++device) expect_works(program, device);
}

}  // namespace redoubt::hostile
