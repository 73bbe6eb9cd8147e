// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/unique_fd.h"

#include <cerrno>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>

namespace redoubt {
namespace {

UniqueFd open_null() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, default_owns_nothing) {
  const UniqueFd fd;
  EXPECT_FALSE(fd.valid());
  EXPECT_EQ(fd.get(), -1);
}

TEST(UniqueFd, closes_at_the_end_of_its_life) {
  int number = -1;
  {
    const UniqueFd fd = open_null();
    number = fd.get();
    ASSERT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, descriptor_zero_is_valid) {
  UniqueFd fd(0);
  EXPECT_TRUE(fd.valid());
  EXPECT_EQ(fd.release(), 0);
}

TEST(UniqueFd, moving_leaves_nothing_behind) {
  UniqueFd from = open_null();
  const int number = from.get();
  const UniqueFd to = std::move(from);
  EXPECT_EQ(to.get(), number);
  EXPECT_FALSE(from.valid());  // NOLINT(bugprone-use-after-move): that is what is tested
}

TEST(UniqueFd, assignment_closes_what_was_owned) {
  UniqueFd fd = open_null();
  const int first = fd.get();
  fd = UniqueFd();
  EXPECT_FALSE(is_open(first));
}

TEST(UniqueFd, assignment_to_itself_keeps_it) {
  UniqueFd fd = open_null();
  const int number = fd.get();
  UniqueFd& same = fd;
  fd = std::move(same);
  EXPECT_EQ(fd.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(UniqueFd, release_gives_the_descriptor_away) {
  UniqueFd fd = open_null();
  const int number = fd.release();
  EXPECT_FALSE(fd.valid());
  EXPECT_TRUE(is_open(number));
  const UniqueFd again(number);
}

TEST(UniqueFd, reset_keeps_errno) {
  UniqueFd fd(987'654);  // not open: close() fails
  errno = ENOSPC;
  fd.reset();
  EXPECT_EQ(errno, ENOSPC);
}

TEST(UniqueFd, cannot_be_copied_or_taken_for_a_number) {
  EXPECT_FALSE(std::is_copy_constructible_v<UniqueFd>);
  EXPECT_FALSE(std::is_copy_assignable_v<UniqueFd>);
  EXPECT_FALSE((std::is_convertible_v<UniqueFd, int>));
  EXPECT_FALSE((std::is_convertible_v<int, UniqueFd>));
  EXPECT_FALSE((std::is_convertible_v<int, BorrowedFd>));
}

TEST(BorrowedFd, borrows_without_closing) {
  const UniqueFd owner = open_null();
  {
    const BorrowedFd borrowed = owner;
    EXPECT_EQ(borrowed.get(), owner.get());
  }
  EXPECT_TRUE(is_open(owner.get()));
}

}  // namespace
}  // namespace redoubt
