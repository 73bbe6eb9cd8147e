// SPDX-License-Identifier: Apache-2.0
//
// A vsock device between unix sockets of the host and a driver that speaks packet by packet.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "devices/unix_socket.h"
#include "devices/virtio/vsock/unix_vsock.h"
#include "tests/unit/devices/console/support.h"
#include "tests/unit/devices/run_until.h"
#include "tests/unit/devices/virtio/console/receive_buffers.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "tests/unit/devices/virtio/fake_transport.h"

namespace redoubt {

inline size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

// The other end of a stream socket has closed, or ended its side.
inline bool at_end(BorrowedFd fd) {
  pollfd poller{.fd = fd.get(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&poller, 1, 0) > 0 && (poller.revents & (POLLHUP | POLLRDHUP)) != 0;
}

class VsockTest : public ::testing::Test {
 protected:
  using Op = virtio_vsock::Op;
  using Header = virtio_vsock::Header;
  static constexpr uint64_t kGuestCid = 7;
  static constexpr uint16_t kReceive = virtio_vsock::kReceiveQueue;
  static constexpr uint16_t kTransmit = virtio_vsock::kTransmitQueue;
  static constexpr uint32_t kGuestPort = 5000;
  static constexpr uint32_t kHostPort = 1234;
  static constexpr uint32_t kBufAlloc = 1'000'000;  // the driver's

  struct Packet {
    Header header;
    std::string payload;

    [[nodiscard]] Op op() const { return Op{header.op}; }
    [[nodiscard]] uint32_t host_port() const { return header.src_port; }
    [[nodiscard]] uint32_t guest_port() const { return header.dst_port; }
    [[nodiscard]] uint32_t flags() const { return header.flags; }
  };

  void make(const VsockLimits& limits = {}) {
    device = std::make_unique<UnixVsock>(
        loop, VsockOptions{.kind = VsockKind::Unix, .cid = kGuestCid, .path = path}, limits);
    driver = std::make_unique<FakeDriver>();
    transport = std::make_unique<FakeTransport>(*driver, *device, uint16_t{128});
    buffers = std::make_unique<ReceiveBuffers>(*driver, kReceive, 4096);
    outgoing = driver->allocate(size_t{512} * 1024);
  }
  void start(const VsockLimits& limits = {}) {
    make(limits);
    transport->start();
    give_buffers(64);
  }
  void give_buffers(size_t count) {
    buffers->give(count);
    transport->notify(kReceive);
  }

  // --- The guest

  static Header header(Op op, uint32_t host_port = kHostPort, uint32_t guest_port = kGuestPort) {
    return {.src_cid = kGuestCid,
            .dst_cid = virtio_vsock::kHostCid,
            .src_port = guest_port,
            .dst_port = host_port,
            .len = 0,
            .type = virtio_vsock::kTypeStream,
            .op = static_cast<uint16_t>(op),
            .flags = 0,
            .buf_alloc = kBufAlloc,
            .fwd_cnt = 0};
  }
  // As it is, whatever `len` says. False if the device did not take it.
  bool send(const Header& header, std::string_view payload = {}) {
    driver->write(outgoing.start(), std::as_bytes(std::span(&header, 1)));
    const GuestAddress body(outgoing.start().value() + sizeof(header));
    if (!payload.empty()) driver->write(body, bytes_of(payload));
    (void)driver->chain()
        .readable_at(outgoing.start(), static_cast<uint32_t>(sizeof(header) + payload.size()))
        .submit(kTransmit);
    transport->notify(kTransmit);
    return driver->used(kTransmit).size() == 1;
  }
  bool send(Op op, uint32_t host_port = kHostPort) { return send(header(op, host_port)); }
  bool write(std::string_view text, uint32_t host_port = kHostPort) {
    Header packet = header(Op::Rw, host_port);
    packet.len = static_cast<uint32_t>(text.size());
    return send(packet, text);
  }
  bool shut_down(uint32_t flags, uint32_t host_port = kHostPort) {
    Header packet = header(Op::Shutdown, host_port);
    packet.flags = flags;
    return send(packet);
  }

  // The next packet for the guest, if one comes while the loop runs.
  std::optional<Packet> next() {
    (void)run_until(loop, [this, turns = 0]() mutable {
      collect();
      return !incoming.empty() || ++turns > 200;
    });
    if (incoming.empty()) return std::nullopt;
    Packet packet = incoming.front();
    incoming.pop_front();
    return packet;
  }
  Op next_op() {
    const std::optional<Packet> packet = next();
    return packet ? packet->op() : Op::Invalid;
  }
  Op next_op_but_credit() {
    Op op = next_op();
    while (op == Op::CreditUpdate) op = next_op();
    return op;
  }
  // All data up to so many bytes; other packets are passed over.
  std::string read(size_t size) {
    std::string text;
    while (text.size() < size) {
      const std::optional<Packet> packet = next();
      if (!packet) break;
      if (packet->op() == Op::Rw) text += packet->payload;
    }
    return text;
  }
  // Takes what the device has used, and gives as many buffers again.
  void collect() {
    const auto received = buffers->take();
    for (const auto& bytes : received) {
      Packet packet{};
      ASSERT_GE(bytes.size(), sizeof(packet.header));
      std::memcpy(&packet.header, bytes.data(), sizeof(packet.header));
      packet.payload = text_of(std::span(bytes).subspan(sizeof(packet.header)));
      EXPECT_EQ(packet.payload.size(), uint32_t{packet.header.len});
      EXPECT_EQ(uint64_t{packet.header.dst_cid}, kGuestCid);
      incoming.push_back(packet);
    }
    if (!received.empty()) give_buffers(received.size());
  }

  // --- The host

  // A program that listens for guest connections to `port`, with somebody it has accepted.
  struct Server {
    Server(const std::filesystem::path& path, uint32_t port)
        : listener(path.native() + "_" + std::to_string(port), "server", 64) {}
    UniqueFd accept() {
      auto client = listener.accept();
      return client ? *std::move(client) : UniqueFd();
    }
    UnixListener listener;
  };

  UniqueFd client(std::string_view line) {
    auto socket = connect_unix(path);
    EXPECT_TRUE(socket);
    EXPECT_TRUE(line.empty() || write_text(*socket, line));
    return *std::move(socket);
  }
  bool host_reads(BorrowedFd fd, std::string_view text) {
    std::string seen;
    return run_until(loop,
                     [&] {
                       seen += read_available(fd);
                       return seen.size() >= text.size();
                     }) &&
           seen == text;
  }
  bool host_sees_the_end(BorrowedFd fd) {
    return run_until(loop, [&] { return at_end(fd); });
  }

  // A connection from the guest to a server on the host: the host's end.
  UniqueFd established() {
    if (!server) server.emplace(path, kHostPort);
    EXPECT_TRUE(send(Op::Request));
    EXPECT_EQ(next_op(), Op::Response);
    UniqueFd end = server->accept();
    EXPECT_TRUE(end.valid());
    return end;
  }

  // The connection from the guest to our server works both ways.
  void expect_alive(BorrowedFd end) {
    ASSERT_TRUE(write("ping"));
    EXPECT_TRUE(host_reads(end, "ping"));
    ASSERT_TRUE(write_text(end, "pong"));
    EXPECT_EQ(read(4), "pong");
  }
  // All that was given before is the device's no more, and no buffers are given.
  void restart_without_buffers() {
    transport->reset();
    buffers->forget();
    transport->start();
  }

  IgnoreSigpipe ignore_sigpipe;
  CapturedLog log;
  TemporaryDirectory directory;
  std::filesystem::path path = directory / "vsock";
  EventLoop loop;
  std::optional<Server> server;
  std::unique_ptr<UnixVsock> device;
  std::unique_ptr<FakeDriver> driver;
  std::unique_ptr<FakeTransport> transport;
  std::unique_ptr<ReceiveBuffers> buffers;
  GuestRange outgoing{GuestAddress(0), 1};
  std::deque<Packet> incoming;
};

}  // namespace redoubt
