// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/event_fd.h"

#include <gtest/gtest.h>
#include <poll.h>

namespace redoubt {
namespace {

bool readable(const EventFd& event) {
  pollfd poller{.fd = event.fd().get(), .events = POLLIN, .revents = 0};
  return ::poll(&poller, 1, 0) == 1;
}

TEST(EventFd, starts_silent) {
  EventFd event;
  EXPECT_FALSE(readable(event));
  EXPECT_FALSE(event.drain());
}

TEST(EventFd, signal_is_seen_once_however_often_it_was_given) {
  EventFd event;
  event.signal();
  event.signal();
  EXPECT_TRUE(readable(event));
  EXPECT_TRUE(event.drain());
  EXPECT_FALSE(readable(event));
  EXPECT_FALSE(event.drain());
}

}  // namespace
}  // namespace redoubt
