// SPDX-License-Identifier: Apache-2.0
//
// The host kernel's vsock with a driver of ours, where the host has vhost-vsock: programs of the
// host are sockets of this test.
#include "devices/vhost/vhost_vsock.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/virtio/features.h"
#include "tests/unit/devices/run_until.h"
#include "tests/unit/devices/vhost/queues.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "tests/unit/devices/virtio/fake_transport.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

using testing::HasSubstr;

constexpr uint32_t kCid = 4242;
constexpr uint64_t kHostCid = 2;
constexpr uint32_t kPort = 1234;

// struct virtio_vsock_hdr (virtio 1.3, 5.10.6); packed, so taken apart by hand.
struct Packet {
  static constexpr uint16_t kRequest = 1;
  static constexpr uint16_t kResponse = 2;
  static constexpr uint16_t kRw = 5;

  uint64_t source_cid;
  uint64_t destination_cid;
  uint32_t source_port;
  uint32_t destination_port;
  uint32_t length;
  uint16_t type;
  uint16_t operation;
  uint32_t flags;
  uint32_t buffer_allocation;
  uint32_t forward_count;
};
constexpr size_t kHeaderBytes = 44;

class VhostVsockTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/vhost-vsock", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "the host gives no /dev/vhost-vsock";
    }
    device_.emplace(VsockOptions{VsockKind::Vhost, kCid, {}}, loop_);
    transport_.emplace(driver_, *device_);
  }

  // Without EVENT_IDX every used buffer interrupts.
  void start() { transport_->start(transport_->offered() & ~virtio::kEventIdx); }

  // A program of the host that connects to the guest's port, without waiting for it. While the
  // guest is not up, the kernel refuses or waits, depending on its version.
  UniqueFd try_to_connect() {
    UniqueFd fd(::socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = kCid;
    address.svm_port = kPort;
    // SAFETY: connect(2) takes every kind of address through this type, and its size.
    const auto* any = reinterpret_cast<const sockaddr*>(&address);
    EXPECT_EQ(::connect(fd.get(), any, sizeof address), -1);
    return fd;
  }
  UniqueFd connect_to_guest() {
    UniqueFd fd = try_to_connect();
    EXPECT_EQ(errno, EINPROGRESS) << std::strerror(errno);
    return fd;
  }

  FakeRequest offer_buffer() { return driver_.chain().writable(4096).submit(kRx); }

  // As QueueNotify does; vhost is not asked to take it off.
  void kick(uint16_t queue) {
    const uint64_t one = 1;
    ASSERT_EQ(::write(transport_->kick(queue).fd().get(), &one, sizeof one), 8);
  }

  // The next used buffer, for which the kernel's worker is waited for.
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

  Packet packet_in(const FakeRequest& buffer) {
    Packet packet{};
    std::memcpy(&packet, driver_.written(buffer).data(), kHeaderBytes);
    return packet;
  }

  void send(const Packet& packet, std::string_view payload = {}) {
    std::string bytes(kHeaderBytes, '\0');
    std::memcpy(bytes.data(), &packet, kHeaderBytes);
    bytes += payload;
    driver_.chain().readable(bytes).submit(kTx);
    kick(kTx);
    ASSERT_TRUE(wait_for_used(kTx));
  }

  bool fails() {
    return run_until(loop_, [&] { return !transport_->failure().empty(); });
  }

  EventLoop loop_;
  FakeDriver driver_;
  std::optional<VhostVsock> device_;
  std::optional<FakeTransport> transport_;
};
static_assert(offsetof(Packet, forward_count) + sizeof(uint32_t) == kHeaderBytes);

TEST_F(VhostVsockTest, is_a_socket_device_with_its_context_id) {
  EXPECT_EQ(device_->device_id(), 19U);
  EXPECT_EQ(device_->max_queue_sizes().size(), 3U);
  uint64_t cid = 0;
  ASSERT_EQ(transport_->config().size(), sizeof cid);
  std::memcpy(&cid, transport_->config().data(), sizeof cid);
  EXPECT_EQ(cid, kCid);
}

TEST_F(VhostVsockTest, offers_what_a_driver_may_know_of_the_kernel) {
  EXPECT_EQ(device_->features() & ~uint64_t{0b111}, 0U);  // STREAM, SEQPACKET, NO_IMPLIED_STREAM
  EXPECT_EQ(device_->queue_features(), virtio::kIndirectDesc | virtio::kEventIdx);
}

TEST_F(VhostVsockTest, context_id_in_use_is_refused_by_its_number) {
  try {
    const VhostVsock other(VsockOptions{VsockKind::Vhost, kCid, {}}, loop_);
    FAIL() << "two guests with one context id";
  } catch (const SetupError& error) {
    EXPECT_THAT(error.what(), HasSubstr("context id 4242 is in use"));
    EXPECT_THAT(error.remedy(), HasSubstr("cid"));
  }
}

TEST_F(VhostVsockTest, context_id_is_free_again_when_the_device_is_gone) {
  transport_.reset();
  device_.reset();
  EXPECT_NO_THROW(VhostVsock(VsockOptions{VsockKind::Vhost, kCid, {}}, loop_));
}

