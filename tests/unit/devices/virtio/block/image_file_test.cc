// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/image_file.h"

#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/devices/virtio/block/loop_device.h"
#include "tests/unit/devices/virtio/block/temp_image.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

using ::testing::HasSubstr;

// The message and the remedy of the refusal; "" if there is none.
std::string refusal(const BlockOptions& options) {
  try {
    const ImageFile image(options);
  } catch (const SetupError& error) {
    return error.what() + std::string("; ") + error.remedy();
  }
  return {};
}

TEST(ImageFile, file_has_its_size_and_is_closed_on_exec) {
  const TempImage file(4096);
  const ImageFile image({.path = file.path()});
  EXPECT_EQ(image.size(), 4096U);
  EXPECT_FALSE(image.is_block_device());
  EXPECT_EQ(image.logical_block_size(), 512U);
  EXPECT_GE(image.physical_block_size(), 512U);
  EXPECT_NE(::fcntl(image.fd().get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(::fcntl(image.fd().get(), F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_DIRECT), O_RDWR);
}

TEST(ImageFile, read_only_image_is_opened_for_reading_alone) {
  const TempImage file(4096);
  const ImageFile image({.path = file.path(), .readonly = true});
  EXPECT_EQ(::fcntl(image.fd().get(), F_GETFL) & O_ACCMODE, O_RDONLY);
}

TEST(ImageFile, direct_image_goes_past_the_page_cache_in_its_blocks) {
  const TempImage file(65536);
  const BlockOptions options{.path = file.path(), .direct = true};
  if (const std::string why = refusal(options); !why.empty()) GTEST_SKIP() << why;
  const ImageFile image(options);
  EXPECT_NE(::fcntl(image.fd().get(), F_GETFL) & O_DIRECT, 0);
  EXPECT_EQ(image.size() % image.logical_block_size(), 0U);
}

TEST(ImageFile, second_writer_is_refused_by_name_until_the_first_has_ended) {
  const TempImage file(4096);
  {
    const ImageFile first({.path = file.path()});
    const std::string why = refusal({.path = file.path()});
    EXPECT_THAT(why, HasSubstr(file.path().string()));
    EXPECT_THAT(why, HasSubstr("another process or disk has it open"));
  }
  EXPECT_EQ(refusal({.path = file.path()}), "");
}

TEST(ImageFile, readers_share_an_image_but_not_with_a_writer) {
  const TempImage file(4096);
  const ImageFile first({.path = file.path(), .readonly = true});
  const ImageFile second({.path = file.path(), .readonly = true});
  EXPECT_THAT(refusal({.path = file.path()}), HasSubstr("has it open"));
}

TEST(ImageFile, reader_is_refused_while_there_is_a_writer) {
  const TempImage file(4096);
  const ImageFile writer({.path = file.path()});
  EXPECT_THAT(refusal({.path = file.path(), .readonly = true}), HasSubstr("open for writing"));
}

TEST(ImageFile, lock_ends_though_the_open_file_lives_on_elsewhere) {
  const TempImage file(4096);
  UniqueFd copy;
  {
    const ImageFile image({.path = file.path()});
    copy.reset(::fcntl(image.fd().get(), F_DUPFD_CLOEXEC, 0));
  }
  EXPECT_EQ(refusal({.path = file.path()}), "");
}

TEST(ImageFile, missing_image_is_refused_with_the_command_that_makes_one) {
  EXPECT_THAT(refusal({.path = "/tmp/no-such-image"}), HasSubstr("truncate -s"));
}

TEST(ImageFile, empty_image_is_refused) {
  const TempImage file(0);
  EXPECT_THAT(refusal({.path = file.path()}), HasSubstr("is empty"));
}

TEST(ImageFile, size_that_is_no_multiple_of_a_sector_is_refused_with_the_next_that_is) {
  const TempImage file(1000);
  EXPECT_THAT(refusal({.path = file.path()}),
              HasSubstr("truncate -s 1024 " + file.path().string()));
  const TempImage too_long(513);
  EXPECT_THAT(refusal({.path = too_long.path()}), HasSubstr("multiple of 512"));
}

TEST(ImageFile, directory_is_refused) {
  EXPECT_THAT(refusal({.path = "/tmp", .readonly = true}), HasSubstr("is a directory"));
  EXPECT_THAT(refusal({.path = "/tmp"}), HasSubstr("give the path of an image"));
}

TEST(ImageFile, fifo_is_refused_at_once) {
  const TempImage place(512);
  const std::string path = place.path().string() + "-fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(refusal({.path = path}), HasSubstr("is a FIFO"));
  EXPECT_THAT(refusal({.path = path, .readonly = true}), HasSubstr("is a FIFO"));
  std::filesystem::remove(path);
}

TEST(ImageFile, character_device_is_refused) {
  EXPECT_THAT(refusal({.path = "/dev/null"}), HasSubstr("neither a file nor a block device"));
}

TEST(ImageFile, size_follows_the_file) {
  TempImage file(4096);
  const ImageFile image({.path = file.path()});
  file.resize(8192 + 100);
  EXPECT_EQ(image.size(), 8192U);
  file.resize(512);
  EXPECT_EQ(image.size(), 512U);
}

TEST(ImageFile, block_device_has_the_size_of_its_device) {
  const TempImage file(1 << 20);
  const LoopDevice device(file);
  if (!device.made()) GTEST_SKIP() << device.why_not();
  const ImageFile image({.path = device.path()});
  EXPECT_TRUE(image.is_block_device());
  EXPECT_EQ(image.size(), 1U << 20);
  EXPECT_GE(image.physical_block_size(), image.logical_block_size());
  EXPECT_THAT(refusal({.path = device.path()}), HasSubstr("has it open"));
}

}  // namespace
}  // namespace redoubt
