// SPDX-License-Identifier: Apache-2.0
//
// A host that fails: every error and every short count, at every operation.
#include <array>
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "devices/virtio/block/block.h"
#include "tests/unit/devices/virtio/block/disk.h"

namespace redoubt {
namespace {

using ::testing::ElementsAre;
using Kind = IoOperation::Kind;

constexpr std::array kErrors = {EIO,       ENOSPC,    EDQUOT,  EINVAL, EFBIG,  ENOMEM, EBADF,
                                EPERM,     EROFS,     ENXIO,   ENODEV, ESTALE, EFAULT, ETIMEDOUT,
                                EREMOTEIO, ECANCELED, ENOLINK, EILSEQ, ENODATA};

TEST(BlockFailure, every_error_of_a_read_is_an_io_error_and_shows_no_data) {
  for (const int error : kErrors) {
    Disk disk;
    disk.transport.start();
    disk.engine->fail_next({-error});
    const FakeRequest request = disk.read(0, 1024);
    EXPECT_EQ(disk.serve(request), kIoError) << error;
    EXPECT_EQ(disk.data(request), bytes_of(1024, 0xa5)) << error;
    EXPECT_THAT(disk.driver.used(0), ElementsAre(Used{request.head, 0})) << error;
    EXPECT_EQ(disk.serve(disk.read(0, 512)), kOk) << error;
  }
}

TEST(BlockFailure, every_error_of_a_write_is_an_io_error) {
  for (const int error : kErrors) {
    Disk disk;
    disk.transport.start();
    disk.engine->fail_next({-error});
    const FakeRequest request = disk.write(0, bytes_of(1024, 1));
    EXPECT_EQ(disk.serve(request), kIoError) << error;
    EXPECT_THAT(disk.driver.used(0), ElementsAre(Used{request.head, 1})) << error;
  }
}

TEST(BlockFailure, every_error_of_a_flush_is_an_io_error) {
  for (const int error : kErrors) {
    Disk disk;
    disk.transport.start();
    disk.engine->fail_next({-error});
    EXPECT_EQ(disk.serve(disk.flush()), kIoError) << error;
  }
}

TEST(BlockFailure, every_error_of_a_range_is_an_io_error) {
  for (const int error : kErrors) {
    Disk disk;
    disk.transport.start();
    disk.engine->fail_next({-error, -error, -error});
    EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_DISCARD, 0, 8)), kIoError) << error;
    EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8)), kIoError) << error;
    EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 1)), kIoError) << error;
  }
}

TEST(BlockFailure, write_that_cannot_be_made_durable_is_an_io_error) {
  Disk disk;
  disk.transport.start(disk.transport.offered() & ~bit(VIRTIO_BLK_F_FLUSH));
  disk.engine->fail_all(Kind::Flush, -EIO);
  EXPECT_EQ(disk.serve(disk.write(0, bytes_of(512, 1))), kIoError);
}

TEST(BlockFailure, write_of_zeros_by_hand_can_fail_too) {
  Disk disk;
  disk.transport.start();
  disk.engine->fail_next({-EOPNOTSUPP, -ENOSPC});
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8)), kIoError);
}

TEST(BlockFailure, every_short_read_is_continued_where_it_stopped) {
  for (const int32_t moved : {1, 511, 512, 4096, 16383, 16384, 16385, 40959}) {
    Disk disk;
    disk.transport.start();
    disk.engine->fail_next({moved});
    const FakeRequest request = disk.read(4, 40960);
    EXPECT_EQ(disk.serve(request), kOk) << moved;
    EXPECT_EQ(disk.data(request), TempImage::pattern(4 * 512, 40960)) << moved;
    ASSERT_EQ(disk.engine->started().size(), 2U);
    EXPECT_EQ(disk.engine->started()[1].offset, 4 * 512 + static_cast<uint64_t>(moved));
    EXPECT_EQ(disk.engine->started()[1].length, 40960 - static_cast<uint64_t>(moved));
  }
}

