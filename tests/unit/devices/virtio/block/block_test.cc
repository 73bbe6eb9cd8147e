// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/block/disk.h"

namespace redoubt {
namespace {

using ::testing::ElementsAre;
using Kind = IoOperation::Kind;

TEST(Block, read_gives_the_bytes_of_the_image_and_counts_them_with_the_status) {
  Disk disk;
  disk.transport.start();
  const FakeRequest request = disk.read(3, 1024);
  EXPECT_EQ(disk.serve(request), kOk);
  EXPECT_EQ(disk.data(request), TempImage::pattern(3 * 512, 1024));
  EXPECT_THAT(disk.driver.used(0), ElementsAre(Used{request.head, 1025}));
  EXPECT_TRUE(disk.transport.take_interrupt());
}

TEST(Block, write_changes_the_image_there_and_nowhere_else) {
  Disk disk;
  disk.transport.start();
  const FakeRequest request = disk.write(5, bytes_of(512, 0x5a));
  EXPECT_EQ(disk.serve(request), kOk);
  EXPECT_EQ(disk.image.read(4 * 512, 512), TempImage::pattern(4 * 512, 512));
  EXPECT_EQ(disk.image.read(5 * 512, 512), bytes_of(512, 0x5a));
  EXPECT_EQ(disk.image.read(6 * 512, 512), TempImage::pattern(6 * 512, 512));
  EXPECT_THAT(disk.driver.used(0), ElementsAre(Used{request.head, 1}));
}

TEST(Block, last_sector_can_be_read_and_written) {
  Disk disk;
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.read(Disk::kSectors - 1, 512)), kOk);
  EXPECT_EQ(disk.serve(disk.write(Disk::kSectors - 1, bytes_of(512, 1))), kOk);
  EXPECT_EQ(disk.image.size(), Disk::kSectors * 512);
}

TEST(Block, request_of_nothing_succeeds_without_an_operation) {
  Disk disk;
  disk.transport.start();
  const FakeRequest request =
      disk.driver.chain().readable_object(Disk::header(VIRTIO_BLK_T_IN, 0)).writable(1).submit(0);
  EXPECT_EQ(disk.serve(request), kOk);
  EXPECT_TRUE(disk.engine->started().empty());
}

TEST(Block, request_larger_than_a_piece_is_moved_in_pieces) {
  Disk disk;
  disk.transport.start();
  const uint32_t size = BlockJob::kMaxPiece + 4096 + 512;
  const FakeRequest request = disk.read(8, size);
  EXPECT_EQ(disk.serve(request), kOk);
  EXPECT_EQ(disk.data(request), TempImage::pattern(8 * 512, size));
  EXPECT_THAT(disk.engine->kinds(), ElementsAre(Kind::Read, Kind::Read));
  EXPECT_THAT(disk.driver.used(0), ElementsAre(Used{request.head, size + 1}));
}

TEST(Block, large_write_is_written_whole) {
  Disk disk;
  disk.transport.start();
  std::vector<std::byte> bytes = TempImage::pattern(77, BlockJob::kMaxPiece + 1536);
  EXPECT_EQ(disk.serve(disk.write(16, bytes)), kOk);
  EXPECT_EQ(disk.image.read(16 * 512, bytes.size()), bytes);
}

TEST(Block, flush_is_a_flush_of_the_image) {
  Disk disk;
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.flush()), kOk);
  EXPECT_THAT(disk.engine->kinds(), ElementsAre(Kind::Flush));
}

// A flush covers what had completed before it was submitted.
TEST(Block, flush_starts_when_it_is_taken_and_ends_when_the_image_has_flushed) {
  Disk disk;
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.write(0, bytes_of(512, 9))), kOk);
  disk.engine->hold();
  const FakeRequest flush = disk.flush();
  disk.transport.notify(0);
  EXPECT_THAT(disk.engine->kinds(), ElementsAre(Kind::Write, Kind::Flush));
  EXPECT_EQ(disk.status(flush), 0xa5);
  disk.engine->complete_all();
  EXPECT_EQ(disk.serve(flush), kOk);
}

TEST(Block, without_negotiated_flush_every_change_is_durable_when_it_is_done) {
  Disk disk;
  disk.transport.start(disk.transport.offered() & ~bit(VIRTIO_BLK_F_FLUSH));
  disk.engine->hold();
  const FakeRequest write = disk.write(0, bytes_of(512, 9));
  disk.transport.notify(0);
  disk.engine->complete(0);
  run_some(disk.loop);
  EXPECT_THAT(disk.engine->kinds(), ElementsAre(Kind::Write, Kind::Flush));
  EXPECT_EQ(disk.status(write), 0xa5);
  disk.engine->complete_all();
  EXPECT_EQ(disk.serve(write), kOk);

  EXPECT_EQ(disk.serve(disk.read(0, 512)), kOk);
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8)), kOk);
  EXPECT_EQ(disk.engine->kinds().at(2), Kind::Read);
  EXPECT_EQ(disk.engine->kinds().at(3), Kind::ZeroRange);
  EXPECT_EQ(disk.engine->kinds().back(), Kind::Flush);
}

