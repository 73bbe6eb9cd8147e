// SPDX-License-Identifier: Apache-2.0
//
// What guest memory is made of, how it is loaded, and how it ends.
#include "vmm/memory/guest_memory.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/memory/death.h"
#include "tests/unit/memory/two_regions.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

class GuestMemoryObjects : public testing::Test {
 protected:
  GuestMemory memory_{two_regions()};
};

TEST_F(GuestMemoryObjects, slots_are_the_regions_in_order_at_2_mib_boundaries) {
  const auto slots = memory_.slots();
  ASSERT_EQ(slots.size(), 2u);
  EXPECT_EQ(slots[0].range, GuestRange(kRam, kRamPages * page()));
  EXPECT_EQ(slots[1].range, GuestRange(window_start(), kWindowPages * page()));
  EXPECT_EQ(slots[0].host_address % (2 << 20), 0u);
  EXPECT_EQ(slots[1].host_address % (2 << 20), 0u);
}

TEST_F(GuestMemoryObjects, window_is_a_sealed_file_of_its_size) {
  const auto fd = memory_.dma_window_fd();
  ASSERT_TRUE(fd);
  const int seals = ::fcntl(fd->get(), F_GET_SEALS);
  EXPECT_EQ(seals & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
            F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  EXPECT_NE(::ftruncate(fd->get(), 0), 0);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
  struct stat status = {};
  ASSERT_EQ(::fstat(fd->get(), &status), 0);
  EXPECT_EQ(static_cast<uint64_t>(status.st_size), kWindowPages * page());
}

TEST_F(GuestMemoryObjects, forked_child_does_not_have_the_memory) {
  constexpr uint32_t kSecret = 0x5ec2e75e;
  ASSERT_TRUE(memory_.write_object(kRam, kSecret));
  ASSERT_TRUE(memory_.write_object(window_start(), kSecret));
  // Something else may be mapped there in the child (a sanitizer maps early), but not the secret.
  const int status = status_in_child([&] {
    if (memory_.read_object<uint32_t>(kRam).value_or(0) == kSecret) ::_exit(1);
    if (memory_.read_object<uint32_t>(window_start()).value_or(0) == kSecret) ::_exit(2);
  });
  EXPECT_EQ(status, 0);
}

// The flags of the mapping at `address` as /proc/self/smaps abbreviates them.
std::string mapping_flags(uint64_t address) {
  std::ifstream smaps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    uint64_t start = 0;
    uint64_t end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &start, &end) == 2) {
      inside = start <= address && address < end;
    } else if (inside && line.starts_with("VmFlags:")) {
      return line + " ";
    }
  }
  return {};
}

TEST_F(GuestMemoryObjects, memory_is_neither_inherited_nor_dumped_nor_merged) {
  for (const MemorySlot& slot : memory_.slots()) {
    const std::string flags = mapping_flags(slot.host_address);
    EXPECT_NE(flags.find(" dc "), std::string::npos) << flags;
    EXPECT_NE(flags.find(" dd "), std::string::npos) << flags;
    EXPECT_EQ(flags.find(" mg "), std::string::npos) << flags;
  }
}

TEST(GuestMemorySetup, hugepages_follow_the_option) {
  if (!std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled")) {
    GTEST_SKIP() << "this kernel has no transparent huge pages";
  }
  const uint64_t size = 16 * page();
  const MemoryRegion regions[] = {
      {GuestRange(GuestAddress(0), size), PrivateRam{HugepageAdvice::Always}},
      {GuestRange(GuestAddress(size), size), PrivateRam{HugepageAdvice::Never}},
      {GuestRange(GuestAddress(2 * size), size), DmaWindow{HugepageAdvice::Preferred}}};
  const GuestMemory memory(regions);
  EXPECT_NE(mapping_flags(memory.slots()[0].host_address).find(" hg "), std::string::npos);
  EXPECT_NE(mapping_flags(memory.slots()[1].host_address).find(" nh "), std::string::npos);
  EXPECT_NE(mapping_flags(memory.slots()[2].host_address).find(" hg "), std::string::npos);
}

TEST(GuestMemorySetup, process_leaves_memory_merging) {
  if (kSanitized) GTEST_SKIP() << "the kernel would walk terabytes of shadow memory";
  constexpr int kSetMemoryMerge = 67;
  constexpr int kGetMemoryMerge = 68;
  const int status = status_in_child([&] {
    if (::prctl(kSetMemoryMerge, 1, 0, 0, 0) != 0) ::_exit(77);
    const GuestMemory memory(two_regions());
    ::_exit(::prctl(kGetMemoryMerge, 0, 0, 0, 0));
  });
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "this kernel cannot merge memory by process";
  EXPECT_EQ(status, 0);
}

TEST(GuestMemorySetup, overlapping_regions_are_refused) {
  const MemoryRegion regions[] = {{GuestRange(kRam, 4 * page()), PrivateRam{}},
                                  {GuestRange(at(kRam, 3 * page()), page()), DmaWindow{}}};
  EXPECT_THROW(GuestMemory memory(regions), SetupError);
}

TEST(GuestMemorySetup, parts_of_pages_are_refused) {
  const MemoryRegion start[] = {{GuestRange(at(kRam, 1), page()), PrivateRam{}}};
  const MemoryRegion size[] = {{GuestRange(kRam, page() + 1), PrivateRam{}}};
  EXPECT_THROW(GuestMemory memory(start), SetupError);
  EXPECT_THROW(GuestMemory memory(size), SetupError);
}

