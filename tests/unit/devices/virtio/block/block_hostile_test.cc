// SPDX-License-Identifier: Apache-2.0
//
// What drivers have done to other monitors' disks, a test for each.
#include <array>
#include <cstring>
#include <initializer_list>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "devices/virtio/block/block.h"
#include "tests/unit/devices/virtio/block/disk.h"

namespace redoubt {
namespace {

using ::testing::ElementsAre;

std::span<const std::byte> bytes_of_header(const virtio_blk_outhdr& header) {
  return std::as_bytes(std::span(&header, 1));
}

TEST(BlockHostile, sectors_beyond_the_end_are_refused_whatever_their_sum_wraps_to) {
  Disk disk;
  disk.transport.start();
  for (const uint64_t sector :
       {Disk::kSectors - 1, Disk::kSectors, Disk::kSectors + 1, (uint64_t{1} << 55) - 1,
        uint64_t{1} << 55, uint64_t{1} << 63, (uint64_t{1} << 63) / 512, ~uint64_t{0} / 512,
        ~uint64_t{0} - 1, ~uint64_t{0}}) {
    EXPECT_EQ(disk.serve(disk.read(sector, 1024)), kIoError) << sector;
    EXPECT_EQ(disk.serve(disk.write(sector, bytes_of(1024, 1))), kIoError) << sector;
    EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_DISCARD, sector, 2)), kIoError) << sector;
    EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, sector, 2)), kIoError) << sector;
    (void)disk.driver.used(0);
  }
  EXPECT_TRUE(disk.engine->started().empty());
  EXPECT_EQ(disk.image.size(), Disk::kSectors * 512);
  EXPECT_EQ(disk.transport.failure(), "");
}

TEST(BlockHostile, ranges_longer_than_advertised_are_refused) {
  Disk disk;
  disk.transport.start();
  disk.image.resize(uint64_t{4} << 30);
  EXPECT_TRUE(run_until(disk.loop, [&] { return disk.transport.take_config_change(); }));
  for (const uint32_t sectors : {BlockRequest::kMaxRangeSectors + 1, ~uint32_t{0}}) {
    EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_DISCARD, 0, sectors)), kIoError);
    EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 0, sectors)), kIoError);
  }
  EXPECT_TRUE(disk.engine->started().empty());
}

TEST(BlockHostile, lengths_that_are_no_multiple_of_a_sector_are_refused) {
  Disk disk;
  disk.transport.start();
  const GuestRange buffer = disk.driver.allocate(2048);
  const GuestRange header = disk.driver.allocate(32);
  disk.driver.write(header.start(), bytes_of_header(Disk::header(VIRTIO_BLK_T_IN, 0)));
  disk.driver.write(GuestAddress(header.start().value() + 16),
                    bytes_of_header(Disk::header(VIRTIO_BLK_T_OUT, 0)));
  for (uint32_t size = 1; size <= 1024; ++size) {
    disk.driver.write(buffer.start(), bytes_of(2048, 0xa5));
    disk.driver.chain()
        .readable_at(header.start(), 16)
        .writable_at(buffer.start(), size + 1)
        .submit(0);
    disk.transport.notify(0);
    const bool whole = size % 512 == 0;
    const std::vector<std::byte> after = disk.driver.read(buffer);
    ASSERT_EQ(after[size], std::byte{whole ? kOk : kIoError}) << size;
    ASSERT_EQ(after[size + 1], std::byte{0xa5}) << size;
    ASSERT_TRUE(whole || after[0] == std::byte{0xa5}) << size;
    ASSERT_EQ(disk.driver.used(0).at(0).length, whole ? size + 1 : 0) << size;

    const FakeRequest write = disk.driver.chain()
                                  .readable_at(GuestAddress(header.start().value() + 16), 16)
                                  .readable_at(buffer.start(), size)
                                  .writable_at(GuestAddress(buffer.start().value() + 2000), 1)
                                  .submit(0);
    disk.transport.notify(0);
    ASSERT_EQ(disk.driver.read(buffer)[2000], std::byte{whole ? kOk : kIoError}) << size;
    ASSERT_THAT(disk.driver.used(0), ElementsAre(Used{write.head, 1}));
  }
  EXPECT_EQ(disk.transport.failure(), "");
}