TEST(Block, write_of_zeros_clears_the_range_alone) {
  Disk disk;
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 10, 100)), kOk);
  EXPECT_EQ(disk.engine->kinds().front(), Kind::ZeroRange);
  EXPECT_EQ(disk.image.read(9 * 512, 512), TempImage::pattern(9 * 512, 512));
  EXPECT_EQ(disk.image.read(10 * 512, 100 * 512), bytes_of(100 * 512, 0));
  EXPECT_EQ(disk.image.read(110 * 512, 512), TempImage::pattern(110 * 512, 512));
  EXPECT_EQ(disk.image.size(), Disk::kSectors * 512);
}

TEST(Block, write_of_zeros_that_may_unmap_punches_a_hole) {
  Disk disk;
  disk.transport.start();
  EXPECT_EQ(
      disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 8, 16, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP)),
      kOk);
  EXPECT_EQ(disk.engine->kinds().front(), Kind::PunchHole);
  EXPECT_EQ(disk.image.read(8 * 512, 16 * 512), bytes_of(16 * 512, 0));
}

TEST(Block, write_of_zeros_is_done_by_hand_where_the_host_cannot) {
  Disk disk;
  disk.transport.start();
  disk.engine->fail_all(Kind::PunchHole, -EOPNOTSUPP);
  disk.engine->fail_all(Kind::ZeroRange, -EOPNOTSUPP);
  const uint32_t sectors = BlockJob::kMaxPiece / 512 + 9;
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 1, sectors,
                                  VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP)),
            kOk);
  EXPECT_THAT(disk.engine->kinds(),
              ElementsAre(Kind::PunchHole, Kind::ZeroRange, Kind::Write, Kind::Write));
  EXPECT_EQ(disk.image.read(0, 512), TempImage::pattern(0, 512));
  EXPECT_EQ(disk.image.read(512, sectors * 512), bytes_of(sectors * 512, 0));
  EXPECT_EQ(disk.image.read((1 + sectors) * 512, 512),
            TempImage::pattern((1 + sectors) * 512, 512));
}

TEST(Block, discard_reaches_the_image) {
  Disk disk;
  disk.transport.start();
  const uint8_t status = disk.serve(disk.range(VIRTIO_BLK_T_DISCARD, 16, 64));
  if (status == kUnsupported) GTEST_SKIP() << "this file system cannot punch holes";
  EXPECT_EQ(status, kOk);
  EXPECT_THAT(disk.engine->kinds(), ElementsAre(Kind::Discard));
  EXPECT_EQ(disk.image.read(16 * 512, 64 * 512), bytes_of(64 * 512, 0));
  EXPECT_EQ(disk.image.read(80 * 512, 512), TempImage::pattern(80 * 512, 512));
}

TEST(Block, discard_that_the_host_cannot_do_is_unsupported) {
  Disk disk;
  disk.transport.start();
  disk.engine->fail_all(Kind::Discard, -EOPNOTSUPP);
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_DISCARD, 16, 64)), kUnsupported);
}

TEST(Block, discard_without_the_feature_is_unsupported) {
  Disk disk({.discard = false});
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_DISCARD, 16, 64)), kUnsupported);
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 16, 64)), kOk);
}

TEST(Block, every_queue_is_served) {
  Disk disk({.queues = 4});
  disk.transport.start();
  for (uint16_t queue = 0; queue < 4; ++queue) {
    const FakeRequest request = disk.read(queue, 512, queue);
    disk.transport.notify(queue);
    EXPECT_EQ(disk.status(request), kOk);
    EXPECT_EQ(disk.data(request), TempImage::pattern(queue * 512U, 512));
  }
}

TEST(Block, requests_of_one_notification_are_started_together) {
  Disk disk;
  disk.transport.start();
  disk.engine->hold();
  for (int i = 0; i < 20; ++i) disk.read(0, 512);
  disk.transport.notify(0);
  EXPECT_EQ(disk.engine->in_flight(), 20U);
}

TEST(Block, requests_may_end_in_any_order) {
  Disk disk;
  disk.transport.start();
  disk.engine->hold();
  const FakeRequest first = disk.read(0, 512);
  const FakeRequest second = disk.read(1, 512);
  disk.transport.notify(0);
  disk.engine->complete(1);
  run_some(disk.loop);
  EXPECT_THAT(disk.driver.used(0), ElementsAre(Used{second.head, 513}));
  disk.engine->complete(0);
  run_some(disk.loop);
  EXPECT_THAT(disk.driver.used(0), ElementsAre(Used{first.head, 513}));
  EXPECT_EQ(disk.data(first), TempImage::pattern(0, 512));
  EXPECT_EQ(disk.data(second), TempImage::pattern(512, 512));
}