TEST(BlockFailure, every_short_write_is_continued_where_it_stopped) {
  for (const int32_t moved : {1, 511, 512, 4096, 16383, 16384, 16385, 40959}) {
    Disk disk;
    disk.transport.start();
    disk.engine->fail_next({moved});
    const std::vector<std::byte> bytes = TempImage::pattern(99, 40960);
    EXPECT_EQ(disk.serve(disk.write(4, bytes)), kOk) << moved;
    EXPECT_EQ(disk.image.read(4 * 512, 40960), bytes) << moved;
    EXPECT_EQ(disk.engine->started().size(), 2U);
  }
}

TEST(BlockFailure, error_behind_a_short_read_is_an_io_error_without_data) {
  Disk disk;
  disk.transport.start();
  disk.engine->fail_next({512, -EIO});
  const FakeRequest request = disk.read(0, 1024);
  EXPECT_EQ(disk.serve(request), kIoError);
  EXPECT_EQ(disk.data(request), bytes_of(1024, 0xa5));
}

TEST(BlockFailure, read_of_nothing_is_an_io_error) {
  Disk disk;
  disk.transport.start();
  disk.engine->fail_next({512, 0});
  EXPECT_EQ(disk.serve(disk.read(0, 1024)), kIoError);
}

TEST(BlockFailure, write_of_nothing_is_an_io_error) {
  Disk disk;
  disk.transport.start();
  disk.engine->fail_next({0});
  EXPECT_EQ(disk.serve(disk.write(0, bytes_of(512, 1))), kIoError);
}

TEST(BlockFailure, failure_in_a_later_piece_says_how_much_was_read) {
  Disk disk;
  disk.transport.start();
  disk.engine->fail_next({static_cast<int32_t>(BlockJob::kMaxPiece), -EIO});
  const FakeRequest request = disk.read(0, BlockJob::kMaxPiece + 512);
  EXPECT_EQ(disk.serve(request), kIoError);
  EXPECT_THAT(disk.driver.used(0), ElementsAre(Used{request.head, BlockJob::kMaxPiece}));
}

TEST(BlockFailure, interrupted_operations_are_repeated) {
  for (const int error : {EINTR, EAGAIN}) {
    Disk disk;
    disk.transport.start();
    disk.engine->fail_next({-error, -error, -error});
    const FakeRequest request = disk.read(0, 512);
    EXPECT_EQ(disk.serve(request), kOk);
    EXPECT_EQ(disk.data(request), TempImage::pattern(0, 512));
    disk.engine->fail_next({-error});
    EXPECT_EQ(disk.serve(disk.write(0, bytes_of(512, 1))), kOk);
    disk.engine->fail_next({-error});
    EXPECT_EQ(disk.serve(disk.flush()), kOk);
    disk.engine->fail_next({-error});
    EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8)), kOk);
  }
}

TEST(BlockFailure, operation_that_is_interrupted_for_ever_is_an_io_error) {
  Disk disk;
  disk.transport.start();
  disk.engine->fail_all(Kind::Read, -EINTR);
  EXPECT_EQ(disk.serve(disk.read(0, 512)), kIoError);
  EXPECT_EQ(disk.serve(disk.flush()), kOk);
}

TEST(BlockFailure, failed_requests_keep_neither_jobs_nor_memory) {
  Disk disk;
  disk.transport.start();
  const GuestRange header = disk.driver.allocate(16);
  const GuestRange data = disk.driver.allocate(BlockJob::kMaxPiece + 1);
  const virtio_blk_outhdr read = Disk::header(VIRTIO_BLK_T_IN, 0);
  disk.driver.write(header.start(), std::as_bytes(std::span(&read, 1)));
  disk.engine->fail_all(Kind::Read, -EIO);
  for (uint32_t i = 0; i < 2 * Block::kMaxJobs; ++i) {
    disk.driver.chain()
        .readable_at(header.start(), 16)
        .writable_at(data.start(), BlockJob::kMaxPiece + 1)
        .submit(0);
    disk.transport.notify(0);
    ASSERT_EQ(disk.driver.used(0).size(), 1U);
  }
  disk.engine->hold();
  for (int i = 0; i < 16; ++i) {
    disk.driver.chain()
        .readable_at(header.start(), 16)
        .writable_at(data.start(), BlockJob::kMaxPiece + 1)
        .submit(0);
  }
  disk.transport.notify(0);
  EXPECT_EQ(disk.engine->in_flight(), 16U);
}

}  // namespace
}  // namespace redoubt
