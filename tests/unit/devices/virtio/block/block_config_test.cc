// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/block_config.h"

#include <cstring>
#include <initializer_list>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/block/temp_image.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

constexpr uint64_t bit(unsigned number) { return uint64_t{1} << number; }

virtio_blk_config fields(const BlockConfig& config) {
  virtio_blk_config fields{};
  std::memcpy(&fields, config.bytes().data(), config.bytes().size());
  return fields;
}

std::string id(const BlockOptions& options) {
  const auto bytes = block_id(options);
  std::string text;
  for (const std::byte byte : bytes) text += std::to_integer<char>(byte);
  return text;
}

TEST(BlockConfig, writable_disk_offers_everything_a_driver_can_use) {
  const TempImage file(1 << 20);
  const BlockOptions options{.path = file.path(), .queues = 4};
  const ImageFile image(options);
  const BlockConfig config(options, image);
  for (const unsigned number : std::initializer_list<unsigned>{
           VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_TOPOLOGY, VIRTIO_BLK_F_FLUSH,
           VIRTIO_BLK_F_MQ, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES}) {
    EXPECT_NE(config.features() & bit(number), 0U) << number;
  }
  EXPECT_EQ(config.features() & (bit(VIRTIO_BLK_F_RO) | bit(VIRTIO_BLK_F_SCSI)), 0U);
  const virtio_blk_config seen = fields(config);
  EXPECT_EQ(seen.capacity, 2048U);
  EXPECT_EQ(seen.seg_max, 254U);
  EXPECT_EQ(seen.blk_size, 512U);
  EXPECT_EQ(seen.num_queues, 4U);
  EXPECT_EQ(512U << seen.physical_block_exp, image.physical_block_size());
  EXPECT_EQ(seen.max_discard_seg, 1U);
  EXPECT_EQ(seen.max_write_zeroes_seg, 1U);
  EXPECT_EQ(seen.write_zeroes_may_unmap, 1U);
  EXPECT_GT(seen.max_discard_sectors, 0U);
}

TEST(BlockConfig, configuration_space_ends_with_the_write_zeroes_group) {
  const TempImage file(512);
  const BlockOptions options{.path = file.path()};
  EXPECT_EQ(BlockConfig(options, ImageFile(options)).bytes().size(), 60U);
}

TEST(BlockConfig, without_discard_zeros_keep_their_room) {
  const TempImage file(512);
  const BlockOptions options{.path = file.path(), .discard = false};
  const BlockConfig config(options, ImageFile(options));
  EXPECT_EQ(config.features() & bit(VIRTIO_BLK_F_DISCARD), 0U);
  EXPECT_EQ(fields(config).write_zeroes_may_unmap, 0U);
  EXPECT_EQ(fields(config).max_discard_sectors, 0U);
  EXPECT_EQ(fields(config).max_write_zeroes_seg, 1U);
}

TEST(BlockConfig, one_queue_needs_no_multiqueue) {
  const TempImage file(512);
  const BlockOptions options{.path = file.path()};
  EXPECT_EQ(BlockConfig(options, ImageFile(options)).features() & bit(VIRTIO_BLK_F_MQ), 0U);
}

TEST(BlockId, serial_is_filled_up_with_zeros) {
  EXPECT_EQ(id({.serial = "abc"}), std::string("abc") + std::string(17, '\0'));
  EXPECT_EQ(id({.serial = "12345678901234567890"}), "12345678901234567890");
}

TEST(BlockId, by_default_it_belongs_to_the_path) {
  EXPECT_EQ(id({.path = "/a/b.img"}), id({.path = "/a/./x/../b.img"}));
  EXPECT_NE(id({.path = "/a/b.img"}), id({.path = "/a/c.img"}));
  EXPECT_EQ(id({.path = "/a/b.img"}).substr(16), std::string(4, '\0'));
}

TEST(BlockId, serial_that_does_not_fit_is_refused) {
  EXPECT_THROW((void)block_id({.serial = "123456789012345678901"}), SetupError);
  EXPECT_THROW((void)block_id({.serial = "a\nb"}), SetupError);
  EXPECT_THROW((void)block_id({.serial = "\xc3\xa4"}), SetupError);
}

}  // namespace
}  // namespace redoubt
