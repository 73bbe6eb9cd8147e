// SPDX-License-Identifier: Apache-2.0
//
// What hostile guests do to the VMM as a whole, and to others: its memory, its log, its files.
#include <cstddef>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "devices/virtio/net/net_header.h"
#include "tests/board/suite/hostile_guest.h"
#include "tests/hostile/honest_requests.h"
#include "tests/hostile/vsock_header.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {
namespace {

using hostile::Program;
using hostile::Register;
using virtio_vsock::Op;

constexpr std::string_view kHint = "lacks restricted DMA";

// --- Guests whose kernels cannot be protected

// A driver of before ACCESS_PLATFORM, which tries again and again.
TEST(HostileKernel, without_access_platform_is_refused_and_told_why_once) {
  REDOUBT_NEEDS_HOSTILE_GUEST(true);
  Program program(hostile::kWindowArena);
  program.write(hostile::kDisk, Register::Status, 0)
      .write(hostile::kDisk, Register::Status, 3)
      .write(hostile::kDisk, Register::DriverFeaturesSel, 1)
      .write(hostile::kDisk, Register::DriverFeatures, 1)  // VERSION_1
      .write(hostile::kDisk, Register::Status, 0x0b)
      .loop(5, 50)
      .tell(hostile::kDisk, Register::Status, 3);
  hostile::expect_works(program, hostile::kEntropy);
  HostileGuest guest(program, true);

  EXPECT_EQ(guest.process().wait_exit(), 0);

  const std::string& log = guest.process().output();
  EXPECT_EQ(guest.told().front(), 3u);
  EXPECT_EQ(guest.told().back(), hostile::kUp) << "the entropy device";
  EXPECT_EQ(guest.process().times_said(kHint), 1u) << log;
  EXPECT_EQ(guest.process().times_said("does not accept ACCESS_PLATFORM"), 1u) << log;
}

// One that knows the feature and still has its rings where it has everything.
TEST(HostileKernel, with_rings_in_private_memory_loses_the_device_and_is_told_why_once) {
  REDOUBT_NEEDS_HOSTILE_GUEST(true);
  Program program(hostile::kRamArena);
  program.setup(hostile::kDisk).tell(hostile::kDisk, Register::Status, 0x4b).loop(2, 20);
  HostileGuest guest(program, true);

  EXPECT_EQ(guest.process().wait_exit(), 0);

  const std::string& log = guest.process().output();
  EXPECT_EQ(guest.told().size(), 21u);
  EXPECT_EQ(guest.told().front(), 0x4bu);
  EXPECT_EQ(guest.process().times_said(kHint), 1u) << log;
  EXPECT_EQ(guest.process().times_said("its rings are where the host cannot see them"), 1u) << log;
}

TEST(HostileKernel, breaking_a_queue_is_logged_by_device_queue_and_reason) {
  REDOUBT_NEEDS_HOSTILE_GUEST(false);
  Program program(hostile::kRamArena);
  program.fresh(hostile::kEntropy)
      .descriptor(0, 0, {hostile::page(9), 0, hostile::kWrite})
      .submit(0)
      .kick(hostile::kEntropy, 0)
      .until_used(hostile::kEntropy, 0);
  HostileGuest guest(program, false);

  EXPECT_EQ(guest.process().wait_exit(), 0);

  EXPECT_TRUE(
      guest.process().says("virtio-rng: the driver broke queue 0: a descriptor without "
                           "length; the device waits for a reset"))
      << guest.process().output();
}

// --- Floods. A program pauses when it has done the whole a few times, and when it has done it
// often.

constexpr uint16_t kTimes = 800;

using MakeFlood = void (*)(Program& program, uint16_t times);

void flood_with_kicks(Program& program, uint16_t times) {
  program.fresh(hostile::kDisk);
  for (uint32_t queue = 0; queue < 4; ++queue) program.kick(hostile::kDisk, queue);
  program.loop(4, times);
}

void send_over_and_over(Program& program, unsigned device, uint32_t queue, uint32_t length,
                        uint16_t flags, uint16_t times) {
  program.descriptor(queue, 0, {hostile::page(hostile::kHeaderPage), length, flags})
      .submit(queue)
      .kick(device, queue)
      .until_used(device, queue, 3)
      .loop(3, times);
}

void flood_with_frames(Program& program, uint16_t times) {
  program.fresh(hostile::kNetwork);
  send_over_and_over(program, hostile::kNetwork, 1, 1500, 0, times);
}
void flood_with_output(Program& program, uint16_t times) {
  program.fresh(hostile::kConsole);
  send_over_and_over(program, hostile::kConsole, 1, 4096, 0, static_cast<uint16_t>(times / 4));
}
void flood_with_requests_for_entropy(Program& program, uint16_t times) {
  program.fresh(hostile::kEntropy);
  send_over_and_over(program, hostile::kEntropy, 0, 64, hostile::kWrite, times);
}
void flood_with_connections(Program& program, uint16_t times) {
  program.fresh(hostile::kVsock)
      .object(hostile::page(hostile::kHeaderPage), hostile::vsock_header(Op::Request));
  send_over_and_over(program, hostile::kVsock, 1, sizeof(virtio_vsock::Header), 0, times);
}
void flood_with_resets(Program& program, uint16_t times) {
  for (unsigned device = 0; device < hostile::kDevices; ++device) program.setup(device);
  program.loop(hostile::kDevices, static_cast<uint16_t>(times / 60));
}

// Every width and offset of all 32 slots, most of which are empty.
void flood_with_accesses(Program& program, uint16_t times) {
  std::mt19937 random(1);
  const auto below = [&random](uint32_t limit) { return static_cast<uint32_t>(random() % limit); };
  for (unsigned round = 0; round < 4; ++round) {
    const size_t begin = program.size();
    for (unsigned i = 0; i < 250; ++i) {
      const unsigned device = below(EVIL_DEVICES);
      const unsigned width = 1u << below(4);
      if (below(2) == 0) {
        program.read(device, below(0x200), width);
      } else {
        program.write(device, below(0x200), static_cast<uint32_t>(random()), width);
      }
    }
    program.loop(static_cast<uint32_t>(program.size() - begin), static_cast<uint16_t>(times / 300));
  }
}

struct Flood {
  const char* name;
  MakeFlood make;
};

class HostileFlood : public testing::TestWithParam<Flood> {};

TEST_P(HostileFlood, does_not_make_the_vmm_grow_or_fill_its_log) {
  REDOUBT_NEEDS_HOSTILE_GUEST(true);
  Program program(hostile::kWindowArena);
  GetParam().make(program, kTimes / 10);
  pause(program, 1);
  GetParam().make(program, kTimes);
  pause(program, 2);
  HostileGuest guest(program, true);
  ASSERT_TRUE(guest.wait_said(1)) << guest.process().output();
  const uint64_t before = guest.resident_bytes();
  const size_t files = guest.open_files();
  guest.go_on();

  ASSERT_TRUE(guest.wait_said(2)) << guest.process().output();

  EXPECT_LE(guest.resident_bytes(), before + before / 100);
  EXPECT_EQ(guest.open_files(), files);
  guest.go_on();
  EXPECT_EQ(guest.process().wait_exit(), 0) << guest.process().output();
  EXPECT_LE(guest.process().times_said("\n"), 150u) << guest.process().output();
}

INSTANTIATE_TEST_SUITE_P(Each, HostileFlood,
                         testing::Values(Flood{"kicks", flood_with_kicks},
                                         Flood{"frames", flood_with_frames},
                                         Flood{"output", flood_with_output},
                                         Flood{"entropy", flood_with_requests_for_entropy},
                                         Flood{"connections", flood_with_connections},
                                         Flood{"resets", flood_with_resets},
                                         Flood{"accesses", flood_with_accesses}),
                         [](const auto& parameter) { return parameter.param.name; });

// --- Others

TEST(HostileNeighbour, does_not_harm_another_guest) {
  REDOUBT_NEEDS_HOSTILE_GUEST(true);
  Program program(hostile::kWindowArena);
  flood_with_accesses(program, kTimes);
  program.say(1);
  HostileGuest guest(program, true);

  RedoubtProcess neighbour({run_flat("hello-flat.bin", true)});

  EXPECT_EQ(neighbour.wait_exit(), 0) << neighbour.output();
  EXPECT_EQ(guest.process().wait_exit(), 0) << guest.process().output();
}

// A port of the guest for each connection, to a program that accepts none of them.
TEST(HostileNeighbour, has_a_limited_number_of_connections) {
  REDOUBT_NEEDS_HOSTILE_GUEST(true);
  constexpr uint16_t kConnections = 1200;
  constexpr size_t kLimit = 1024;
  Program program(hostile::kWindowArena);
  pause(program, 1);
  program.fresh(hostile::kVsock)
      .object(hostile::page(hostile::kHeaderPage), hostile::vsock_header(Op::Request))
      .descriptor(1, 0, {hostile::page(hostile::kHeaderPage), sizeof(virtio_vsock::Header)})
      .submit(1)
      .kick(hostile::kVsock, 1)
      // Long enough for the device to have read the header, which changes next: a port that it met
      // twice would be a connection in the place of another, and count twice below.
      .until_used(hostile::kVsock, 1, 400)
      .add_16(hostile::page(hostile::kHeaderPage) + offsetof(virtio_vsock::Header, src_port), 1)
      .loop(4, kConnections);
  hostile::expect_works(program, hostile::kEntropy);
  HostileGuest guest(program, true);
  ASSERT_TRUE(guest.wait_said(1)) << guest.process().output();
  const UniqueFd listener = guest.listen(hostile::kHostPort);
  guest.go_on();

  EXPECT_EQ(guest.process().wait_exit(), 0) << guest.process().output();

  EXPECT_EQ(guest.told().back(), hostile::kUp);
  size_t connections = 0;
  while (UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)).valid()) ++connections;
  EXPECT_GT(connections, 0u);
  EXPECT_LE(connections, kLimit);
}

