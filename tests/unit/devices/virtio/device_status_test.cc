// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/device_status.h"

#include <array>
#include <cstdint>

#include <gtest/gtest.h>

namespace redoubt::virtio {
namespace {

// The states a driver can bring the device to, and the bits that lead from each to the next.
struct State {
  uint32_t status;
  uint32_t next_bit;
};
constexpr std::array<State, 5> kPath = {{{0, 1}, {1, 2}, {3, 8}, {11, 4}, {15, 0}}};

uint32_t expected(uint32_t status, uint32_t written) {
  const uint32_t failed = written & 128;
  for (size_t i = 0; i < kPath.size(); ++i) {
    if (kPath[i].status != status) continue;
    while (kPath[i].next_bit != 0 && (written & kPath[i].next_bit) != 0) ++i;
    return kPath[i].status | failed;
  }
  return status | failed;  // NEEDS_RESET or FAILED is set: nothing else happens
}

TEST(DeviceStatus, every_write_in_every_state_follows_the_table) {
  for (const State& state : kPath) {
    for (const uint32_t broken : {0u, 64u, 128u, 192u}) {
      for (uint32_t written = 1; written < 0x200; ++written) {
        const uint32_t status = state.status | broken;
        ASSERT_EQ(status_after_write(status, written), expected(status, written))
            << status << " " << written;
      }
    }
  }
}

TEST(DeviceStatus, no_write_clears_a_bit_or_sets_one_of_the_device) {
  for (uint32_t status = 0; status < 0x100; ++status) {
    for (uint32_t written = 1; written < 0x100; ++written) {
      const uint32_t next = status_after_write(status, written);
      ASSERT_EQ(next & status, status);
      ASSERT_EQ((next & ~status) & ~(written & 0x8f), 0u) << status << " " << written;
    }
  }
}

TEST(DeviceStatus, unknown_bits_do_not_stick) {
  EXPECT_EQ(status_after_write(0, 0xffff'ff70), 0u);
  EXPECT_EQ(status_after_write(0, 0xffff'ff71), 1u);
}

}  // namespace
}  // namespace redoubt::virtio
