// SPDX-License-Identifier: Apache-2.0
//
// A disk's resets and end, with operations under way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "devices/virtio/block/block.h"
#include "tests/unit/devices/virtio/block/disk.h"

namespace redoubt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(BlockLife, after_a_reset_the_disk_works_again) {
  Disk disk;
  for (int i = 0; i < 3; ++i) {
    disk.transport.start();
    EXPECT_EQ(disk.serve(disk.read(0, 512)), kOk);
    disk.transport.reset();
  }
}

TEST(BlockLife, completions_of_before_a_reset_touch_no_guest_memory) {
  Disk disk;
  disk.transport.start();
  disk.engine->hold();
  const FakeRequest before = disk.read(0, 8192);
  disk.transport.notify(0);
  disk.transport.reset();
  disk.engine->complete_all();
  run_some(disk.loop);
  disk.transport.start();
  run_some(disk.loop);
  EXPECT_EQ(disk.driver.written(before), bytes_of(8193, 0xa5));
  EXPECT_THAT(disk.driver.used(0), IsEmpty());
}

TEST(BlockLife, requests_of_after_a_reset_wait_for_operations_of_before_it) {
  Disk disk;
  disk.transport.start();
  disk.engine->hold();
  disk.write(0, bytes_of(512, 0x11));
  disk.transport.notify(0);
  disk.transport.reset();
  disk.transport.start();
  const FakeRequest after = disk.write(0, bytes_of(512, 0x22));
  disk.transport.notify(0);
  EXPECT_EQ(disk.engine->in_flight(), 1U);
  disk.engine->complete(0);
  run_some(disk.loop);
  EXPECT_EQ(disk.engine->in_flight(), 1U);
  disk.engine->complete(0);
  EXPECT_EQ(disk.serve(after), kOk);
  EXPECT_EQ(disk.image.read(0, 512), bytes_of(512, 0x22));
}

TEST(BlockLife, completions_while_no_driver_is_there_do_not_spin_the_loop) {
  Disk disk;
  disk.transport.start();
  disk.engine->hold();
  disk.read(0, 512);
  disk.transport.notify(0);
  disk.transport.reset();
  disk.engine->complete_all();
  // Its watch is paused after the first look: run_some() would otherwise find it ready each time.
  int turns = 0;
  EXPECT_TRUE(run_until(disk.loop, [&] { return ++turns > 1000; }));
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.read(0, 512)), kOk);
}

TEST(BlockLife, reset_storm_with_operations_under_way_stays_within_the_disk_s_memory) {
  Disk disk;
  disk.engine->hold();
  for (int i = 0; i < 300; ++i) {
    disk.transport.start();
    const FakeRequest request = disk.driver.chain()
                                    .readable_object(Disk::header(VIRTIO_BLK_T_IN, 0))
                                    .writable(513)
                                    .submit(0);
    disk.transport.notify(0);
    ASSERT_LE(disk.engine->in_flight(), Block::kMaxJobs);
    disk.transport.reset();
    if (i % 7 == 0) disk.engine->complete_all();
    disk.engine->hold();
    ASSERT_EQ(disk.driver.written(request), bytes_of(513, 0xa5));
  }
  disk.engine->complete_all();
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.read(0, 512)), kOk);
}

TEST(BlockLife, reset_of_one_queue_forgets_its_requests_alone) {
  Disk disk({.queues = 2});
  disk.transport.start();
  disk.engine->hold();
  const FakeRequest gone = disk.read(0, 512, 0);
  const FakeRequest kept = disk.read(1, 512, 1);
  disk.transport.notify(0);
  disk.transport.notify(1);
  disk.block->stop_queue(0);
  disk.engine->complete_all();
  run_some(disk.loop);
  EXPECT_EQ(disk.driver.written(gone), bytes_of(513, 0xa5));
  EXPECT_THAT(disk.driver.used(1), ElementsAre(Used{kept.head, 513}));
  EXPECT_EQ(disk.data(kept), TempImage::pattern(512, 512));
}