TEST(GuestMemorySetup, memory_beyond_1_tib_is_refused) {
  constexpr uint64_t kTib = uint64_t{1} << 40;
  const MemoryRegion regions[] = {
      {GuestRange(GuestAddress(kTib - page()), 2 * page()), PrivateRam{}}};
  EXPECT_THROW(GuestMemory memory(regions), SetupError);
}

TEST(GuestMemorySetup, second_window_is_refused) {
  const MemoryRegion regions[] = {{GuestRange(kRam, page()), DmaWindow{}},
                                  {GuestRange(at(kRam, page()), page()), DmaWindow{}}};
  EXPECT_THROW(GuestMemory memory(regions), SetupError);
}

TEST(GuestMemorySetup, guest_without_window_has_no_window_fd) {
  const MemoryRegion regions[] = {{GuestRange(kRam, page()), PrivateRam{}}};
  const GuestMemory memory(regions);
  EXPECT_FALSE(memory.dma_window_fd());
}

TEST(GuestMemorySetup, many_memories_in_turn_need_no_more_than_one) {
  for (int i = 0; i < 100; ++i) EXPECT_NO_THROW(GuestMemory memory(two_regions()));
}

// Reads the window's file after the memory is gone. (Only a test may: nothing is donated here.)
std::vector<std::byte> contents(const UniqueFd& file) {
  std::vector<std::byte> bytes(kWindowPages * page());
  EXPECT_EQ(::pread(file.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  return bytes;
}

TEST(GuestMemoryEnd, window_is_wiped) {
  UniqueFd file;
  {
    GuestMemory memory(two_regions());
    file.reset(::dup(memory.dma_window_fd()->get()));
    const std::vector<std::byte> secret(kWindowPages * page(), std::byte{0x5e});
    ASSERT_TRUE(memory.write(window_start(), secret));
  }
  EXPECT_TRUE(std::ranges::all_of(contents(file), [](std::byte b) { return b == std::byte{0}; }));
}

TEST(GuestMemoryEnd, wipe_passes_over_refused_pages) {
  UniqueFd file;
  {
    GuestMemory memory(two_regions());
    file.reset(::dup(memory.dma_window_fd()->get()));
    const std::vector<std::byte> secret(kWindowPages * page(), std::byte{0x5e});
    ASSERT_TRUE(memory.write(window_start(), secret));
    // SAFETY: changes the protection of a page of this test's own guest.
    void* const second = reinterpret_cast<void*>(memory.slots()[1].host_address + page());
    ASSERT_EQ(::mprotect(second, page(), PROT_NONE), 0);
  }
  const std::vector<std::byte> bytes = contents(file);
  for (size_t i = 0; i < bytes.size(); ++i) {
    ASSERT_EQ(bytes[i], i / page() == 1 ? std::byte{0x5e} : std::byte{0}) << i;
  }
}

TEST(GuestMemoryEnd, wipe_allocates_nothing) {
  UniqueFd file;
  {
    const GuestMemory memory(two_regions());
    file.reset(::dup(memory.dma_window_fd()->get()));
  }
  struct stat status = {};
  ASSERT_EQ(::fstat(file.get(), &status), 0);
  EXPECT_EQ(status.st_blocks, 0);
}

class LoadFile : public GuestMemoryObjects {
 protected:
  LoadFile() {
    for (size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<std::byte>(i * 13);
    EXPECT_EQ(::write(file_.get(), bytes_.data(), bytes_.size()),
              static_cast<ssize_t>(bytes_.size()));
  }
  UniqueFd file_{::memfd_create("payload", MFD_CLOEXEC)};
  std::array<std::byte, 10'000> bytes_;
};

TEST_F(LoadFile, part_of_a_file_is_loaded) {
  memory_.load_file(file_, 100, at(kRam, 3), 9'000);
  std::vector<std::byte> loaded(9'002);
  ASSERT_TRUE(memory_.read(at(kRam, 2), loaded));
  EXPECT_EQ(loaded.front(), std::byte{0});
  EXPECT_EQ(loaded.back(), std::byte{0});
  EXPECT_TRUE(std::equal(loaded.begin() + 1, loaded.end() - 1, bytes_.begin() + 100));
}

TEST_F(LoadFile, nothing_is_loaded_anywhere) {
  EXPECT_NO_THROW(memory_.load_file(file_, 0, GuestAddress(0), 0));
}

TEST_F(LoadFile, file_that_ends_early_is_an_error) {
  EXPECT_THROW(memory_.load_file(file_, 9'000, kRam, 1'001), SetupError);
  EXPECT_THROW(memory_.load_file(file_, 20'000, kRam, 1), SetupError);
}

TEST_F(LoadFile, target_outside_guest_memory_is_an_error) {
  EXPECT_THROW(memory_.load_file(file_, 0, at(kRam, kRamPages * page() - 10), 11), SetupError);
  EXPECT_THROW(memory_.load_file(file_, 0, GuestAddress(0), 1), SetupError);
}

TEST_F(LoadFile, unreadable_file_is_an_error) {
  const UniqueFd directory(::open("/", O_RDONLY | O_CLOEXEC));
  EXPECT_THROW(memory_.load_file(directory, 0, kRam, 1), std::system_error);
}

}  // namespace
}  // namespace redoubt
