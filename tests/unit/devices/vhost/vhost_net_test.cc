// SPDX-License-Identifier: Apache-2.0
//
// vhost-net on a tap of the host, with a driver of ours, where the host has both and lets us make a
// tap: the other side of the tap is a packet socket.
#include "devices/vhost/vhost_net.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/virtio/features.h"
#include "devices/virtio/net/net_features.h"
#include "devices/virtio/net/net_header.h"
#include "tests/unit/devices/run_until.h"
#include "tests/unit/devices/vhost/queues.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "tests/unit/devices/virtio/fake_transport.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

using testing::HasSubstr;

// An EtherType nobody speaks (IEEE Std 802 local experimental 1).
constexpr uint16_t kEtherType = 0x88b5;
constexpr std::string_view kText = "sixty bytes are the least that an Ethernet frame has";

std::string frame_to(std::string_view text) {
  std::string frame(12, '\xff');
  frame += static_cast<char>(kEtherType >> 8);
  frame += static_cast<char>(kEtherType & 0xff);
  return frame.append(text);
}

// The host's side of the interface.
class Neighbour {
 public:
  explicit Neighbour(const std::string& interface)
      : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(kEtherType))) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(kEtherType);
    address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
    // SAFETY: bind(2) takes every kind of address through this type, and its size.
    const auto* any = reinterpret_cast<const sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_.get(), any, sizeof address), 0) << std::strerror(errno);
  }
  void send(const std::string& frame) const {
    EXPECT_EQ(::send(socket_.get(), frame.data(), frame.size(), 0),
              static_cast<ssize_t>(frame.size()))
        << std::strerror(errno);
  }
  // The next frame; nothing, if none comes within `milliseconds`.
  [[nodiscard]] std::optional<std::string> receive(int milliseconds = 20'000) const {
    pollfd poller{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&poller, 1, milliseconds) != 1) return std::nullopt;
    std::array<char, 2048> frame{};
    const ssize_t size = ::recv(socket_.get(), frame.data(), frame.size(), 0);
    return std::string(frame.data(), static_cast<size_t>(std::max<ssize_t>(size, 0)));
  }

 private:
  UniqueFd socket_;
};

class VhostNetTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = why_no_vhost_net()) GTEST_SKIP() << *reason;
    if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "no /dev/net/tun";
    if (::geteuid() != 0) GTEST_SKIP() << "making a tap needs root";
    if (!UniqueFd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)).valid()) {
      GTEST_SKIP() << "no packet sockets";
    }
  }

  void make(uint16_t pairs) {
    options_.name = "net0";
    options_.kind = NetKind::Tap;
    options_.tap = "rdbt-test" + std::to_string(pairs);
    options_.queues = pairs;
    device_.emplace("guest", options_, std::make_unique<Tap>(options_), loop_);
    transport_.emplace(driver_, *device_);
    neighbour_.emplace(options_.tap);
  }

  // Without EVENT_IDX every used buffer interrupts.
  void start() { transport_->start(transport_->offered() & ~virtio::kEventIdx); }

  void kick(uint16_t queue) {
    const uint64_t one = 1;
    ASSERT_EQ(::write(transport_->kick(queue).fd().get(), &one, sizeof one), 8);
  }

  std::optional<Used> wait_for_used(uint16_t queue) {
    for (int i = 0; i < 30; ++i) {
      const std::vector<Used> used = driver_.used(queue);
      if (!used.empty()) return used.front();
      pollfd poller{.fd = transport_->interrupt().fd().get(), .events = POLLIN, .revents = 0};
      ::poll(&poller, 1, 1000);
      static_cast<void>(transport_->take_interrupt());
    }
    return std::nullopt;
  }

  FakeRequest offer_buffer(uint16_t queue = kRx) {
    return driver_.chain().writable(2048).submit(queue);
  }

  void send(const std::string& frame, uint16_t queue = kTx) {
    driver_.chain().readable_object(NetHeader{}).readable(frame).submit(queue);
    kick(queue);
  }

  // The next frame of our EtherType among those that the guest gets: the host has things of its own
  // to say to a new interface. Offers the buffers for them.
  std::optional<std::string> receive_ours() {
    for (int i = 0; i < 30; ++i) {
      const FakeRequest buffer = offer_buffer();
      kick(kRx);
      const auto used = wait_for_used(kRx);
      if (!used) return std::nullopt;
      const std::vector<std::byte> bytes = driver_.written(buffer);
      std::string frame(used->length - sizeof(NetHeader), '\0');
      std::memcpy(frame.data(), bytes.data() + sizeof(NetHeader), frame.size());
      if (frame.substr(12, 2) == frame_to("").substr(12)) return frame;
    }
    return std::nullopt;
  }

  // VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET; the answer.
  std::byte set_pairs(uint16_t pairs) {
    struct {
      uint8_t command_class = 4;
      uint8_t command = 0;
      uint16_t pairs;
    } command{.pairs = pairs};
    const auto control = static_cast<uint16_t>(2 * options_.queues);
    const FakeRequest request =
        driver_.chain().readable_object(command).writable(1).submit(control);
    transport_->notify(control);
    EXPECT_EQ(driver_.used(control).size(), 1U);
    return driver_.written(request).at(0);
  }

  bool fails() {
    return run_until(loop_, [&] { return !transport_->failure().empty(); });
  }

  EventLoop loop_;
  FakeDriver driver_;
  NetOptions options_;
  std::optional<VhostNet> device_;
  std::optional<FakeTransport> transport_;
  std::optional<Neighbour> neighbour_;
};

