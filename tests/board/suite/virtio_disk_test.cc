// SPDX-License-Identifier: Apache-2.0
//
// Disks under load: what was written is read, what was acknowledged survives, an image may grow and
// shrink under a running guest.
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/board/suite/support/debian.h"
#include "tests/board/suite/support/debian_guest.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "tests/sizes.h"

namespace redoubt::suite {
namespace {

std::string disk(const std::string& path) { return "  - path: " + path + "\n"; }

// A file system with a journal, which an interrupted guest leaves to be replayed.
std::string make_ext4(const ScratchFolder& folder) {
  const std::string image = folder.image("ext4.img", 128 * kMiB);
  const Ended made = run_debian_program({"mke2fs", "-q", "-t", "ext4", image});
  EXPECT_EQ(made.status, 0) << made.output;
  return image;
}

// What an image takes on the host.
uint64_t allocated(const std::string& image) {
  struct stat status {};
  EXPECT_EQ(::stat(image.c_str(), &status), 0) << image;
  return static_cast<uint64_t>(status.st_blocks) * 512;
}

constexpr const char* kFio =
    "fio --eta=never --direct=1 --ioengine=libaio --iodepth=16 --randrepeat=0 --verify=crc32c"
    " --verify_fatal=1 ";

// Two jobs at once in neighbouring halves: reads and writes at random, and trims at random with
// writes to what was trimmed. Each block written carries its checksum, and all are read at the end.
constexpr const char* kMixedOnDevice =
    "--filename=/dev/vdb --size=4M --bsrange=4k-64k"
    " --name=mixed --rw=randrw --name=trim --rw=randtrimwrite --offset=4M";

// The same with files: to trim a file is to punch a hole, which fio calls another engine. The file
// system hands on the trims at once.
constexpr const char* kMixedOnFiles =
    "--directory=/mnt --size=4M --bsrange=4k-64k --name=mixed --rw=randrw"
    " --name=trim --filename=trimmed --rw=randtrim --bs=4k --ioengine=falloc --iodepth=1"
    " --verify=0 --overwrite=1"
    " --name=rewrite --stonewall --filename=trimmed --offset=1M --size=2M --rw=randrw";

// The number of the last record whose fsync the guest has seen succeed.
unsigned last_acknowledged(const std::string& output) {
  constexpr std::string_view kMark = "\nsafe ";
  // The last line may have been cut.
  const size_t end = output.rfind('\n');
  const size_t at = output.rfind(kMark, end - 1);
  return at == std::string::npos
             ? 0
             : static_cast<unsigned>(std::stoul(output.substr(at + kMark.size())));
}

class VirtioDisk : public testing::TestWithParam<bool> {
 protected:
  void expect_success(const std::string& command);
  void verify_device();
  void verify_files();
  void grow_and_shrink();
  void kill_under_load();
  void expect_acknowledged_records();

