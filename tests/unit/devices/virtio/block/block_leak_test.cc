// SPDX-License-Identifier: Apache-2.0
//
// Ten thousand requests leave the process as it was.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <unistd.h>

#include "devices/virtio/block/block.h"
#include "tests/rounds.h"
#include "tests/unit/devices/virtio/block/disk.h"
#include "tests/unit/memory/sanitized.h"

namespace redoubt {
namespace {

int64_t open_files() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  statm >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

// Of every type and outcome, through the same guest memory. Few flushes: they take as long as the
// disk below.
void serve_requests(Disk& disk, GuestRange header, GuestRange data, int count) {
  for (int i = 0; i < count; ++i) {
    const auto number = static_cast<uint32_t>(i);
    const uint32_t type = number % 16 == VIRTIO_BLK_T_FLUSH && number % 25 != 0 ? 3 : number % 16;
    const uint32_t size = 512U << (i % 8);
    const virtio_blk_outhdr request = Disk::header(type, static_cast<uint64_t>(i) % 4100);
    disk.driver.write(header.start(), std::as_bytes(std::span(&request, 1)));
    FakeDriver::Chain chain = disk.driver.chain();
    chain.readable_at(header.start(), 16);
    const bool writes = type == VIRTIO_BLK_T_OUT;
    if (writes) chain.readable_at(data.start(), size);
    chain.writable_at(data.start(), writes ? 1 : size + 1).submit(0);
    disk.transport.notify(0);
    ASSERT_TRUE(run_until(disk.loop, [&] { return !disk.driver.used(0).empty(); }));
  }
}

void expect_no_growth(Disk::Engine kind) {
  Disk disk({}, kind);
  disk.transport.start();
  const GuestRange header = disk.driver.allocate(16);
  const GuestRange data = disk.driver.allocate(65536 + 1);
  serve_requests(disk, header, data, 500);
  const int64_t files = open_files();
  const int64_t memory = resident_bytes();
  serve_requests(disk, header, data, rounds(10'000));
  EXPECT_EQ(open_files(), files);
  // ASan keeps what was freed.
  EXPECT_TRUE(kAddressSanitized || resident_bytes() <= memory + memory / 100 + 65536)
      << resident_bytes() << " after " << memory;
}

TEST(BlockLeak, ten_thousand_requests_leave_files_and_memory_as_they_were) {
  try {
    expect_no_growth(Disk::Engine::Uring);
  } catch (const SetupError& error) {
    GTEST_SKIP() << error.what();
  }
}

TEST(BlockLeak, a_disk_s_life_leaves_no_file_open) {
  const int64_t files = open_files();
  for (int i = 0; i < 10; ++i) {
    Disk disk;
    disk.transport.start();
    (void)disk.serve(disk.read(0, 512));
  }
  EXPECT_EQ(open_files(), files);
}

TEST(BlockLeak, refused_images_leave_no_file_open) {
  const TempImage odd(1000);
  EventLoop loop;
  const int64_t files = open_files();
  for (int i = 0; i < 10; ++i) {
    EXPECT_THROW(Block({.path = odd.path()}, loop), SetupError);
    EXPECT_THROW(Block({.path = "/tmp"}, loop), SetupError);
    EXPECT_THROW(Block({.path = odd.path(), .serial = std::string(21, 'x')}, loop), SetupError);
  }
  EXPECT_EQ(open_files(), files);
}

}  // namespace
}  // namespace redoubt