// The fake engine goes on writing to its buffers to the end, as the kernel would.
TEST(BlockLife, buffers_outlive_the_operations_that_are_under_way_at_the_end) {
  Disk disk;
  disk.transport.start();
  disk.engine->hold();
  for (int i = 0; i < 10; ++i) disk.read(0, 65536);
  disk.transport.notify(0);
  EXPECT_EQ(disk.engine->in_flight(), 10U);
  disk.transport.reset();
  disk.block.reset();
}

TEST(BlockLife, the_image_is_free_again_when_the_disk_has_ended) {
  Disk disk;
  disk.transport.start();
  (void)disk.serve(disk.write(0, bytes_of(512, 1)));
  disk.transport.reset();
  disk.block.reset();
  EXPECT_NO_THROW(ImageFile({.path = disk.image.path()}));
}

TEST(BlockLife, image_that_grows_is_a_disk_that_grows) {
  Disk disk;
  disk.transport.start();
  EXPECT_FALSE(disk.transport.take_config_change());
  disk.image.resize((Disk::kSectors + 8) * 512);
  EXPECT_TRUE(run_until(disk.loop, [&] { return disk.transport.take_config_change(); }));
  EXPECT_EQ(disk.transport.config().at(0), std::byte{(Disk::kSectors + 8) & 0xff});
  EXPECT_EQ(disk.transport.config().at(1), std::byte{(Disk::kSectors + 8) >> 8});
  EXPECT_EQ(disk.serve(disk.write(Disk::kSectors + 7, bytes_of(512, 1))), kOk);
}

TEST(BlockLife, image_that_grows_between_drivers_is_known_to_the_next_one) {
  Disk disk;
  disk.transport.start();
  disk.transport.reset();
  disk.image.resize((Disk::kSectors + 8) * 512);
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.read(Disk::kSectors, 512)), kOk);
}

TEST(BlockLife, a_grown_image_counts_by_whole_sectors) {
  Disk disk;
  disk.transport.start();
  disk.image.resize(Disk::kSectors * 512 + 1000);
  EXPECT_TRUE(run_until(disk.loop, [&] { return disk.transport.take_config_change(); }));
  EXPECT_EQ(disk.serve(disk.read(Disk::kSectors, 512)), kOk);
  EXPECT_EQ(disk.serve(disk.read(Disk::kSectors, 1024)), VIRTIO_BLK_S_IOERR);
}

TEST(BlockLife, write_behind_the_end_that_a_read_has_met_does_not_make_the_image_longer) {
  Disk disk;
  disk.transport.start();
  disk.image.resize(8 * 512);
  EXPECT_EQ(disk.serve(disk.read(Disk::kSectors - 1, 512)), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(disk.serve(disk.write(Disk::kSectors - 1, bytes_of(512, 1))), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(disk.image.size(), 8U * 512);
}

TEST(BlockLife, image_cut_under_load_gives_io_errors_and_keeps_its_capacity) {
  Disk disk;
  disk.transport.start();
  const std::vector<std::byte> config = disk.transport.config();
  disk.engine->hold();
  const FakeRequest under_way = disk.read(8, 1024);
  disk.transport.notify(0);
  disk.image.resize(4096 + 512);
  disk.engine->complete_all();
  // One sector is left of two.
  EXPECT_EQ(disk.serve(under_way), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(disk.data(under_way), bytes_of(1024, 0xa5));
  EXPECT_EQ(disk.serve(disk.read(9, 512)), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(disk.serve(disk.read(8, 512)), kOk);
  // From the next look at the image on, there is nothing to be asked of it.
  const FakeRequest again = disk.read(9, 512);
  (void)disk.serve(again);
  EXPECT_TRUE(run_until(disk.loop, [&] {
    const size_t before = disk.engine->started().size();
    disk.driver.chain()
        .readable_at(again.readable[0].start(), 16)
        .writable_at(again.writable[0].start(), 513)
        .submit(0);
    disk.transport.notify(0);
    (void)disk.driver.used(0);
    return disk.engine->started().size() == before;
  }));
  // So writes do not make it longer again.
  EXPECT_EQ(disk.serve(disk.write(9, bytes_of(512, 1))), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(disk.image.size(), 4096U + 512U);
  EXPECT_EQ(disk.transport.config(), config);
  EXPECT_EQ(disk.transport.failure(), "");
}

}  // namespace
}  // namespace redoubt
