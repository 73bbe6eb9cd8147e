// SPDX-License-Identifier: Apache-2.0
//
// Real tap interfaces, with a packet socket in the place of the host's network.
#include "devices/virtio/net/tap.h"

#include <array>
#include <cstring>
#include <optional>
#include <string>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/virtio/net/net.h"
#include "tests/unit/devices/run_until.h"
#include "tests/unit/devices/virtio/net/net_fixture.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

using testing::HasSubstr;

constexpr uint16_t kTestProtocol = 0x88b5;  // IEEE 802, for local experiments
constexpr int kPatience = 20'000;           // milliseconds, for what takes microseconds

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(std::begin(request.ifr_name), IFNAMSIZ - 1);
  return request;
}

// An Ethernet frame for anybody that no protocol of the host takes.
Bytes ethernet(size_t length) {
  Bytes frame = test_frame(length);
  std::fill_n(frame.begin(), 6, std::byte{0xff});
  frame[6] = std::byte{0x02};
  frame[12] = std::byte{kTestProtocol >> 8};
  frame[13] = std::byte{kTestProtocol & 0xff};
  return frame;
}

bool is_test_frame(std::span<const std::byte> frame) {
  return frame.size() >= 14 && frame[12] == std::byte{kTestProtocol >> 8} &&
         frame[13] == std::byte{kTestProtocol & 0xff};
}

// The host's side of an interface.
class PacketSocket {
 public:
  explicit PacketSocket(const std::string& interface)
      : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(kTestProtocol))) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(kTestProtocol);
    address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
    // SAFETY: bind() looks at the family first and then takes it for the sockaddr_ll that it is.
    usable_ = ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  [[nodiscard]] bool usable() const { return usable_; }
  [[nodiscard]] bool send(const Bytes& frame) const {
    return ::send(fd_.get(), frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size());
  }
  [[nodiscard]] Bytes receive() const {
    pollfd poller{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    Bytes frame(70000);
    if (::poll(&poller, 1, kPatience) != 1) return {};
    const ssize_t count = ::recv(fd_.get(), frame.data(), frame.size(), 0);
    frame.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return frame;
  }

 private:
  UniqueFd fd_;
  bool usable_ = false;
};

