// SPDX-License-Identifier: Apache-2.0
//
// Whole dialogues of an honest driver with programs of the host.
#include "devices/virtio/vsock/unix_vsock.h"

#include "tests/unit/devices/virtio/vsock/vsock_fixture.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

// --- What it is

TEST_F(VsockTest, configuration_is_the_context_id) {
  make();
  uint64_t cid = 0;
  ASSERT_EQ(transport->config().size(), sizeof(cid));
  std::memcpy(&cid, transport->config().data(), sizeof(cid));
  EXPECT_EQ(cid, kGuestCid);
  EXPECT_EQ(device->device_id(), 19u);
  EXPECT_EQ(device->max_queue_sizes().size(), 3u);
  EXPECT_EQ(device->features(), 1u);  // stream sockets, no seqpacket
}

TEST_F(VsockTest, socket_is_for_its_owner_and_goes_with_the_device) {
  make();
  struct stat status {};
  ASSERT_EQ(::lstat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  transport.reset();
  device.reset();
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(path)));
}

TEST_F(VsockTest, socket_without_a_listener_is_replaced) {
  {
    const UnixListener dead(path, "dead", 1);
    std::filesystem::create_hard_link(path, directory / "kept");
  }
  std::filesystem::rename(directory / "kept", path);
  make();
  EXPECT_TRUE(connect_unix(path));
}

TEST_F(VsockTest, socket_in_use_is_refused) {
  const UnixListener other(path, "other", 1);
  EXPECT_THROW(make(), SetupError);
}

TEST_F(VsockTest, path_without_room_for_a_port_is_refused) {
  path = directory / std::string(80, 'p');
  EXPECT_THROW(make(), SetupError);
}

// --- The guest connects

TEST_F(VsockTest, guest_reaches_a_server_of_the_host) {
  start();
  server.emplace(path, kHostPort);
  ASSERT_TRUE(send(Op::Request));

  const auto response = next();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->op(), Op::Response);
  EXPECT_EQ(response->host_port(), kHostPort);
  EXPECT_EQ(response->guest_port(), kGuestPort);
  EXPECT_EQ(uint64_t{response->header.src_cid}, 2u);
  EXPECT_EQ(uint16_t{response->header.type}, 1u);
  EXPECT_EQ(uint32_t{response->header.buf_alloc}, ReceiveCredit::kBufAlloc);

  const UniqueFd end = server->accept();
  ASSERT_TRUE(end.valid());
  ASSERT_TRUE(write("hello host"));
  EXPECT_TRUE(host_reads(end, "hello host"));
  ASSERT_TRUE(write_text(end, "hello guest"));
  EXPECT_EQ(read(11), "hello guest");
}

TEST_F(VsockTest, port_without_a_server_is_refused) {
  start();
  ASSERT_TRUE(send(Op::Request));
  const auto reset = next();
  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->op(), Op::Rst);
  EXPECT_EQ(reset->host_port(), kHostPort);
}

TEST_F(VsockTest, packet_may_be_spread_over_descriptors) {
  start();
  const UniqueFd end = established();
  Header packet = header(Op::Rw);
  packet.len = 11;
  std::string bytes(sizeof(packet), '\0');
  std::memcpy(bytes.data(), &packet, sizeof(packet));
  bytes += "hello there";
  auto chain = driver->chain();
  for (size_t i = 0; i < bytes.size(); i += 7) {
    chain.readable(std::string_view(bytes).substr(i, 7));
  }
  (void)chain.submit(kTransmit);
  transport->notify(kTransmit);
  EXPECT_TRUE(host_reads(end, "hello there"));
}

TEST_F(VsockTest, several_connections_do_not_mix) {
  start();
  server.emplace(path, kHostPort);
  std::vector<UniqueFd> ends;
  for (uint32_t port = 1; port <= 20; ++port) {
    ASSERT_TRUE(send(header(Op::Request, kHostPort, port)));
    ASSERT_EQ(next_op(), Op::Response);
    ends.push_back(server->accept());
  }
  for (uint32_t port = 1; port <= 20; ++port) {
    ASSERT_TRUE(write_text(ends[port - 1], "to " + std::to_string(port)));
  }
  for (int i = 0; i < 20; ++i) {
    const auto packet = next();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->payload, "to " + std::to_string(packet->guest_port()));
  }
}

// --- The host connects

TEST_F(VsockTest, client_reaches_a_port_of_the_guest) {
  start();
  const UniqueFd user = client("CONNECT 52\n");
  const auto request = next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->op(), Op::Request);
  EXPECT_EQ(request->guest_port(), 52u);
  const uint32_t port = request->host_port();
  EXPECT_EQ(read_available(user), "");

  ASSERT_TRUE(send(header(Op::Response, port, 52)));
  EXPECT_TRUE(host_reads(user, "OK " + std::to_string(port) + "\n"));
  Header packet = header(Op::Rw, port, 52);
  packet.len = 2;
  ASSERT_TRUE(send(packet, "hi"));
  EXPECT_TRUE(host_reads(user, "hi"));
  ASSERT_TRUE(write_text(user, "from the client"));
  EXPECT_EQ(read(15), "from the client");
}

TEST_F(VsockTest, bytes_behind_the_connect_line_are_for_the_guest) {
  start();
  const UniqueFd user = client("CONNECT 52\nearly");
  const auto request = next();
  ASSERT_TRUE(request);
  ASSERT_TRUE(send(header(Op::Response, request->host_port(), 52)));
  EXPECT_EQ(read(5), "early");
}

TEST_F(VsockTest, client_of_a_port_that_the_guest_refuses_is_closed) {
  start();
  const UniqueFd user = client("CONNECT 52\n");
  const auto request = next();
  ASSERT_TRUE(request);
  ASSERT_TRUE(send(header(Op::Rst, request->host_port(), 52)));
  EXPECT_TRUE(host_sees_the_end(user));
  EXPECT_EQ(read_available(user), "");
}

TEST_F(VsockTest, client_that_leaves_before_the_guest_answers_is_forgotten) {
  start();
  UniqueFd user = client("CONNECT 52\n");
  ASSERT_EQ(next_op(), Op::Request);
  user.reset();
  EXPECT_EQ(next_op(), Op::Rst);
}

TEST_F(VsockTest, client_waits_until_the_driver_is_up) {
  make();
  const UniqueFd user = client("CONNECT 52\n");
  run_some(loop);
  transport->start();
  give_buffers(64);
  EXPECT_EQ(next_op(), Op::Request);
}

TEST_F(VsockTest, clients_have_host_ports_of_their_own) {
  start();
  const UniqueFd first = client("CONNECT 52\n");
  const UniqueFd second = client("CONNECT 52\n");
  const auto one = next();
  const auto two = next();
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->host_port(), two->host_port());
}

}  // namespace
}  // namespace redoubt
