// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/vhost_user_channel.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

using vhost_user::Header;

// The largest request, with its header.
constexpr size_t kLargestRequest = sizeof(Header) + sizeof(vhost_user::MemoryTable);

// The control part of a message with one descriptor.
struct OneDescriptor {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

void attach(msghdr& message, OneDescriptor& control, BorrowedFd fd) {
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int number = fd.get();
  std::memcpy(CMSG_DATA(header), &number, sizeof number);
}

}  // namespace

std::string_view describe(VhostUserError error) {
  switch (error) {
    case VhostUserError::Gone: return "the back-end closed the connection";
    case VhostUserError::TooLate: return "the back-end did not answer in time";
    case VhostUserError::NotAnswer: return "the back-end sent something else than the answer";
    case VhostUserError::Refused: return "the back-end refused a request";
    case VhostUserError::Unsuitable: break;
  }
  return "the back-end lacks a feature that is needed";
}

VhostUserChannel::VhostUserChannel(UniqueFd socket) : socket_(std::move(socket)) {
  const int flags = ::fcntl(socket_.get(), F_GETFL);
  if (flags < 0 || ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    throw_errno("fcntl on a vhost-user socket");
  }
}

Result<void, VhostUserError> VhostUserChannel::set_bytes(vhost_user::Request request,
                                                         std::span<const std::byte> payload,
                                                         std::optional<BorrowedFd> fd) {
  TRY(send(request, acknowledged_ ? Header::kNeedReply : 0, payload, fd));
  if (!acknowledged_) return {};
  uint64_t outcome = 0;
  TRY(receive(request, std::as_writable_bytes(std::span(&outcome, 1))));
  if (outcome != 0) return Unexpected(VhostUserError::Refused);
  return {};
}

Result<void, VhostUserError> VhostUserChannel::send(vhost_user::Request request, uint32_t flags,
                                                    std::span<const std::byte> payload,
                                                    std::optional<BorrowedFd> fd) {
  const Header header{static_cast<uint32_t>(request), Header::kVersion | flags,
                      static_cast<uint32_t>(payload.size())};
  std::array<std::byte, kLargestRequest> bytes{};
  std::memcpy(bytes.data(), &header, sizeof header);
  std::copy(payload.begin(), payload.end(), bytes.begin() + sizeof header);
  iovec part{bytes.data(), sizeof header + payload.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  OneDescriptor control;
  if (fd) attach(message, control, *fd);
  for (;;) {
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    // Linux takes so few bytes as a whole or not at all.
    if (sent == static_cast<ssize_t>(part.iov_len)) return {};
    if (sent >= 0) return Unexpected(VhostUserError::TooLate);
    if (errno == EAGAIN) {
      TRY(wait_for(POLLOUT));
    } else if (errno != EINTR) {
      return Unexpected(VhostUserError::Gone);
    }
  }
}

Result<void, VhostUserError> VhostUserChannel::receive(vhost_user::Request request,
                                                       std::span<std::byte> payload) {
  Header header{};
  TRY(receive_exactly(std::as_writable_bytes(std::span(&header, 1))));
  if (header.request != static_cast<uint32_t>(request) ||
      header.flags != (Header::kVersion | Header::kReply) || header.size != payload.size()) {
    return Unexpected(VhostUserError::NotAnswer);
  }
  return receive_exactly(payload);
}

Result<void, VhostUserError> VhostUserChannel::receive_exactly(std::span<std::byte> to) {
  while (!to.empty()) {
    iovec part{to.data(), to.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    // Without room for descriptors the kernel lets go of any that came, and says so.
    const ssize_t received = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (received > 0) {
      if ((message.msg_flags & MSG_CTRUNC) != 0) return Unexpected(VhostUserError::NotAnswer);
      to = to.subspan(static_cast<size_t>(received));
    } else if (received < 0 && errno == EAGAIN) {
      TRY(wait_for(POLLIN));
    } else if (received == 0 || errno != EINTR) {
      return Unexpected(VhostUserError::Gone);
    }
  }
  return {};
}

Result<void, VhostUserError> VhostUserChannel::wait_for(short events) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    if (left <= 0) return Unexpected(VhostUserError::TooLate);
    pollfd poller{.fd = socket_.get(), .events = events, .revents = 0};
    // What woke it up, be it the end, shows in the next call on the socket.
    if (::poll(&poller, 1, static_cast<int>(left)) > 0) return {};
  }
}

bool VhostUserChannel::wait_for_end() {
  std::array<std::byte, 256> unread{};
  for (;;) {
    const ssize_t received = ::recv(socket_.get(), unread.data(), unread.size(), 0);
    if (received == 0) return true;
    if (received > 0 || errno == EINTR) continue;
    if (errno != EAGAIN) return true;
    if (!wait_for(POLLIN)) return false;
  }
}

}  // namespace redoubt