class TapTest : public testing::Test {
 protected:
  void SetUp() override {
    const UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    if (!fd.valid()) GTEST_SKIP() << "/dev/net/tun: " << std::strerror(errno);
    ifreq request = request_for("");
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) {
      GTEST_SKIP() << "cannot make a tap: " << std::strerror(errno);
    }
    options_.name = "lan";
    options_.kind = NetKind::Tap;
    options_.tap = "rt" + std::to_string(::getpid());
  }

  // The next frame of the test itself; the host sends some of its own when an interface comes up.
  static std::optional<Bytes> receive(Tap& tap, uint16_t pair = 0) {
    pollfd poller{.fd = tap.fd(pair).get(), .events = POLLIN, .revents = 0};
    while (::poll(&poller, 1, kPatience) == 1) {
      auto frame = tap.receive(pair);
      if (!frame) return std::nullopt;
      if (*frame && is_test_frame((*frame)->data)) {
        return Bytes((*frame)->data.begin(), (*frame)->data.end());
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] bool exists() const { return ::if_nametoindex(options_.tap.c_str()) != 0; }

  // What ethtool says: 0 or 1.
  [[nodiscard]] unsigned ethtool(uint32_t command) const {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ethtool_value value{command, 77};
    ifreq request = request_for(options_.tap);
    // SAFETY: the ioctl takes the address of an ethtool_value here, as a char pointer.
    request.ifr_data = reinterpret_cast<char*>(&value);
    EXPECT_EQ(::ioctl(socket.get(), SIOCETHTOOL, &request), 0) << std::strerror(errno);
    return value.data;
  }

  // As `ip link delete` does.
  [[nodiscard]] bool delete_interface() const {
    struct {
      nlmsghdr header{};
      ifinfomsg interface {};
    } request;
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = RTM_DELLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.interface.ifi_index = static_cast<int>(::if_nametoindex(options_.tap.c_str()));
    const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    return ::send(socket.get(), &request, sizeof(request), 0) == sizeof(request) && !exists();
  }

  // Opens the test's interface as a parent process would, with TUNSETIFF flags of its choice.
  [[nodiscard]] UniqueFd open_as_parent(int flags) const {
    UniqueFd fd(::open("/dev/net/tun", O_RDWR));
    ifreq request = request_for(options_.tap);
    request.ifr_flags = static_cast<short>(flags);
    EXPECT_EQ(::ioctl(fd.get(), TUNSETIFF, &request), 0) << std::strerror(errno);
    return fd;
  }

  // The message and remedy of a tap that cannot be had.
  [[nodiscard]] std::string refusal() const {
    try {
      const Tap tap(options_);
    } catch (const SetupError& error) {
      return std::string(error.what()) + " | " + error.remedy();
    }
    return "none";
  }

  NetOptions options_;
};

TEST_F(TapTest, interface_that_is_missing_is_made_and_set_up_and_vanishes_with_the_tap) {
  {
    const Tap tap(options_);
    ASSERT_TRUE(exists());
    EXPECT_EQ(tap.interface(), options_.tap);
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request = request_for(options_.tap);
    ASSERT_EQ(::ioctl(socket.get(), SIOCGIFFLAGS, &request), 0);
    EXPECT_NE(request.ifr_flags & IFF_UP, 0);
  }
  EXPECT_FALSE(exists());
}

TEST_F(TapTest, interface_of_several_queues_vanishes_with_the_tap_too) {
  options_.queues = 3;
  {
    const Tap tap(options_);
    EXPECT_EQ(tap.pairs(), 3);
    EXPECT_TRUE(exists());
  }
  EXPECT_FALSE(exists());
}

TEST_F(TapTest, frame_of_the_host_is_received_with_an_empty_header) {
  Tap tap(options_);
  const PacketSocket host(options_.tap);
  if (!host.usable()) GTEST_SKIP() << "no packet sockets";
  for (const size_t length : {60U, 1514U}) {
    ASSERT_TRUE(host.send(ethernet(length)));
    EXPECT_EQ(receive(tap), ethernet(length));
  }
}

TEST_F(TapTest, nothing_to_receive_does_not_wait) {
  Tap tap(options_);
  // The host may have sent a few of its own; they come to an end.
  std::optional<NetBackend::Frame> frame;
  do {
    frame = tap.receive(0).value();
  } while (frame);
  EXPECT_FALSE(frame);
}

TEST_F(TapTest, frame_that_is_sent_reaches_the_host) {
  Tap tap(options_);
  const PacketSocket host(options_.tap);
  if (!host.usable()) GTEST_SKIP() << "no packet sockets";
  ASSERT_EQ(tap.send(0, {}, ethernet(1514)).value(), NetBackend::Sent::Taken);
  EXPECT_EQ(host.receive(), ethernet(1514));
}

TEST_F(TapTest, frame_whose_header_the_kernel_finds_fault_with_is_refused) {
  Tap tap(options_);
  NetHeader header;
  header.flags = NetHeader::kNeedsCsum;
  header.csum_start = 0xfff0;
  EXPECT_EQ(tap.send(0, header, ethernet(60)).value(), NetBackend::Sent::Refused);
}

TEST_F(TapTest, frame_for_an_interface_that_is_down_is_refused) {
  Tap tap(options_);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = request_for(options_.tap);
  ASSERT_EQ(::ioctl(socket.get(), SIOCSIFFLAGS, &request), 0);
  EXPECT_EQ(tap.send(0, {}, ethernet(60)).value(), NetBackend::Sent::Refused);
}

TEST_F(TapTest, offloads_are_those_the_driver_accepted) {
  Tap tap(options_);
  EXPECT_EQ(ethtool(ETHTOOL_GTXCSUM), 0U);
  EXPECT_EQ(ethtool(ETHTOOL_GTSO), 0U);

  tap.set_offloads(virtio::kNetGuestCsum);
  EXPECT_EQ(ethtool(ETHTOOL_GTXCSUM), 1U);
  EXPECT_EQ(ethtool(ETHTOOL_GTSO), 0U);

  tap.set_offloads(virtio::kNetGuestCsum | virtio::kNetGuestTso4 | virtio::kNetGuestTso6 |
                   virtio::kNetGuestEcn);
  EXPECT_EQ(ethtool(ETHTOOL_GTXCSUM), 1U);
  EXPECT_EQ(ethtool(ETHTOOL_GTSO), 1U);

  tap.set_offloads(0);
  EXPECT_EQ(ethtool(ETHTOOL_GTXCSUM), 0U);
  EXPECT_EQ(ethtool(ETHTOOL_GTSO), 0U);
}

TEST_F(TapTest, segmentation_without_checksums_is_not_asked_of_the_host) {
  Tap tap(options_);
  tap.set_offloads(virtio::kNetGuestTso4 | virtio::kNetGuestTso6);
  EXPECT_EQ(ethtool(ETHTOOL_GTXCSUM), 0U);
  EXPECT_EQ(ethtool(ETHTOOL_GTSO), 0U);
}

TEST_F(TapTest, pairs_come_into_use_and_go_out_of_it) {
  options_.queues = 2;
  Tap tap(options_);
  const PacketSocket host(options_.tap);
  if (!host.usable()) GTEST_SKIP() << "no packet sockets";
  EXPECT_TRUE(tap.set_pairs(2));
  EXPECT_EQ(tap.send(1, {}, ethernet(100)).value(), NetBackend::Sent::Taken);
  EXPECT_EQ(host.receive(), ethernet(100));
  EXPECT_TRUE(tap.set_pairs(1));
  EXPECT_TRUE(tap.set_pairs(1));
  ASSERT_TRUE(host.send(ethernet(61)));
  EXPECT_EQ(receive(tap, 0), ethernet(61));
}

TEST_F(TapTest, interface_that_is_deleted_ends_the_backend) {
  Tap tap(options_);
  ASSERT_TRUE(delete_interface());
  const auto received = tap.receive(0);
  const auto sent = tap.send(0, {}, ethernet(60));
  ASSERT_FALSE(received);
  ASSERT_FALSE(sent);
  EXPECT_THAT(received.error().why, HasSubstr("tap " + options_.tap + " is gone"));
  EXPECT_EQ(sent.error().why, received.error().why);
}

// --- By name, where the interface is not as it should be

TEST_F(TapTest, interface_made_for_several_queues_serves_one) {
  const UniqueFd other = open_as_parent(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);
  const Tap tap(options_);
  EXPECT_EQ(tap.pairs(), 1);
  EXPECT_TRUE(exists());
}

TEST_F(TapTest, interface_in_use_by_another_program_is_refused) {
  const UniqueFd other = open_as_parent(IFF_TAP | IFF_NO_PI);
  EXPECT_THAT(refusal(), HasSubstr("cannot open tap " + options_.tap));
  EXPECT_THAT(refusal(), HasSubstr("end the program that has it open"));
}

TEST_F(TapTest, interface_that_is_no_tap_is_refused) {
  options_.tap = "lo";
  EXPECT_THAT(refusal(), HasSubstr("net lan: cannot open tap lo: Invalid argument | it is no tap"));
}

TEST_F(TapTest, interface_of_one_queue_is_refused_for_several) {
  const UniqueFd other = open_as_parent(IFF_TAP | IFF_NO_PI);
  options_.queues = 2;
  EXPECT_THAT(refusal(), HasSubstr("multi_queue"));
}

TEST_F(TapTest, name_that_is_none_is_refused) {
  for (const char* name : {"", "sixteen-letters-", "tap%d"}) {
    options_.tap = name;
    EXPECT_THAT(refusal(), HasSubstr("cannot be the name of a tap")) << name;
  }
}

TEST_F(TapTest, user_without_privileges_is_told_how_to_have_an_interface_made) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else for a moment";
  ASSERT_EQ(::seteuid(65534), 0);
  const std::string text = refusal();
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_THAT(text, testing::AnyOf(HasSubstr("sudo ip tuntap add dev " + options_.tap),
                                   HasSubstr("sudo chmod 666 /dev/net/tun")));
}