TEST_F(VhostNetTest, looks_like_any_network_device) {
  make(1);
  EXPECT_EQ(device_->device_id(), 1U);
  EXPECT_EQ(device_->name(), "net net0");
  EXPECT_EQ(device_->max_queue_sizes().size(), 2U);
  const NetConfigSpace config = net_config_space(mac_for("guest", options_), 1);
  EXPECT_TRUE(std::ranges::equal(device_->initial_config(), config));
}

TEST_F(VhostNetTest, offers_what_the_kernel_and_the_tap_can_do) {
  make(1);
  EXPECT_EQ(device_->features(),
            virtio::kNetMac | virtio::kNetStatus | virtio::kNetMrgRxbuf | virtio::kNetOffloads);
  EXPECT_EQ(device_->queue_features(), virtio::kIndirectDesc | virtio::kEventIdx);
}

TEST_F(VhostNetTest, frame_of_the_guest_reaches_the_host) {
  make(1);
  start();
  send(frame_to(kText));
  ASSERT_TRUE(wait_for_used(kTx));
  EXPECT_EQ(neighbour_->receive(), frame_to(kText));
  EXPECT_EQ(transport_->failure(), "");
}

TEST_F(VhostNetTest, frame_of_the_host_reaches_the_guest) {
  make(1);
  start();
  neighbour_->send(frame_to(kText));
  EXPECT_EQ(receive_ours(), frame_to(kText));
  EXPECT_EQ(transport_->failure(), "");
}

TEST_F(VhostNetTest, frame_from_before_the_start_is_sent) {
  make(1);
  send(frame_to(kText));
  start();
  EXPECT_EQ(neighbour_->receive(), frame_to(kText));
}

TEST_F(VhostNetTest, after_a_reset_the_rings_are_left_alone) {
  make(1);
  offer_buffer();
  start();
  transport_->reset();
  offer_buffer();
  kick(kRx);
  neighbour_->send(frame_to(kText));
  EXPECT_EQ(driver_.used_index(kRx), 0);
}

TEST_F(VhostNetTest, works_again_after_a_reset) {
  make(1);
  start();
  transport_->reset();
  start();
  neighbour_->send(frame_to(kText));
  EXPECT_EQ(receive_ours(), frame_to(kText));
  EXPECT_EQ(transport_->failure(), "");
}

