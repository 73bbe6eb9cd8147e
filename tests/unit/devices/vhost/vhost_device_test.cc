// SPDX-License-Identifier: Apache-2.0
//
// Against the host's own vhost, where there is one.
#include "devices/vhost/vhost_device.h"

#include <cerrno>
#include <system_error>

#include <gtest/gtest.h>
#include <unistd.h>

#include "devices/virtio/features.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "vmm/base/event_fd.h"

namespace redoubt {
namespace {

TEST(VhostDevice, that_is_not_there_is_an_error_that_names_it) {
  try {
    const VhostDevice device("/dev/vhost-nothing");
    FAIL() << "opened";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ENOENT);
    EXPECT_NE(std::string(error.what()).find("/dev/vhost-nothing"), std::string::npos);
  }
}

TEST(VhostDevice, that_is_something_else_is_an_error_that_names_the_request) {
  try {
    const VhostDevice device("/dev/null");
    FAIL() << "taken for a vhost";
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find("VHOST_SET_OWNER"), std::string::npos);
  }
}

TEST(VhostDevice, refused_request_is_described_with_its_reason) {
  EXPECT_EQ(describe(VhostError{"VHOST_SET_FEATURES", EOPNOTSUPP}),
            "VHOST_SET_FEATURES: Operation not supported");
}

class HostVhost : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (::access(GetParam(), R_OK | W_OK) != 0) {
      GTEST_SKIP() << "the host gives no " << GetParam();
    }
  }
};

TEST_P(HostVhost, offers_no_feature_that_is_not_for_drivers) {
  const VhostDevice device(GetParam());
  EXPECT_EQ(device.device_features() & ~uint64_t{0xff'ffff}, 0U);
  EXPECT_EQ(device.queue_features() & ~(virtio::kIndirectDesc | virtio::kEventIdx), 0U);
  EXPECT_EQ(device.queue_features(), virtio::kIndirectDesc | virtio::kEventIdx);
}

TEST_P(HostVhost, begins_with_every_feature_a_driver_can_have_negotiated) {
  FakeDriver driver;
  VhostDevice device(GetParam());
  const auto begun = device.begin(~uint64_t{0}, driver.memory());
  EXPECT_TRUE(begun) << describe(begun.error());
}

TEST_P(HostVhost, takes_a_ring_again_and_again) {
  FakeDriver driver;
  VhostDevice device(GetParam());
  const EventFd event;
  const QueueLayout layout = driver.layout(driver.add_queue(64));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(device.begin(virtio::kVersion1, driver.memory()));
    const auto set = device.set_ring(0, layout, driver.memory(), event.fd(), event.fd());
    ASSERT_TRUE(set) << describe(set.error());
    ASSERT_TRUE(device.bind_kick(0, event.fd()));
    device.unbind_kick(0);
  }
}

TEST_P(HostVhost, does_not_see_a_ring_outside_the_window) {
  FakeDriver driver;
  VhostDevice device(GetParam());
  const EventFd event;
  QueueLayout layout = driver.layout(driver.add_queue(64));
  layout.used_ring = driver.outside();
  ASSERT_TRUE(device.begin(virtio::kVersion1, driver.memory()));
  EXPECT_FALSE(device.set_ring(0, layout, driver.memory(), event.fd(), event.fd()));
}

INSTANTIATE_TEST_SUITE_P(VhostDevice, HostVhost,
                         testing::Values("/dev/vhost-net", "/dev/vhost-vsock"),
                         [](const auto& instance) {
                           return std::string(instance.param).ends_with("net") ? "net" : "vsock";
                         });

}  // namespace
}  // namespace redoubt