// --- By descriptor

TEST_F(TapTest, descriptor_of_a_parent_is_copied_and_made_ours) {
  const UniqueFd parent = open_as_parent(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
  options_.fd = parent.get();
  {
    const Tap tap(options_);
    EXPECT_EQ(tap.interface(), options_.tap);
    EXPECT_NE(tap.fd(0).get(), parent.get());
    EXPECT_NE(::fcntl(tap.fd(0).get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(::fcntl(tap.fd(0).get(), F_GETFL) & O_NONBLOCK, 0);
    int size = 0;
    EXPECT_EQ(::ioctl(tap.fd(0).get(), TUNGETVNETHDRSZ, &size), 0);
    EXPECT_EQ(size, 12);
  }
  EXPECT_TRUE(exists());
  const Tap again(options_);
}

TEST_F(TapTest, descriptor_that_is_no_tap_is_refused) {
  const UniqueFd other(::open("/dev/null", O_RDWR | O_CLOEXEC));
  options_.fd = other.get();
  EXPECT_THAT(refusal(), HasSubstr("is no open tap"));
  options_.fd = 1'000'000;
  EXPECT_THAT(refusal(), HasSubstr("is no open tap: Bad file descriptor"));
}

TEST_F(TapTest, descriptor_of_the_wrong_kind_is_refused) {
  for (const int flags :
       {IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, IFF_TAP | IFF_VNET_HDR, IFF_TAP | IFF_NO_PI}) {
    const UniqueFd parent = open_as_parent(flags);
    options_.fd = parent.get();
    EXPECT_THAT(refusal(), HasSubstr("IFF_TAP, IFF_NO_PI and IFF_VNET_HDR")) << flags;
  }
}

// --- The whole device

TEST_F(TapTest, frames_pass_between_a_driver_and_the_host) {
  EventLoop loop;
  FakeDriver driver;
  Net net("guest", options_, open_net_backend(options_, loop), loop);
  FakeTransport transport(driver, net);
  transport.start();
  const PacketSocket host(options_.tap);
  if (!host.usable()) GTEST_SKIP() << "no packet sockets";

  driver.chain().readable(concat({}, ethernet(777))).submit(kTx);
  transport.notify(kTx);
  EXPECT_EQ(host.receive(), ethernet(777));

  std::vector<FakeRequest> buffers;
  for (int i = 0; i < 64; ++i) buffers.push_back(driver.chain().writable(2048).submit(kRx));
  transport.notify(kRx);
  ASSERT_TRUE(host.send(ethernet(888)));
  bool found = false;
  EXPECT_TRUE(run_until(loop, [&] {
    for (const Used& used : driver.used(kRx)) {
      Bytes bytes = driver.written(buffers.at(used.head));
      bytes.resize(used.length);
      found = found || split(bytes).frame == ethernet(888);
    }
    return found;
  }));
}

}  // namespace
}  // namespace redoubt