// Share calls with all arguments wrong, and every function that nobody has defined. PSCI is left
// out: it would be obeyed.
TEST(HostileNeighbour, makes_hypervisor_calls_of_all_kinds) {
  REDOUBT_NEEDS_HOSTILE_GUEST(true);
  std::mt19937 random(1);
  Program program(hostile::kWindowArena);
  for (unsigned i = 0; i < 2000; ++i) {
    uint32_t function = static_cast<uint32_t>(random());
    if (i % 4 == 0) function = 0xc600'0000 | function % 16;  // the hypervisor's own
    if (i % 4 == 1) function = 0x8000'0000 | (function & 0x7f00'001f);
    const bool is_psci = (function & 0xbfff'ffe0) == 0x8400'0000;
    const bool is_old_psci = function >= 0x95c1'ba5e && function <= 0x95c1'ba61;
    if (!is_psci && !is_old_psci) program.add(EVIL_HVC, 0, i % 64, function);
  }
  hostile::expect_works(program, hostile::kEntropy);
  HostileGuest guest(program, true);

  EXPECT_EQ(guest.process().wait_exit(), 0) << guest.process().output();

  ASSERT_FALSE(guest.told().empty()) << guest.console();
  EXPECT_EQ(guest.told().back(), hostile::kUp) << guest.console();
}

TEST(HostileNeighbour, makes_secure_monitor_calls) {
  REDOUBT_NEEDS_HOSTILE_GUEST(true);
  Program program(hostile::kWindowArena);
  program.say(1).add(EVIL_SMC, 0, 0, 0x8000'0000).say(2);
  HostileGuest guest(program, true);

  EXPECT_EQ(guest.process().wait_exit(), 0) << guest.process().output();

  // The call is answered, or is an undefined instruction for the guest; no more than that.
  EXPECT_NE(guest.console().find("evil: 1\n"), std::string::npos) << guest.console();
}

}  // namespace
}  // namespace redoubt::suite
