// SPDX-License-Identifier: Apache-2.0
//
// VsockConnection: a stream between a port of the guest and a unix socket of the host (virtio 1.3,
// 5.10.6). It keeps its state, the credit both ways and what the socket has not taken yet; its
// device carries the packets.
//
// What the guest sends waits in the socket's own buffer, which holds all of the credit, until the
// host reads: the guest has its credit back when most of that is gone. Only a guest that fills the
// buffer with tiny packets, each of which takes more room there than it is long, makes us keep
// some.
//
//   Connecting ── RESPONSE ──▶ Established ── both sides of one end shut down ──▶ over, or told
//   (a client of ours)         (at once for a guest's REQUEST)
//
// Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "devices/virtio/vsock/host_backlog.h"
#include "devices/virtio/vsock/vsock_credit.h"
#include "devices/virtio/vsock/vsock_packet.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

struct VsockAddress {
  uint32_t host_port;
  uint32_t guest_port;

  bool operator==(const VsockAddress&) const = default;
};

class VsockConnection {
 public:
  enum class Origin { Guest, Host };

  // For the guest: the header's fields that depend on the connection, and how much of the payload
  // buffer is payload.
  struct Packet {
    virtio_vsock::Op op;
    uint32_t flags = 0;
    uint32_t len = 0;
  };

  // `backlog_total` counts the bytes that wait for host sockets, and outlives this.
  VsockConnection(VsockAddress address, Origin origin, UniqueFd socket, size_t& backlog_total);

  [[nodiscard]] const VsockAddress& address() const { return address_; }
  [[nodiscard]] BorrowedFd socket() const { return socket_; }

  // --- The guest. False: not in this state; the connection is to be reset.

  // Credit, from the header of any packet.
  void hear(uint32_t buf_alloc, uint32_t fwd_cnt);
  [[nodiscard]] bool confirm();  // RESPONSE; also false if the client has gone
  // RW: whether so many bytes may come now; then the bytes.
  [[nodiscard]] bool admits(uint32_t bytes) const;
  void deliver(std::span<const std::byte> bytes);
  [[nodiscard]] bool shut_down(uint32_t flags);  // SHUTDOWN
  [[nodiscard]] bool answer_with_credit();       // CREDIT_REQUEST
  [[nodiscard]] bool established() const { return established_; }

  // --- The host

  // EPOLL* of the socket; wanted_events() says which are waited for.
  void on_socket(uint32_t events);
  [[nodiscard]] uint32_t wanted_events() const;

  // --- What the guest is to be told

  [[nodiscard]] bool has_packet() const;
  // Nothing, if there was nothing to read after all. `payload` is not empty.
  [[nodiscard]] std::optional<Packet> next_packet(std::span<std::byte> payload);
  // fwd_cnt, for a packet that is sent now.
  [[nodiscard]] uint32_t tell_credit();

  // The guest has heard of this connection, so that its end needs an RST.
  [[nodiscard]] bool known_to_guest() const { return !request_pending_; }
  // The guest has ended both directions: answer with RST.
  [[nodiscard]] bool ended_by_guest() const;
  // The client has gone before the guest said anything.
  [[nodiscard]] bool abandoned() const { return abandoned_; }
  // An answer is owed: a RESPONSE, or the RST after we have shut down both directions.
  [[nodiscard]] bool awaits_answer() const;

  // Bytes that the host has not taken yet. After detach() these are all that is left to do.
  [[nodiscard]] size_t backlog() const { return backlog_.size(); }
  void detach() { detached_ = true; }

 private:
  [[nodiscard]] bool reads() const;
  uint32_t read_socket(std::span<std::byte> payload);
  void flush();
  void release();
  [[nodiscard]] bool waits_for_host() const;
  void took(const Result<size_t, std::error_code>& sent);
  void end_writing();
  [[nodiscard]] bool hung_up() const;

  const VsockAddress address_;
  const UniqueFd socket_;
  SendCredit send_credit_;
  ReceiveCredit receive_credit_;
  HostBacklog backlog_;
  uint32_t in_socket_ = 0;  // bytes that it took and the guest has not got back its credit for

  bool established_;
  bool request_pending_;
  bool response_pending_;
  bool credit_wanted_ = false;     // the guest has asked for ours
  bool credit_requested_ = false;  // we have asked for the guest's, and it had none
  bool readable_ = false;          // the socket may have something; then it is not watched for that
  bool abandoned_ = false;
  bool detached_ = false;
  // kShutdown*: what each side will do no more, and what the guest has been told of the host's.
  uint32_t guest_shutdown_ = 0;
  uint32_t host_shutdown_ = 0;
  uint32_t told_shutdown_ = 0;
};

}  // namespace redoubt