TEST_F(VhostVsockTest, context_ids_with_a_meaning_are_refused) {
  for (const uint32_t cid : {0U, 1U, 2U, 0xffff'ffffU}) {
    EXPECT_THROW(VhostVsock(VsockOptions{VsockKind::Vhost, cid, {}}, loop_), SetupError) << cid;
  }
}

TEST_F(VhostVsockTest, program_of_the_host_reaches_the_guest_and_gets_its_bytes) {
  const FakeRequest buffer = offer_buffer();
  start();
  const UniqueFd program = connect_to_guest();
  ASSERT_TRUE(wait_for_used(kRx));
  const Packet request = packet_in(buffer);
  EXPECT_EQ(request.operation, Packet::kRequest);
  EXPECT_EQ(request.source_cid, kHostCid);
  EXPECT_EQ(request.destination_cid, kCid);
  EXPECT_EQ(request.destination_port, kPort);

  Packet answer{};
  answer.source_cid = kCid;
  answer.destination_cid = kHostCid;
  answer.source_port = kPort;
  answer.destination_port = request.source_port;
  answer.type = 1;  // stream
  answer.operation = Packet::kResponse;
  answer.buffer_allocation = 65536;
  send(answer);
  answer.operation = Packet::kRw;
  answer.length = 5;
  send(answer, "hello");

  pollfd poller{.fd = program.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&poller, 1, 20'000), 1);
  std::array<char, 16> text{};
  ASSERT_EQ(::recv(program.get(), text.data(), text.size(), 0), 5);
  EXPECT_STREQ(text.data(), "hello");
  EXPECT_EQ(transport_->failure(), "");
}

TEST_F(VhostVsockTest, notification_from_before_the_start_is_not_lost) {
  Packet request{};
  request.source_cid = kCid;
  request.destination_cid = kHostCid;
  request.type = 1;
  request.operation = Packet::kRequest;
  request.source_port = 1;
  request.destination_port = 2;  // where nobody listens: any answer will do
  std::string bytes(kHeaderBytes, '\0');
  std::memcpy(bytes.data(), &request, kHeaderBytes);
  driver_.chain().readable(bytes).submit(kTx);
  kick(kTx);
  start();
  EXPECT_TRUE(wait_for_used(kTx));
}

TEST_F(VhostVsockTest, after_a_reset_the_rings_are_left_alone) {
  offer_buffer();
  start();
  transport_->reset();
  offer_buffer();
  const UniqueFd program = try_to_connect();
  kick(kRx);
  EXPECT_EQ(driver_.used_index(kRx), 0);
}

TEST_F(VhostVsockTest, works_again_after_a_reset) {
  start();
  transport_->reset();
  const FakeRequest buffer = offer_buffer();
  start();
  const UniqueFd program = connect_to_guest();
  ASSERT_TRUE(wait_for_used(kRx));
  EXPECT_EQ(packet_in(buffer).operation, Packet::kRequest);
  EXPECT_EQ(transport_->failure(), "");
}

TEST_F(VhostVsockTest, stopping_one_queue_stops_the_kernel) {
  offer_buffer();
  start();
  device_->stop_queue(kTx);
  const UniqueFd program = try_to_connect();
  kick(kRx);
  EXPECT_EQ(driver_.used_index(kRx), 0);
}

TEST_F(VhostVsockTest, ring_taken_back_while_the_kernel_uses_it_fails_the_device) {
  offer_buffer();
  start();
  const RevokedPages gone = driver_.revoke(driver_.available_ring(kTx));
  kick(kTx);
  ASSERT_TRUE(fails());
  EXPECT_THAT(transport_->failure(), HasSubstr("vhost met a ring"));
}

TEST_F(VhostVsockTest, descriptor_outside_the_window_fails_the_device) {
  start();
  driver_.chain().readable_at(driver_.outside(), kHeaderBytes).submit(kTx);
  kick(kTx);
  ASSERT_TRUE(fails());
  EXPECT_THAT(transport_->failure(), HasSubstr("vhost met a ring"));
}

TEST_F(VhostVsockTest, works_again_after_it_failed_and_was_reset) {
  start();
  {
    const RevokedPages gone = driver_.revoke(driver_.available_ring(kTx));
    kick(kTx);
    ASSERT_TRUE(fails());
  }
  transport_->reset();
  const FakeRequest buffer = offer_buffer();
  start();
  const UniqueFd program = connect_to_guest();
  ASSERT_TRUE(wait_for_used(kRx));
  EXPECT_EQ(packet_in(buffer).operation, Packet::kRequest);
  run_some(loop_);
  EXPECT_EQ(transport_->failure(), "");
}

TEST_F(VhostVsockTest, driver_that_leaves_a_queue_out_is_not_served) {
  EXPECT_TRUE(device_->start());  // no queue stands before the transport's start
  run_some(loop_);
  EXPECT_EQ(transport_->failure(), "");
}

TEST(VhostVsock, host_without_it_is_an_error_with_a_remedy) {
  if (::access("/dev/vhost-vsock", F_OK) == 0) GTEST_SKIP() << "this host has vhost-vsock";
  EventLoop loop;
  try {
    const VhostVsock device(VsockOptions{}, loop);
    FAIL() << "made";
  } catch (const SetupError& error) {
    EXPECT_THAT(message_chain(error), HasSubstr("/dev/vhost-vsock"));
    EXPECT_THAT(error.remedy(), HasSubstr("vhost_vsock"));
  }
}

}  // namespace
}  // namespace redoubt