TEST(BlockHostile, header_in_any_number_of_pieces_is_the_same_header) {
  Disk disk;
  disk.transport.start();
  const virtio_blk_outhdr header = Disk::header(VIRTIO_BLK_T_IN, 7);
  for (size_t pieces = 1; pieces <= 16; ++pieces) {
    FakeDriver::Chain chain = disk.driver.chain();
    size_t at = 0;
    for (size_t piece = 0; piece < pieces; ++piece) {
      const size_t end = piece + 1 == pieces ? 16 : at + 1;
      chain.readable(bytes_of_header(header).subspan(at, end - at));
      at = end;
    }
    const FakeRequest request = chain.writable(512).writable(1).submit(0);
    EXPECT_EQ(disk.serve(request), kOk) << pieces;
    EXPECT_EQ(disk.data(request), TempImage::pattern(7 * 512, 512)) << pieces;
    (void)disk.driver.used(0);
  }
}

TEST(BlockHostile, header_and_data_in_one_descriptor_are_told_apart) {
  Disk disk;
  disk.transport.start();
  std::vector<std::byte> bytes = bytes_of(16 + 512, 0x77);
  const virtio_blk_outhdr header = Disk::header(VIRTIO_BLK_T_OUT, 2);
  std::memcpy(bytes.data(), &header, sizeof(header));
  EXPECT_EQ(disk.serve(disk.driver.chain().readable(bytes).writable(1).submit(0)), kOk);
  EXPECT_EQ(disk.image.read(2 * 512, 512), bytes_of(512, 0x77));
}

TEST(BlockHostile, data_cut_anywhere_arrives_in_order) {
  Disk disk;
  disk.transport.start();
  for (const uint32_t cut : {1U, 511U, 513U, 1023U}) {
    const FakeRequest request = disk.driver.chain()
                                    .indirect()
                                    .readable_object(Disk::header(VIRTIO_BLK_T_IN, 1))
                                    .writable(cut)
                                    .writable(1025 - cut)
                                    .submit(0);
    EXPECT_EQ(disk.serve(request), kOk);
    EXPECT_EQ(disk.data(request), TempImage::pattern(512, 1024));
  }
}

TEST(BlockHostile, request_without_a_status_byte_fails_the_device) {
  for (const uint32_t type : std::initializer_list<uint32_t>{VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
                                                             VIRTIO_BLK_T_FLUSH, 999}) {
    Disk disk;
    disk.transport.start();
    disk.driver.chain().readable_object(Disk::header(type, 0)).readable("data").submit(0);
    disk.transport.notify(0);
    EXPECT_EQ(disk.transport.failure(), describe(QueueError::BadRequest)) << type;
    EXPECT_TRUE(disk.engine->started().empty());
  }
}

TEST(BlockHostile, request_without_a_whole_header_fails_the_device) {
  for (const size_t size : {size_t{1}, size_t{15}}) {
    Disk disk;
    disk.transport.start();
    disk.driver.chain().readable(bytes_of(size, 0)).writable(1).submit(0);
    disk.transport.notify(0);
    EXPECT_EQ(disk.transport.failure(), describe(QueueError::BadRequest)) << size;
  }
}

TEST(BlockHostile, status_is_the_last_byte_however_much_comes_before_it) {
  Disk disk;
  disk.transport.start();
  const FakeRequest request = disk.driver.chain()
                                  .readable_object(Disk::header(VIRTIO_BLK_T_OUT, 0))
                                  .readable(bytes_of(512, 3))
                                  .writable(100)
                                  .submit(0);
  EXPECT_EQ(disk.serve(request), kOk);
  EXPECT_EQ(disk.data(request), bytes_of(99, 0xa5));
  // Nothing before the status was written, so nothing is said to be.
  EXPECT_THAT(disk.driver.used(0), ElementsAre(Used{request.head, 0}));
}

