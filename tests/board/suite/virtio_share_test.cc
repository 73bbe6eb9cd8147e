// SPDX-License-Identifier: Apache-2.0
//
// A folder of the host in a guest: as many files as a source tree has, read and written. On an
// emulated board each file costs a hundredth of a second, so there are fewer.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/board/suite/support/debian.h"
#include "tests/board/suite/support/debian_guest.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "tests/rounds.h"

namespace redoubt::suite {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kCopyPatience{400};

// The digest of all names and contents in a tree.
std::string digest_of(const std::string& place) {
  return "cd " + place + " && find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum";
}

constexpr int kFilesInFolder = 100;
int folders() { return rounds(100); }

void make_tree(const fs::path& root) {
  for (int folder = 0; folder < folders(); ++folder) {
    const fs::path place = root / std::to_string(folder);
    fs::create_directories(place);
    for (int file = 0; file < kFilesInFolder; ++file) {
      std::ofstream(place / std::to_string(file)) << "file " << file << " of " << folder << '\n';
    }
  }
}

class VirtioShare : public testing::TestWithParam<bool> {
 protected:
  void expect_success(DebianGuest& guest, const std::string& command) {
    const auto reply = guest.run(command, kCopyPatience);
    EXPECT_EQ(reply.status, 0) << command << "\n" << reply.output;
    // A test that prints nothing for minutes counts as hung.
    std::printf("done: %s\n", command.c_str());
    std::fflush(stdout);
  }

  ScratchFolder folder_;
};

// Many copies at a time, so that virtiofsd finds several requests when it looks: on an emulated
// board the way there and back costs most. One processor, because two would wake each other.
std::string copy_tree(const std::string& from, const std::string& to) {
  return "mkdir -p " + to + " && cd " + from + " && ls | xargs -P 20 -n 1 cp -r -t " + to;
}

TEST_P(VirtioShare, ten_thousand_files_are_copied_both_ways) {
  REDOUBT_NEEDS_KVM(GetParam());
  REDOUBT_NEEDS_DEBIAN();
  make_tree(folder_.path() / "there");
  fs::create_directory(folder_.path() / "back");
  fs::permissions(folder_.path(), fs::perms::all);
  DebianGuest guest({.is_protected = GetParam(),
                     .cpus = 1,
                     .more_keys = "shares:\n  - {tag: tree, path: " + folder_.path().string() +
                                  "}\n  - {tag: fixed, path: " + folder_.path().string() +
                                  ", readonly: true}\n"});
  ASSERT_TRUE(guest.log_in()) << guest.process().output();
  expect_success(guest, "mkdir /run/tree /run/fixed && mount -t virtiofs tree /run/tree");
  expect_success(guest, "mount -t virtiofs fixed /run/fixed");

  expect_success(guest, copy_tree("/run/tree/there", "/tmp/copy"));
  expect_success(guest, copy_tree("/tmp/copy", "/run/tree/back"));

  const std::string in_guest = guest.run(digest_of("/tmp/copy"), kCopyPatience).output;
  const Ended there = run_debian_program({"sh", "-c", digest_of(folder_ / "there")});
  const Ended back = run_debian_program({"sh", "-c", digest_of(folder_ / "back")});
  EXPECT_EQ(in_guest, there.output);
  EXPECT_EQ(back.output, there.output);
  EXPECT_EQ(guest.run("cd /; find /tmp/copy -type f | wc -l").output,
            std::to_string(folders() * kFilesInFolder) + "\n");

  EXPECT_EQ(guest.run("cat /run/fixed/there/1/1").output, "file 1 of 1\n");
  EXPECT_NE(guest.run("echo new >/run/fixed/new").status, 0);
  EXPECT_NE(guest.run("echo more >>/run/fixed/there/1/1").status, 0);
  EXPECT_NE(guest.run("rm /run/fixed/there/1/1").status, 0);
  EXPECT_TRUE(fs::exists(folder_.path() / "there/1/1"));

  EXPECT_EQ(guest.power_off(), 0) << guest.process().output();
}

INSTANTIATE_TEST_SUITE_P(Protection, VirtioShare, testing::Bool(), [](const auto& parameter) {
  return std::string(parameter.param ? "protected" : "unprotected");
});

}  // namespace
}  // namespace redoubt::suite