TEST_F(VhostNetTest, stopping_one_queue_stops_its_pair) {
  make(1);
  for (int i = 0; i < 8; ++i) offer_buffer();
  start();
  device_->stop_queue(kTx);
  const uint16_t used_until_then = driver_.used_index(kRx);
  neighbour_->send(frame_to(kText));
  kick(kRx);
  EXPECT_EQ(driver_.used_index(kRx), used_until_then);
}

TEST_F(VhostNetTest, ring_taken_back_while_the_kernel_uses_it_fails_the_device) {
  make(1);
  start();
  const RevokedPages gone = driver_.revoke(driver_.available_ring(kTx));
  kick(kTx);
  ASSERT_TRUE(fails());
  EXPECT_THAT(transport_->failure(), HasSubstr("vhost met a ring"));
}

TEST_F(VhostNetTest, used_ring_that_is_gone_at_the_start_fails_the_device_with_the_request) {
  make(1);
  start();
  transport_->reset();
  const RevokedPages gone(driver_.guest_memory(), driver_.used_ring(kRx),
                          RevokedPages::Allowed::Reads);
  start();
  ASSERT_TRUE(fails());
  EXPECT_THAT(transport_->failure(), HasSubstr("VHOST_NET_SET_BACKEND: Bad address"));
}

TEST_F(VhostNetTest, works_again_after_it_failed_and_was_reset) {
  make(1);
  start();
  {
    const RevokedPages gone = driver_.revoke(driver_.available_ring(kTx));
    kick(kTx);
    ASSERT_TRUE(fails());
  }
  transport_->reset();
  start();
  send(frame_to(kText));
  EXPECT_EQ(neighbour_->receive(), frame_to(kText));
  run_some(loop_);
  EXPECT_EQ(transport_->failure(), "");
}

TEST_F(VhostNetTest, several_pairs_have_a_control_queue_of_the_devices_own) {
  make(2);
  EXPECT_EQ(device_->max_queue_sizes().size(), 5U);
  EXPECT_EQ(device_->queue_service(3), QueueService::Backend);
  EXPECT_EQ(device_->queue_service(4), QueueService::Device);
  const uint64_t several = virtio::kNetCtrlVq | virtio::kNetMq;
  EXPECT_EQ(device_->features() & several, several);
}

TEST_F(VhostNetTest, second_pair_works_while_it_is_in_use) {
  make(2);
  start();
  ASSERT_EQ(set_pairs(2), std::byte{0});
  send(frame_to(kText), 3);
  ASSERT_TRUE(wait_for_used(3));
  EXPECT_EQ(neighbour_->receive(), frame_to(kText));

  ASSERT_EQ(set_pairs(1), std::byte{0});
  send(frame_to("unheard"), 3);
  send(frame_to("heard"), kTx);
  EXPECT_EQ(neighbour_->receive(), frame_to("heard"));
  EXPECT_EQ(transport_->failure(), "");
}

TEST_F(VhostNetTest, number_of_pairs_that_there_is_not_is_answered_with_an_error) {
  make(2);
  start();
  EXPECT_EQ(set_pairs(3), std::byte{1});
  EXPECT_EQ(set_pairs(0), std::byte{1});
}

TEST(VhostNet, host_without_it_is_an_error_with_the_reason) {
  const auto reason = why_no_vhost_net();
  if (!reason) GTEST_SKIP() << "this host has vhost-net";
  if (::geteuid() != 0 || ::access("/dev/net/tun", R_OK | W_OK) != 0) {
    GTEST_SKIP() << "making a tap needs root and /dev/net/tun";
  }
  NetOptions options;
  options.name = "net0";
  options.tap = "rdbt-none";
  EventLoop loop;
  try {
    const VhostNet device("guest", options, std::make_unique<Tap>(options), loop);
    FAIL() << "made";
  } catch (const SetupError& error) {
    EXPECT_THAT(error.what(), HasSubstr(*reason));
    EXPECT_THAT(error.remedy(), HasSubstr("vhost_net"));
  }
}

}  // namespace
}  // namespace redoubt