  ScratchFolder folder_;
  std::string ext4_;
  std::string image_;
  std::optional<DebianGuest> guest_;
};

void VirtioDisk::expect_success(const std::string& command) {
  const auto reply = guest_->run(command);
  EXPECT_EQ(reply.status, 0) << command << "\n" << reply.output;
}

void VirtioDisk::verify_device() { expect_success(kFio + std::string(kMixedOnDevice)); }

void VirtioDisk::verify_files() {
  expect_success("mount -o discard /dev/vdc /mnt");
  expect_success(kFio + std::string(kMixedOnFiles));
  expect_success("cmp -n 1048576 /mnt/trimmed /dev/zero");
  expect_success("cmp -n 1048576 /mnt/trimmed /dev/zero 3145728");
  const uint64_t before = allocated(ext4_);
  expect_success("rm -r /mnt/* && sync && fstrim /mnt");
  EXPECT_LT(allocated(ext4_) + 4 * kMiB, before);
}

void VirtioDisk::grow_and_shrink() {
  ASSERT_EQ(guest_->run("cat /sys/block/vdd/size").output, "32768\n");

  std::filesystem::resize_file(image_, 24 * kMiB);
  expect_success("until [ $(cat /sys/block/vdd/size) = 49152 ]; do :; done");
  expect_success("dd if=/dev/zero of=/dev/vdd bs=1M seek=23 count=1 oflag=direct");

  // Under load: until it fails, which it must not before the image shrinks.
  guest_->process().type(
      "(while dd if=/dev/vdd of=/dev/null bs=64k iflag=direct; do echo 'read all'; done;"
      " echo 'read no more') 2>&1 &\n");
  ASSERT_TRUE(guest_->process().wait_for("\nread all\n")) << guest_->process().output();
  std::filesystem::resize_file(image_, 8 * kMiB);
  EXPECT_TRUE(guest_->process().wait_for("Input/output error")) << guest_->process().output();
  EXPECT_TRUE(guest_->process().wait_for("\nread no more\n")) << guest_->process().output();
  EXPECT_NE(guest_->run("dd if=/dev/zero of=/dev/vdd bs=1M seek=23 count=1 oflag=direct").status,
            0);
  expect_success("dd if=/dev/vdd of=/dev/null bs=1M count=8 iflag=direct");
}

void VirtioDisk::kill_under_load() {
  guest_->process().type(
      "fio --name=load --directory=/mnt --rw=randrw --bs=4k --size=16M --nrfiles=8 --fsync=8"
      " --time_based --runtime=1000 >/dev/null 2>&1 &\n"
      "n=0; while n=$((n + 1)); echo \"record $n\" >>/mnt/records && sync /mnt/records; do"
      " echo \"safe $n\"; done\n");
  ASSERT_TRUE(guest_->process().wait_for("\nsafe 30\n")) << guest_->process().output();
  guest_->process().signal(SIGKILL);
  EXPECT_EQ(guest_->process().wait_exit(), 128 + SIGKILL);
}

void VirtioDisk::expect_acknowledged_records() {
  const unsigned acknowledged = last_acknowledged(guest_->process().output());
  ASSERT_GE(acknowledged, 30U);
  const Ended replay = run_debian_program({"e2fsck", "-p", ext4_});
  EXPECT_LE(replay.status, 1) << replay.output;
  const Ended check = run_debian_program({"e2fsck", "-fn", ext4_});
  EXPECT_EQ(check.status, 0) << check.output;
  const Ended records = run_debian_program({"debugfs", "-R", "cat /records", ext4_});
  std::string expected;
  for (unsigned n = 1; n <= acknowledged; ++n) expected += "record " + std::to_string(n) + '\n';
  EXPECT_NE(records.output.find(expected), std::string::npos)
      << acknowledged << " were acknowledged\n"
      << records.output;
}

TEST_P(VirtioDisk, keeps_what_it_is_given_through_growth_shrinkage_and_a_killed_vmm) {
  REDOUBT_NEEDS_KVM(GetParam());
  REDOUBT_NEEDS_DEBIAN();
  ext4_ = make_ext4(folder_);
  image_ = folder_.image("image", 16 * kMiB);
  guest_.emplace(
      DebianConfig{.is_protected = GetParam(),
                   .more_disks = disk(debian_disks().scratch) + disk(ext4_) + disk(image_)});
  ASSERT_TRUE(guest_->log_in()) << guest_->process().output();

  verify_device();
  verify_files();
  ASSERT_NO_FATAL_FAILURE(grow_and_shrink());
  ASSERT_NO_FATAL_FAILURE(kill_under_load());
  expect_acknowledged_records();
}

INSTANTIATE_TEST_SUITE_P(Protection, VirtioDisk, testing::Bool(), [](const auto& parameter) {
  return std::string(parameter.param ? "protected" : "unprotected");
});

}  // namespace
}  // namespace redoubt::suite