TEST(BlockHostile, unknown_types_are_unsupported_and_scsi_is_unknown) {
  Disk disk;
  disk.transport.start();
  const auto status_of = [&](uint32_t type) {
    const GuestRange status = disk.driver.allocate(1);
    const FakeRequest request = disk.driver.chain()
                                    .readable_object(Disk::header(type, 0))
                                    .writable_at(status.start(), 1)
                                    .submit(0);
    disk.transport.notify(0);
    (void)disk.driver.used(0);
    return std::to_integer<uint8_t>(disk.driver.written(request).at(0));
  };
  std::vector<uint32_t> types = {VIRTIO_BLK_T_SCSI_CMD, VIRTIO_BLK_T_SCSI_CMD | VIRTIO_BLK_T_OUT,
                                 VIRTIO_BLK_T_SECURE_ERASE, ~uint32_t{0}};
  for (uint32_t type = 14; type < 1024; ++type) types.push_back(type);
  for (unsigned shift = 4; shift < 32; ++shift) {
    types.push_back(uint32_t{1} << shift);
    types.push_back((uint32_t{1} << shift) | VIRTIO_BLK_T_OUT);
  }
  for (const uint32_t type : types) ASSERT_EQ(status_of(type), kUnsupported) << type;
  EXPECT_TRUE(disk.engine->started().empty());
}

TEST(BlockHostile, disk_that_grows_under_way_does_not_change_a_request) {
  Disk disk;
  disk.transport.start();
  disk.engine->hold();
  const FakeRequest request = disk.read(Disk::kSectors - 2, 1024);
  disk.transport.notify(0);
  disk.image.resize(2 * Disk::kSectors * 512);
  EXPECT_TRUE(run_until(disk.loop, [&] { return disk.transport.take_config_change(); }));
  disk.engine->complete_all();
  EXPECT_EQ(disk.serve(request), kOk);
  EXPECT_EQ(disk.data(request), TempImage::pattern((Disk::kSectors - 2) * 512, 1024));
  EXPECT_EQ(disk.engine->started().at(0).length, 1024U);
}

TEST(BlockHostile, id_is_twenty_bytes_filled_up_with_zeros) {
  Disk disk({.serial = "vault-7"});
  disk.transport.start();
  const auto id_in = [&](uint32_t size) {
    return disk.driver.chain()
        .readable_object(Disk::header(VIRTIO_BLK_T_GET_ID, 0))
        .writable(size)
        .writable(1)
        .submit(0);
  };
  const FakeRequest request = id_in(20);
  EXPECT_EQ(disk.serve(request), kOk);
  std::vector<std::byte> expected(20);
  std::memcpy(expected.data(), "vault-7", 7);
  EXPECT_EQ(disk.data(request), expected);
  EXPECT_THAT(disk.driver.used(0), ElementsAre(Used{request.head, 21}));
  for (const uint32_t size : {1U, 19U, 21U, 512U}) {
    const FakeRequest other = id_in(size);
    EXPECT_EQ(disk.serve(other), kIoError) << size;
    EXPECT_EQ(disk.data(other), bytes_of(size, 0xa5)) << size;
  }
}

TEST(BlockHostile, flags_of_a_discard_are_unsupported_and_so_are_unknown_ones) {
  Disk disk;
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_DISCARD, 0, 8, 1)), kUnsupported);
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_DISCARD, 0, 8, 0x8000'0000)), kUnsupported);
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 2)), kUnsupported);
  EXPECT_EQ(disk.serve(disk.range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 3)), kUnsupported);
  EXPECT_TRUE(disk.engine->started().empty());
}

TEST(BlockHostile, anything_but_one_range_is_refused) {
  Disk disk;
  disk.transport.start();
  for (const uint32_t type :
       std::initializer_list<uint32_t>{VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES}) {
    for (const size_t size : {size_t{0}, size_t{15}, size_t{17}, size_t{32}, size_t{4096}}) {
      std::vector<std::byte> bytes(16 + size);
      const virtio_blk_outhdr header = Disk::header(type, 0);
      std::memcpy(bytes.data(), &header, sizeof(header));
      EXPECT_EQ(disk.serve(disk.driver.chain().readable(bytes).writable(1).submit(0)), kIoError)
          << type << " " << size;
    }
  }
  EXPECT_TRUE(disk.engine->started().empty());
}

