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

namespace {

// Linux takes twice that for its own use, and says that there is room when a quarter is in use:
// room for all of a guest's credit then. It is what everybody may have by default
// (net.core.wmem_max).
constexpr int kSendBuffer = 212'992;
static_assert(ReceiveCredit::kBufAlloc < 2 * kSendBuffer * 3 / 4);

bool answers(BorrowedFd socket, short events) {
  pollfd poller{.fd = socket.get(), .events = events, .revents = 0};
  return ::poll(&poller, 1, 0) > 0;
}

}  // namespace

VsockConnection::VsockConnection(VsockAddress address, Origin origin, UniqueFd socket,
                                 size_t& backlog_total)
    : address_(address),
      socket_(std::move(socket)),
      backlog_(backlog_total),
      established_(origin == Origin::Guest),
      request_pending_(origin == Origin::Host),
      response_pending_(origin == Origin::Guest) {
  // Where that is too much, the backlog has the rest.
  (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
}

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
    if (waits_for_host()) release();
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
  release();
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
  if (waits_for_host()) events |= EPOLLOUT;
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
  release();
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

// If the host reads no more, all that waits is gone, and the guest is told.
void VsockConnection::took(const Result<size_t, std::error_code>& sent) {
  if (sent) {
    in_socket_ += static_cast<uint32_t>(*sent);
    return;
  }
  in_socket_ = 0;
  receive_credit_.forwarded(receive_credit_.waiting());
  host_shutdown_ |= kShutdownReceive;
}

// The guest would have use for credit that only the host's reading can give back.
bool VsockConnection::waits_for_host() const {
  return in_socket_ > 0 && receive_credit_.waiting() >= ReceiveCredit::kBufAlloc / 2;
}

// Gives the guest its credit back for what the socket has taken, if that has room for as much
// again.
void VsockConnection::release() {
  if (in_socket_ > 0 && answers(socket_, POLLOUT)) {
    receive_credit_.forwarded(std::exchange(in_socket_, 0));
  }
}

void VsockConnection::end_writing() {
  if ((guest_shutdown_ & kShutdownSend) != 0 && backlog_.size() == 0) {
    ::shutdown(socket_.get(), SHUT_WR);
  }
}

bool VsockConnection::hung_up() const {
  return answers(socket_, 0);  // with POLLHUP or POLLERR, which come unasked
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
