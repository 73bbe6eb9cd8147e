// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/payload_file.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/boot/payload_builder.h"
#include "vmm/base/setup_error.h"

namespace redoubt::boot {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string refusal(const std::filesystem::path& path) {
  try {
    const PayloadFile file("initrd", path);
  } catch (const SetupError& error) {
    EXPECT_EQ(error.status(), ExitStatus::BadPayload);
    return error.what();
  }
  return "not refused";
}

TEST(PayloadFile, reads_at_an_offset_up_to_the_end) {
  const MemoryFile memory(bytes_of("0123456789"));
  const PayloadFile file("initrd", memory.path());
  std::array<std::byte, 4> bytes = {};

  EXPECT_EQ(file.size(), 10u);
  EXPECT_EQ(file.read(3, bytes), 4u);
  EXPECT_EQ(bytes[0], std::byte{'3'});
  EXPECT_EQ(file.read(8, bytes), 2u);
  EXPECT_EQ(file.read(10, bytes), 0u);
  EXPECT_EQ(file.read(~uint64_t{0} - 1, bytes), 0u);
}

TEST(PayloadFile, file_cut_short_after_it_was_opened_reads_short) {
  MemoryFile memory(bytes_of("0123456789"));
  const PayloadFile file("initrd", memory.path());
  memory.truncate(6);
  std::array<std::byte, 10> bytes = {};

  EXPECT_EQ(file.read(0, bytes), 6u);
}

TEST(PayloadFile, missing_file_is_refused_with_role_path_and_reason) {
  EXPECT_THAT(refusal("/nowhere/at all"),
              AllOf(HasSubstr("initrd /nowhere/at all"), HasSubstr("No such file")));
}

TEST(PayloadFile, directory_is_refused) { EXPECT_THAT(refusal("/proc"), HasSubstr("directory")); }

TEST(PayloadFile, device_is_refused) {
  EXPECT_THAT(refusal("/dev/null"), HasSubstr("not a regular file"));
}

TEST(PayloadFile, empty_file_is_refused) {
  const MemoryFile memory({});

  EXPECT_THAT(refusal(memory.path()), HasSubstr("is empty"));
}

TEST(PayloadFile, fifo_without_a_writer_is_refused_and_not_waited_for) {
  std::string directory = "/tmp/redoubt-test-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const std::filesystem::path fifo = directory + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);

  EXPECT_THAT(refusal(fifo), HasSubstr("not a regular file"));

  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace redoubt::boot