TEST(BlockHostile, image_that_looks_like_qcow2_with_a_backing_file_is_plain_bytes) {
  Disk disk;
  std::vector<std::byte> header = bytes_of(512, 0);
  const std::array<uint8_t, 24> qcow2 = {'Q', 'F', 'I', 0xfb, 0, 0, 0, 3,  0, 0, 0, 0,
                                         0,   0,   0,   0x40, 0, 0, 0, 11, 0, 0, 0, 16};
  std::memcpy(header.data(), qcow2.data(), qcow2.size());
  std::memcpy(header.data() + 0x40, "/etc/passwd", 11);
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.write(0, header)), kOk);
  disk.transport.reset();

  Disk again;
  again.image.write(0, disk.image.read(0, Disk::kSectors * 512));
  again.transport.start();
  const FakeRequest request = again.read(0, 512);
  EXPECT_EQ(again.serve(request), kOk);
  EXPECT_EQ(again.data(request), header);
  EXPECT_EQ(again.block->features(), disk.block->features());
  EXPECT_EQ(again.transport.config(), disk.transport.config());
}

TEST(BlockHostile, same_head_twice_while_under_way_fails_the_device) {
  Disk disk;
  disk.transport.start();
  disk.engine->hold();
  const FakeRequest request = disk.read(0, 512);
  disk.driver.make_available(0, request.head);
  disk.transport.notify(0);
  EXPECT_EQ(disk.transport.failure(), describe(QueueError::HeadInFlight));
  disk.engine->complete_all();
  run_some(disk.loop);
  EXPECT_EQ(disk.data(request), bytes_of(512, 0xa5));
}

TEST(BlockHostile, buffers_outside_the_window_fail_the_device) {
  Disk disk;
  disk.transport.start();
  disk.driver.chain()
      .readable_object(Disk::header(VIRTIO_BLK_T_IN, 0))
      .writable_at(disk.driver.outside(), 512)
      .writable(1)
      .submit(0);
  disk.transport.notify(0);
  EXPECT_EQ(disk.transport.failure(), describe(QueueError::OutOfRange));
  EXPECT_TRUE(disk.engine->started().empty());
}

TEST(BlockHostile, data_that_cannot_be_read_is_not_written_and_fails_the_device) {
  Disk disk;
  disk.transport.start();
  const FakeRequest request = disk.write(0, bytes_of(8192, 1));
  const RevokedPages gone = disk.driver.revoke(request.readable.at(1));
  disk.transport.notify(0);
  EXPECT_EQ(disk.transport.failure(), describe(QueueError::Inaccessible));
  EXPECT_EQ(disk.image.read(0, 8192), TempImage::pattern(0, 8192));
}

TEST(BlockHostile, buffer_taken_back_while_it_is_filled_fails_the_device_until_reset) {
  Disk disk;
  disk.transport.start();
  disk.engine->hold();
  const FakeRequest request = disk.read(0, 512);
  disk.transport.notify(0);
  {
    const RevokedPages gone = disk.driver.revoke(request.writable.at(0));
    disk.engine->complete_all();
    run_some(disk.loop);
    EXPECT_EQ(disk.transport.failure(), describe(QueueError::Inaccessible));
  }
  disk.transport.reset();
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.read(0, 512)), kOk);
}

TEST(BlockHostile, status_byte_taken_back_fails_the_device_and_leaks_nothing) {
  Disk disk;
  for (int i = 0; i < static_cast<int>(Block::kMaxJobs) + 10; ++i) {
    disk.transport.start();
    const FakeRequest request = disk.read(0, 512);
    const RevokedPages gone = disk.driver.revoke(request.writable.at(1));
    disk.transport.notify(0);
    ASSERT_EQ(disk.transport.failure(), describe(QueueError::Inaccessible));
    disk.transport.reset();
  }
  disk.transport.start();
  EXPECT_EQ(disk.serve(disk.read(0, 512)), kOk);
}

}  // namespace
}  // namespace redoubt
