// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/vsock_connection.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace redoubt {

using virtio_vsock::kShutdownBoth;
using virtio_vsock::kShutdownReceive;
using virtio_vsock::kShutdownSend;
using virtio_vsock::Op;

VsockConnection::VsockConnection(VsockAddress address, Origin origin, UniqueFd socket,
                                 size_t& backlog_total)
    : address_(address),
      socket_(std::move(socket)),
      backlog_(backlog_total),
      established_(origin == Origin::Guest),
      request_pending_(origin == Origin::Host),
      response_pending_(origin == Origin::Guest) {}

// --- The guest

void VsockConnection::hear(uint32_t buf_alloc, uint32_t fwd_cnt) {
  send_credit_.update(buf_alloc, fwd_cnt);
  if (send_credit_.available() > 0) credit_requested_ = false;
}

bool VsockConnection::confirm() {
  if (established_ || request_pending_) return false;
  established_ = true;
  const std::string line = fmt::format("OK {}\n", address_.host_port);
  const auto sent = backlog_.send(socket_, std::as_bytes(std::span(line)));
  return sent && *sent == line.size();  // a new socket takes as much
}

bool VsockConnection::admits(uint32_t bytes) const {
  return established_ && (guest_shutdown_ & kShutdownSend) == 0 && receive_credit_.admits(bytes);
}

void VsockConnection::deliver(std::span<const std::byte> bytes) {
  receive_credit_.received(static_cast<uint32_t>(bytes.size()));
  if ((host_shutdown_ & kShutdownReceive) != 0) {
    receive_credit_.forwarded(receive_credit_.waiting());
  } else {
    took(backlog_.send(socket_, bytes));
  }
}

bool VsockConnection::shut_down(uint32_t flags) {
  if (!established_) return false;
  guest_shutdown_ |= flags & kShutdownBoth;
  // A host that goes on writing gets EPIPE.
  if ((flags & kShutdownReceive) != 0) ::shutdown(socket_.get(), SHUT_RD);
  end_writing();
  return true;
}

bool VsockConnection::answer_with_credit() {
  credit_wanted_ = established_;
  return established_;
}

bool VsockConnection::ended_by_guest() const { return guest_shutdown_ == kShutdownBoth; }

bool VsockConnection::awaits_answer() const {
  return !established_ || told_shutdown_ == kShutdownBoth;
}

// --- The host

uint32_t VsockConnection::wanted_events() const {
  uint32_t events = backlog_.size() > 0 ? uint32_t{EPOLLOUT} : 0;
  if (detached_) return events;
  if (reads()) {
    if (!readable_) events |= EPOLLIN;
  } else if (host_shutdown_ != kShutdownBoth && !abandoned_) {
    events |= EPOLLERR;  // the end of the other direction, EPOLLHUP, comes with any mask
  }
  return events;
}

void VsockConnection::on_socket(uint32_t events) {
  if (backlog_.size() > 0) flush();
  if (detached_) return;
  const bool hang_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (reads()) {
    readable_ = readable_ || hang_up || (events & EPOLLIN) != 0;
  } else if (hang_up && established_) {
    host_shutdown_ = kShutdownBoth;
  } else if (hang_up) {
    abandoned_ = true;
  }
}

bool VsockConnection::reads() const {
  return established_ && (host_shutdown_ & kShutdownSend) == 0 &&
         (guest_shutdown_ & kShutdownReceive) == 0;
}

uint32_t VsockConnection::read_socket(std::span<std::byte> payload) {
  ssize_t size = 0;
  do {
    size = ::recv(socket_.get(), payload.data(), payload.size(), MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size > 0) return static_cast<uint32_t>(size);
  readable_ = false;
  if (size < 0 && errno == EAGAIN) return 0;
  // A client that has gone neither writes nor reads; one that ended its side may still read ours.
  host_shutdown_ |= hung_up() ? kShutdownBoth : kShutdownSend;
  return 0;
}

void VsockConnection::flush() {
  took(backlog_.flush(socket_));
  end_writing();
}

// Frees the guest's credit for what has left the backlog. If the host reads no more, that is all,
// and the guest is told.
void VsockConnection::took(const Result<size_t, std::error_code>& sent) {
  receive_credit_.forwarded(sent ? static_cast<uint32_t>(*sent) : receive_credit_.waiting());
  if (!sent) host_shutdown_ |= kShutdownReceive;
}

void VsockConnection::end_writing() {
  if ((guest_shutdown_ & kShutdownSend) != 0 && backlog_.size() == 0) {
    ::shutdown(socket_.get(), SHUT_WR);
  }
}

bool VsockConnection::hung_up() const {
  pollfd poller{.fd = socket_.get(), .events = 0, .revents = 0};
  return ::poll(&poller, 1, 0) > 0 && (poller.revents & (POLLHUP | POLLERR)) != 0;
}

// --- What the guest is to be told

bool VsockConnection::has_packet() const {
  if (request_pending_ || response_pending_ || credit_wanted_) return true;
  if (receive_credit_.worth_telling() || (host_shutdown_ & ~told_shutdown_) != 0) return true;
  return readable_ && reads() && (send_credit_.available() > 0 || !credit_requested_);
}

std::optional<VsockConnection::Packet> VsockConnection::next_packet(std::span<std::byte> payload) {
  if (std::exchange(request_pending_, false)) return Packet{.op = Op::Request};
  if (std::exchange(response_pending_, false)) return Packet{.op = Op::Response};
  if (credit_wanted_ || receive_credit_.worth_telling()) return Packet{.op = Op::CreditUpdate};
  if (readable_ && reads()) {
    const size_t room = std::min<size_t>(payload.size(), send_credit_.available());
    if (room == 0 && !std::exchange(credit_requested_, true)) {
      return Packet{.op = Op::CreditRequest};
    }
    if (const uint32_t size = room == 0 ? 0 : read_socket(payload.first(room)); size > 0) {
      send_credit_.sent(size);
      return Packet{.op = Op::Rw, .len = size};
    }
  }
  if ((host_shutdown_ & ~told_shutdown_) != 0) {
    told_shutdown_ = host_shutdown_;
    return Packet{.op = Op::Shutdown, .flags = host_shutdown_};
  }
  return std::nullopt;
}

uint32_t VsockConnection::tell_credit() {
  credit_wanted_ = false;
  return receive_credit_.tell();
}

}  // namespace redoubt