TEST(Block, small_requests_fill_the_disk_s_jobs_and_the_rest_wait) {
  Disk disk({.queues = 2}, Disk::Engine::Fake, 256);
  disk.transport.start();
  disk.engine->hold();
  // An indirect table each, so that the queues hold as many as they have entries.
  std::vector<FakeRequest> requests;
  const GuestRange header = disk.driver.allocate(16);
  const virtio_blk_outhdr read = Disk::header(VIRTIO_BLK_T_IN, 0);
  disk.driver.write(header.start(), std::as_bytes(std::span(&read, 1)));
  for (uint16_t i = 0; i < 512; ++i) {
    const GuestRange data = disk.driver.allocate(513);
    requests.push_back(disk.driver.chain()
                           .indirect()
                           .readable_at(header.start(), 16)
                           .writable_at(data.start(), 513)
                           .submit(i % 2));
  }
  disk.transport.notify(0);
  disk.transport.notify(1);
  EXPECT_EQ(disk.engine->in_flight(), Block::kMaxJobs);
  disk.engine->complete_all();
  size_t used = 0;
  EXPECT_TRUE(run_until(disk.loop, [&] {
    used += disk.driver.used(0).size() + disk.driver.used(1).size();
    return used == requests.size();
  }));
  EXPECT_EQ(disk.engine->started().size(), requests.size());
}

TEST(Block, large_requests_fill_the_disk_s_memory_and_the_rest_wait) {
  Disk disk;
  disk.transport.start();
  disk.engine->hold();
  const GuestRange header = disk.driver.allocate(16);
  const virtio_blk_outhdr read = Disk::header(VIRTIO_BLK_T_IN, 0);
  disk.driver.write(header.start(), std::as_bytes(std::span(&read, 1)));
  const GuestRange data = disk.driver.allocate(BlockJob::kMaxPiece + 1);
  for (int i = 0; i < 20; ++i) {
    disk.driver.chain()
        .readable_at(header.start(), 16)
        .writable_at(data.start(), BlockJob::kMaxPiece + 1)
        .submit(0);
  }
  disk.transport.notify(0);
  EXPECT_EQ(disk.engine->in_flight(), Block::kChunks / BlockJob::kMaxChunks);
  disk.engine->complete_all();
  size_t used = 0;
  EXPECT_TRUE(run_until(disk.loop, [&] { return (used += disk.driver.used(0).size()) == 20; }));
  EXPECT_EQ(disk.driver.read(data).back(), std::byte{kOk});
}

TEST(Block, very_large_request_leaves_the_loop_to_others_between_its_pieces) {
  Disk disk;
  disk.transport.start();
  // Pieces of zeros, one after the other.
  disk.image.resize(64 * BlockJob::kMaxPiece);
  EXPECT_TRUE(run_until(disk.loop, [&] { return disk.transport.take_config_change(); }));
  disk.engine->fail_all(Kind::ZeroRange, -EOPNOTSUPP);
  const FakeRequest zeros =
      disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 64 * BlockJob::kMaxPiece / 512);
  disk.transport.notify(0);
  EXPECT_EQ(disk.status(zeros), 0xa5);
  EXPECT_LT(disk.engine->started().size(), 8U);
  EXPECT_EQ(disk.serve(zeros), kOk);
}

TEST(Block, read_only_disk_offers_nothing_that_writes_and_refuses_all_of_it) {
  Disk disk({.readonly = true});
  EXPECT_NE(disk.block->features() & bit(VIRTIO_BLK_F_RO), 0U);
  EXPECT_EQ(disk.block->features() & (bit(VIRTIO_BLK_F_DISCARD) | bit(VIRTIO_BLK_F_WRITE_ZEROES)),
            0U);
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.write(0, bytes_of(512, 1))), kIoError);
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_DISCARD, 0, 8)), kUnsupported);
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8)), kUnsupported);
  EXPECT_EQ(disk.serve(disk.read(0, 512)), kOk);
  EXPECT_EQ(disk.serve(disk.flush()), kOk);
  EXPECT_EQ(disk.image.read(0, 4096), TempImage::pattern(0, 4096));
}

TEST(Block, image_of_a_disk_cannot_be_another_disk) {
  Disk disk;
  EXPECT_THROW(Block({.path = disk.image.path()}, disk.loop), SetupError);
  EXPECT_THROW(Block({.path = disk.image.path(), .readonly = true}, disk.loop), SetupError);
}

TEST(Block, more_queues_than_there_can_be_are_refused) {
  const TempImage image(512);
  EventLoop loop;
  EXPECT_THROW(Block({.path = image.path(), .queues = 65}, loop), SetupError);
  EXPECT_THROW(Block({.path = image.path(), .queues = 0}, loop), SetupError);
}

}  // namespace
}  // namespace redoubt
