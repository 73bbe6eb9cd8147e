// SPDX-License-Identifier: Apache-2.0
//
// What a guest can make the vsock device keep, and how many of everything there can be.
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <sys/resource.h>

#include "tests/rounds.h"
#include "tests/sizes.h"
#include "tests/unit/devices/virtio/console/resident_memory.h"
#include "tests/unit/devices/virtio/vsock/vsock_fixture.h"

namespace redoubt {
namespace {

// Sockets that a loop of this process waits for and need not wait for: while there is one, the loop
// spins.
int watched_sockets_that_are_ready() {
  int ready = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry, gone) != "anon_inode:[eventpoll]") continue;
    std::ifstream info("/proc/self/fdinfo/" + entry.path().filename().string());
    std::string word;
    while (info >> word) {  // "tfd: 17 events: 2019 …"
      if (word != "tfd:") continue;
      int fd = -1;
      uint32_t events = 0;
      info >> fd >> word >> std::hex >> events >> std::dec;
      const auto target =
          std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), gone);
      if (!target.string().starts_with("socket:")) continue;
      pollfd poller{.fd = fd, .events = static_cast<short>(events & 0xffff), .revents = 0};
      ready += ::poll(&poller, 1, 0);
    }
  }
  return ready;
}

class VsockLimitsTest : public VsockTest {};

// --- Amplification

// Row 52: what the guest says of its own buffer makes us keep nothing.
TEST_F(VsockLimitsTest, enormous_buf_alloc_makes_nothing_grow) {
  start();
  server.emplace(path, kHostPort);
  Header request = header(Op::Request);
  request.buf_alloc = 0xffff'ffff;
  ASSERT_TRUE(send(request));
  ASSERT_EQ(next_op(), Op::Response);
  const UniqueFd end = server->accept();
  restart_without_buffers();
  ASSERT_TRUE(send(request));
  run_some(loop);
  const UniqueFd second = server->accept();
  const ResidentMemory memory;
  size_t written = 0;
  for (int i = 0; i < 200; ++i) {
    written += fill(second);
    run_some(loop);
  }
  EXPECT_LT(written, 2 * kMiB);
  EXPECT_TRUE(memory.grown_by_less_than(kMiB));
}

