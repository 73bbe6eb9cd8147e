// SPDX-License-Identifier: Apache-2.0
//
// Accesses. What memory is made of, and how it is loaded and wiped: guest_memory_objects_test.cc.
#include "vmm/memory/guest_memory.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/memory/hardware_error.h"
#include "tests/unit/memory/two_regions.h"

namespace redoubt {
namespace {

class GuestMemoryTest : public testing::Test {
 protected:
  // Stands in for a guest that unshares (PROT_NONE) or shares the page.
  void protect(GuestAddress page_address, int protection) {
    for (const MemorySlot& slot : memory_.slots()) {
      if (!slot.range.contains(page_address)) continue;
      const uint64_t offset = page_address.value() - slot.range.start().value();
      // SAFETY: changes the protection of a page of this test's own guest.
      void* const host = reinterpret_cast<void*>(slot.host_address + offset);
      ASSERT_EQ(::mprotect(host, page(), protection), 0);
    }
  }

  std::vector<MemoryRegion> regions_ = two_regions();
  GuestMemory memory_{regions_};
};

template <class T>
MemoryError error_of(const Result<T, MemoryError>& result) {
  EXPECT_FALSE(result);
  return result.error();
}

struct Sample {
  uint64_t a;
  uint32_t b;
  uint16_t c;
  uint16_t d;
  bool operator==(const Sample&) const = default;
};

TEST_F(GuestMemoryTest, new_memory_is_zero) {
  EXPECT_EQ(memory_.read_object<Sample>(kRam).value(), (Sample{}));
  EXPECT_EQ(memory_.read_object<Sample>(window_start()).value(), (Sample{}));
}

TEST_F(GuestMemoryTest, object_written_is_read_back_at_any_alignment) {
  const Sample sample{0x1122334455667788, 0x99aabbcc, 0xddee, 0xff00};
  for (uint64_t offset = 0; offset < 32; ++offset) {
    ASSERT_TRUE(memory_.write_object(at(kRam, offset), sample));
    ASSERT_EQ(memory_.read_object<Sample>(at(kRam, offset)).value(), sample);
  }
}

TEST_F(GuestMemoryTest, last_byte_of_each_region_can_be_accessed) {
  const std::array<std::byte, 1> byte{std::byte{0x77}};
  EXPECT_TRUE(memory_.write(at(window_start(), -uint64_t{1}), byte));
  EXPECT_TRUE(memory_.write(at(window_start(), kWindowPages * page() - 1), byte));
}

TEST_F(GuestMemoryTest, access_outside_is_out_of_range) {
  std::array<std::byte, 8> buffer = {};
  const GuestAddress end = at(window_start(), kWindowPages * page());
  EXPECT_EQ(error_of(memory_.read(GuestAddress(0), buffer)), MemoryError::OutOfRange);
  EXPECT_EQ(error_of(memory_.read(at(kRam, -uint64_t{1}), buffer)), MemoryError::OutOfRange);
  EXPECT_EQ(error_of(memory_.read(at(end, -uint64_t{7}), buffer)), MemoryError::OutOfRange);
  EXPECT_EQ(error_of(memory_.write(end, buffer)), MemoryError::OutOfRange);
  EXPECT_EQ(error_of(memory_.write_object(end, uint8_t{1})), MemoryError::OutOfRange);
  EXPECT_EQ(error_of(memory_.fill_zero(GuestRange(end, 1))), MemoryError::OutOfRange);
}

TEST_F(GuestMemoryTest, access_that_wraps_around_is_out_of_range) {
  std::array<std::byte, 8> buffer = {};
  const GuestAddress top(~uint64_t{0} - 3);
  EXPECT_EQ(error_of(memory_.read(top, buffer)), MemoryError::OutOfRange);
  EXPECT_EQ(error_of(memory_.write(top, buffer)), MemoryError::OutOfRange);
}

TEST_F(GuestMemoryTest, access_across_two_regions_is_out_of_range) {
  std::array<std::byte, 8> buffer = {};
  const GuestAddress across = at(window_start(), -uint64_t{4});
  EXPECT_EQ(error_of(memory_.read(across, buffer)), MemoryError::OutOfRange);
  EXPECT_EQ(error_of(memory_.write(across, buffer)), MemoryError::OutOfRange);
  EXPECT_EQ(error_of(memory_.fill_zero(GuestRange(across, 8))), MemoryError::OutOfRange);
  EXPECT_FALSE(memory_.contains(GuestRange(across, 8)));
}

TEST_F(GuestMemoryTest, access_of_no_bytes_succeeds_anywhere) {
  EXPECT_TRUE(memory_.read(GuestAddress(0), {}));
  EXPECT_TRUE(memory_.write(GuestAddress(~uint64_t{0}), {}));
}

TEST_F(GuestMemoryTest, contains_each_region_but_no_more) {
  EXPECT_TRUE(memory_.contains(GuestRange(kRam, kRamPages * page())));
  EXPECT_TRUE(memory_.contains(GuestRange(window_start(), kWindowPages * page())));
  EXPECT_FALSE(memory_.contains(GuestRange(kRam, kRamPages * page() + 1)));
  EXPECT_FALSE(memory_.contains(GuestRange(GuestAddress(0), 1)));
}

TEST_F(GuestMemoryTest, u16_stored_is_loaded) {
  ASSERT_TRUE(memory_.store_release_u16(at(kRam, 6), 0xbeef));
  EXPECT_EQ(memory_.load_u16(at(kRam, 6)).value(), 0xbeef);
  EXPECT_EQ(memory_.load_acquire_u16(at(kRam, 6)).value(), 0xbeef);
  EXPECT_EQ(memory_.read_object<uint32_t>(at(kRam, 4)).value(), 0xbeef0000u);
}

TEST_F(GuestMemoryTest, u16_at_an_odd_address_is_misaligned) {
  EXPECT_EQ(error_of(memory_.load_u16(at(kRam, 1))), MemoryError::Misaligned);
  EXPECT_EQ(error_of(memory_.load_acquire_u16(at(kRam, 3))), MemoryError::Misaligned);
  EXPECT_EQ(error_of(memory_.store_release_u16(at(kRam, 5), 1)), MemoryError::Misaligned);
}

TEST_F(GuestMemoryTest, u16_outside_is_out_of_range) {
  const GuestAddress end = at(window_start(), kWindowPages * page());
  EXPECT_EQ(error_of(memory_.load_u16(end)), MemoryError::OutOfRange);
  EXPECT_EQ(error_of(memory_.load_acquire_u16(GuestAddress(~uint64_t{1}))),
            MemoryError::OutOfRange);
  EXPECT_EQ(error_of(memory_.store_release_u16(at(kRam, -uint64_t{2}), 1)),
            MemoryError::OutOfRange);
}

TEST_F(GuestMemoryTest, refused_page_is_inaccessible_to_every_access) {
  const GuestAddress refused = at(window_start(), page());
  protect(refused, PROT_NONE);
  std::array<std::byte, 64> buffer = {};
  EXPECT_EQ(error_of(memory_.read(refused, buffer)), MemoryError::Inaccessible);
  EXPECT_EQ(error_of(memory_.write(refused, buffer)), MemoryError::Inaccessible);
  EXPECT_EQ(error_of(memory_.fill_zero(GuestRange(refused, 64))), MemoryError::Inaccessible);
  EXPECT_EQ(error_of(memory_.read_object<Sample>(refused)), MemoryError::Inaccessible);
  EXPECT_EQ(error_of(memory_.write_object(refused, Sample{})), MemoryError::Inaccessible);
  EXPECT_EQ(error_of(memory_.load_u16(refused)), MemoryError::Inaccessible);
  EXPECT_EQ(error_of(memory_.load_acquire_u16(refused)), MemoryError::Inaccessible);
  EXPECT_EQ(error_of(memory_.store_release_u16(refused, 1)), MemoryError::Inaccessible);
}

TEST_F(GuestMemoryTest, refused_page_is_accessible_once_it_is_shared) {
  protect(kRam, PROT_NONE);
  ASSERT_FALSE(memory_.write_object(kRam, uint32_t{1}));
  protect(kRam, PROT_READ | PROT_WRITE);
  EXPECT_TRUE(memory_.write_object(kRam, uint32_t{1}));
}

TEST_F(GuestMemoryTest, write_into_a_refused_page_is_done_up_to_it) {
  const GuestAddress refused = at(kRam, page());
  protect(refused, PROT_NONE);
  std::array<std::byte, 64> ones;
  ones.fill(std::byte{1});
  EXPECT_EQ(error_of(memory_.write(at(refused, -uint64_t{20}), ones)), MemoryError::Inaccessible);
  std::array<std::byte, 20> written = {};
  ASSERT_TRUE(memory_.read(at(refused, -uint64_t{20}), written));
  EXPECT_TRUE(std::ranges::all_of(written, [](std::byte b) { return b == std::byte{1}; }));
}

TEST_F(GuestMemoryTest, fill_zero_clears_its_range_only) {
  std::array<std::byte, 64> ones;
  ones.fill(std::byte{1});
  ASSERT_TRUE(memory_.write(kRam, ones));
  ASSERT_TRUE(memory_.fill_zero(GuestRange(at(kRam, 5), 40)));
  ASSERT_TRUE(memory_.read(kRam, ones));
  for (size_t i = 0; i < ones.size(); ++i) {
    EXPECT_EQ(ones[i], i >= 5 && i < 45 ? std::byte{0} : std::byte{1}) << i;
  }
}

// The data is written again only after it was read: objects are not copied in one piece.
TEST_F(GuestMemoryTest, acquire_sees_what_was_written_before_the_release) {
  constexpr uint16_t kRounds = 2'000;
  const GuestAddress index = kRam;
  const GuestAddress data = at(kRam, 256);
  std::atomic<uint16_t> read = 0;
  std::thread driver([&] {
    for (uint16_t i = 1; i <= kRounds; ++i) {
      EXPECT_TRUE(memory_.write_object(data, uint64_t{i}));
      EXPECT_TRUE(memory_.store_release_u16(index, i));
      while (read != i) std::this_thread::yield();
    }
  });
  uint64_t wrong = 0;
  while (read < kRounds) {
    const uint16_t seen = memory_.load_acquire_u16(index).value();
    if (seen == read) {
      std::this_thread::yield();
      continue;
    }
    if (memory_.read_object<uint64_t>(data).value() != seen) ++wrong;
    read = seen;
  }
  driver.join();
  EXPECT_EQ(wrong, 0u);
}

TEST_F(GuestMemoryTest, hardware_error_is_taken_with_its_guest_address) {
  send_hardware_error(memory_.slots()[0].host_address + 2 * page() + 5, BUS_MCEERR_AR);
  const auto error = memory_.take_hardware_error();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->page, at(kRam, 2 * page()));
  EXPECT_EQ(error->kind, HardwareErrorKind::ActionRequired);
  EXPECT_FALSE(memory_.take_hardware_error());
}

TEST_F(GuestMemoryTest, hardware_error_event_rings_until_all_are_taken) {
  uint64_t count = 0;
  const int event = memory_.hardware_error_event().get();
  send_hardware_error(memory_.slots()[0].host_address, BUS_MCEERR_AO);
  send_hardware_error(memory_.slots()[1].host_address, BUS_MCEERR_AO);
  ASSERT_EQ(memory_.take_hardware_error()->page, kRam);
  ASSERT_EQ(memory_.take_hardware_error()->page, window_start());
  EXPECT_EQ(::read(event, &count, sizeof(count)), 8);
  EXPECT_FALSE(memory_.take_hardware_error());
  EXPECT_EQ(::read(event, &count, sizeof(count)), -1);
}

}  // namespace
}  // namespace redoubt
