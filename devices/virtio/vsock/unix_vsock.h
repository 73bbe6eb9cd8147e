// SPDX-License-Identifier: Apache-2.0
//
// UnixVsock: the virtio socket device (virtio 1.3, 5.10) for a host without vhost-vsock, or for one
// where each guest is to have its own sockets:
//
//   host program ── connect PATH, "CONNECT 52\n" ──▶ guest listens on port 52; "OK 1073741824\n"
//   guest ── connect cid 2, port 1234 ──▶ host program listens at PATH_1234
//
// Stream sockets only. What a guest can make us keep is bounded: connections, bytes for hosts that
// do not read, and answers for a guest that gives no buffers (then its packets wait in its queue).
// A host socket is read when the guest has buffers and credit for it, and not before.
//
// Bytes that a guest has sent reach the host also if the connection ends before the host reads
// them.
//
// Made and destroyed on the loop thread, or while the loop is not running. All state is the loop
// thread's; stop() leaves word of itself only.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "devices/timer_fd.h"
#include "devices/virtio/virtio_device.h"
#include "devices/virtio/vsock/vsock_connection.h"
#include "devices/virtio/vsock/vsock_listener.h"
#include "devices/virtio/vsock/vsock_options.h"
#include "devices/virtio/vsock/vsock_packet.h"
#include "vmm/base/event_fd.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

struct VsockLimits {
  // At most half of the descriptors that this process may have, whatever is said here.
  size_t connections = 1024;
  // Bytes of the guest that wait for host sockets, over all connections.
  size_t backlog = size_t{64} * 1024 * 1024;
  // For a client to say CONNECT, for the guest to answer it, for the guest to confirm the end.
  std::chrono::milliseconds patience{5000};
};

class UnixVsock final : public VirtioDevice {
 public:
  // Listens at the path of the options. Throws SetupError or std::system_error.
  UnixVsock(EventLoop& loop, const VsockOptions& options, const VsockLimits& limits = {});

  // What a Linux driver puts into the DMA window, in bytes.
  [[nodiscard]] static uint64_t dma_window_need();

  [[nodiscard]] uint32_t device_id() const override { return virtio_vsock::kDeviceId; }
  [[nodiscard]] std::string_view name() const override { return "vsock"; }
  [[nodiscard]] std::span<const uint16_t> max_queue_sizes() const override;
  [[nodiscard]] uint64_t features() const override { return virtio_vsock::kStream; }
  [[nodiscard]] std::span<const std::byte> initial_config() const override;

  [[nodiscard]] Result<void, QueueError> start() override;
  [[nodiscard]] Result<void, QueueError> on_notify(uint16_t queue) override;
  void stop() override;

 private:
  using Clock = std::chrono::steady_clock;

  struct Entry {
    Entry(VsockAddress address, VsockConnection::Origin origin, UniqueFd socket, size_t& backlog)
        : connection(address, origin, std::move(socket), backlog) {}

    VsockConnection connection;
    EventLoop::Watch watch;
    uint32_t watched = 0;
    bool ready = false;     // in ready_
    bool detached = false;  // in detached_
    std::optional<Clock::time_point> deadline;
  };

  // --- From the guest
  [[nodiscard]] Result<void, QueueError> take_packets();
  [[nodiscard]] Result<void, QueueError> take(const virtio_vsock::Header& header,
                                              DescriptorChain& packet);
  [[nodiscard]] Result<bool, QueueError> obey(VsockConnection& connection,
                                              const virtio_vsock::Header& header,
                                              DescriptorChain& packet);
  [[nodiscard]] bool accept_request(const virtio_vsock::Header& header);
  void refuse(const virtio_vsock::Header& header);

  // --- To the guest
  [[nodiscard]] Result<void, QueueError> send_packets();
  [[nodiscard]] Result<void, QueueError> send(DescriptorChain buffer,
                                              const virtio_vsock::Header& header);

  // --- From the host
  void on_client(UniqueFd client, uint32_t port);
  void on_socket(Entry& entry, uint32_t events);
  void on_timer();

  // --- Connections
  [[nodiscard]] Entry* find(const VsockAddress& address);
  [[nodiscard]] bool full() const;
  // Nothing, if it cannot be watched.
  Entry* add(VsockAddress address, VsockConnection::Origin origin, UniqueFd socket);
  [[nodiscard]] uint32_t next_host_port(uint32_t guest_port);
  // After anything has happened to a connection: does what follows from it. It may be gone then.
  void settle(Entry& entry);
  [[nodiscard]] static bool update_watch(Entry& entry);
  void push_reset(const VsockAddress& address);
  void reset(Entry& entry);   // by us: with RST, and what waits is dropped
  void remove(Entry& entry);  // the guest knows; what waits still goes to the host
  void discard(Entry& entry);
  void forget_guest();
  void forget_guest_if_stopped();

  // Constant after construction.
  EventLoop& loop_;
  const std::filesystem::path path_;
  const uint64_t cid_;
  VsockLimits limits_;
  // Any thread: stop() was called, and the connections are those of before.
  std::atomic<bool> stopped_ = false;

  // Loop thread only.
  std::vector<std::byte> payload_;
  size_t backlog_ = 0;
  uint32_t last_host_port_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<Entry>> connections_;
  std::vector<std::unique_ptr<Entry>> detached_;  // of no guest any more, but not drained
  std::deque<Entry*> ready_;                      // have a packet for the guest; each one once
  std::deque<virtio_vsock::Header> resets_;
  bool transmit_stalled_ = false;  // until resets_ has room
  VsockListener listener_;
  TimerFd timer_;
  bool timer_armed_ = false;
  EventFd again_;
  EventLoop::Watch timer_watch_;
  EventLoop::Watch again_watch_;
};

}  // namespace redoubt