TEST_F(VsockLimitsTest, guest_that_sends_beyond_its_credit_is_reset) {
  start();
  const UniqueFd end = established();
  size_t sent = 0;
  while (sent < 16 * kMiB && incoming.empty()) {
    ASSERT_TRUE(write(std::string(60'000, 'x')));
    sent += 60'000;
    collect();
    std::erase_if(incoming, [](const Packet& p) { return p.op() == Op::CreditUpdate; });
  }
  EXPECT_LT(sent, kMiB);
  EXPECT_EQ(next_op(), Op::Rst);
}

// What hosts do not read waits in their sockets.
TEST_F(VsockLimitsTest, credit_of_hosts_that_do_not_read_makes_nothing_grow) {
  start();
  server.emplace(path, kHostPort);
  std::vector<UniqueFd> ends;
  const auto fill_credit = [&](uint32_t port) {
    ASSERT_TRUE(send(header(Op::Request, kHostPort, port)));
    ASSERT_EQ(next_op(), Op::Response);
    ends.push_back(server->accept());
    for (uint32_t sent = 0; sent < ReceiveCredit::kBufAlloc; sent += 32 * 1024) {
      Header packet = header(Op::Rw, kHostPort, port);
      packet.len = 32 * 1024;
      ASSERT_TRUE(send(packet, std::string(packet.len, 'x')));
    }
    EXPECT_EQ(next(), std::nullopt);
  };
  fill_credit(1);
  const ResidentMemory memory;

  for (uint32_t port = 2; port <= 20; ++port) fill_credit(port);

  EXPECT_TRUE(memory.grown_by_less_than(kMiB / 4));
}

// Packets of which the socket does not take as many as there is credit for.
TEST_F(VsockLimitsTest, bytes_of_all_connections_together_are_bounded) {
  constexpr uint32_t kSize = 2000;
  start({.backlog = 100'000});
  server.emplace(path, kHostPort);
  std::vector<UniqueFd> ends;
  size_t resets = 0;
  for (uint32_t port = 1; port <= 30; ++port) {
    ASSERT_TRUE(send(header(Op::Request, kHostPort, port)));
    ASSERT_EQ(next_op(), Op::Response);
    ends.push_back(server->accept());
    for (uint32_t i = 0; i < ReceiveCredit::kBufAlloc / kSize; ++i) {
      Header packet = header(Op::Rw, kHostPort, port);
      packet.len = kSize;
      ASSERT_TRUE(send(packet, std::string(kSize, 'x')));
      collect();
      for (const Packet& answer : incoming) resets += answer.op() == Op::Rst ? 1 : 0;
      const bool ended = !incoming.empty() && incoming.back().op() == Op::Rst;
      incoming.clear();
      if (ended) break;
    }
  }
  EXPECT_GT(resets, 20u);
}

// --- Numbers

// Row 53: connections without end, as many as there are ports.
TEST_F(VsockLimitsTest, connections_are_limited_and_descriptors_come_back) {
  const uint32_t connects = rounds(uint32_t{65'536});
  start({.connections = 100});
  server.emplace(path, kHostPort);
  const size_t before = open_descriptors();
  std::vector<UniqueFd> ends;
  size_t accepted = 0;
  size_t refused = 0;
  for (uint32_t port = 0; port < connects; ++port) {
    ASSERT_TRUE(send(header(Op::Request, kHostPort, port)));
    collect();
    for (const Packet& packet : incoming) {
      accepted += packet.op() == Op::Response ? 1 : 0;
      refused += packet.op() == Op::Rst ? 1 : 0;
    }
    incoming.clear();
    if (UniqueFd end = server->accept(); end.valid()) ends.push_back(std::move(end));
    if (port % 256 == 0) {
      ASSERT_LE(open_descriptors(), before + 200);
    }
  }
  EXPECT_EQ(accepted, 100u);
  EXPECT_EQ(refused, connects - 100);
  for (uint32_t port = 0; port < 100; ++port) ASSERT_TRUE(send(header(Op::Rst, kHostPort, port)));
  ends.clear();
  run_some(loop);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(VsockLimitsTest, limit_is_half_of_the_descriptors_that_we_may_have) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit fewer{.rlim_cur = 64, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &fewer), 0);
  make();
  ::setrlimit(RLIMIT_NOFILE, &before);
  transport->start();
  give_buffers(64);
  server.emplace(path, kHostPort);
  size_t accepted = 0;
  for (uint32_t port = 0; port < 64; ++port) {
    ASSERT_TRUE(send(header(Op::Request, kHostPort, port)));
    accepted += next_op() == Op::Response ? 1 : 0;
    if (accepted > 32) break;
  }
  EXPECT_EQ(accepted, 32u);
}

TEST_F(VsockLimitsTest, server_that_does_not_accept_is_a_refusal) {
  start();
  server.emplace(path, kHostPort);
  size_t responses = 0;
  for (uint32_t port = 0; port < 200; ++port) {
    ASSERT_TRUE(send(header(Op::Request, kHostPort, port)));
    const Op op = next_op();
    ASSERT_TRUE(op == Op::Response || op == Op::Rst);
    responses += op == Op::Response ? 1 : 0;
  }
  EXPECT_GE(responses, 64u);
  EXPECT_LE(responses, 66u);
}

// Row 54: answers to a guest that does not take them make its own packets wait.
TEST_F(VsockLimitsTest, storm_of_refused_packets_without_buffers_waits_in_the_guest) {
  start();
  restart_without_buffers();
  size_t taken = 0;
  for (int i = 0; i < 380; ++i) taken += send(Op::Rw) ? 1 : 0;
  EXPECT_EQ(taken, 256u);

  give_buffers(64);
  size_t answers = 0;
  while (next_op() == Op::Rst) ++answers;
  EXPECT_EQ(answers, 380u);
}

TEST_F(VsockLimitsTest, connects_and_resets_without_buffers_make_nothing_grow) {
  start();
  restart_without_buffers();
  server.emplace(path, kHostPort);
  const auto round = [&] {
    ASSERT_TRUE(send(Op::Request));
    ASSERT_TRUE(server->accept().valid());
    ASSERT_TRUE(send(Op::Rst));
  };
  for (int i = 0; i < 1000; ++i) round();
  const ResidentMemory memory;
  const size_t descriptors = open_descriptors();
  for (int i = 0; i < rounds(20'000); ++i) round();
  EXPECT_TRUE(memory.grown_by_less_than(kMiB / 2));
  EXPECT_EQ(open_descriptors(), descriptors);
}

// Row 49: a host that floods a guest without buffers does not keep the loop busy.
TEST_F(VsockLimitsTest, flood_for_a_guest_without_buffers_lets_the_loop_sleep) {
  start();
  restart_without_buffers();
  server.emplace(path, kHostPort);
  ASSERT_TRUE(send(Op::Request));
  UniqueFd end = server->accept();
  ASSERT_TRUE(end.valid());
  (void)fill(end);
  end.reset();
  run_some(loop);
  EXPECT_EQ(watched_sockets_that_are_ready(), 0);
}

}  // namespace
}  // namespace redoubt
