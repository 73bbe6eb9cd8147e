// SPDX-License-Identifier: Apache-2.0
//
// FakeBackEnd: the other side of a vhost-user connection. What it answers is laid into the socket
// before it is asked, so a test needs no second thread; what it was sent is looked at afterwards.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "devices/vhost_user/vhost_user_message.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class FakeBackEnd {
 public:
  struct Received {
    vhost_user::Header header{};
    std::vector<std::byte> payload;
    UniqueFd fd;

    template <class T>
    [[nodiscard]] T as() const {
      T object{};
      EXPECT_EQ(payload.size(), sizeof object);
      if (payload.size() == sizeof object) std::memcpy(&object, payload.data(), sizeof object);
      return object;
    }
  };

  FakeBackEnd() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    front_ = UniqueFd(ends[0]);
    back_ = UniqueFd(ends[1]);
  }

  // For the front-end.
  [[nodiscard]] UniqueFd take_front() { return std::move(front_); }

  // --- Answers
  void say(std::span<const std::byte> bytes, std::optional<BorrowedFd> fd = {}) {
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (fd) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      const int number = fd->get();
      std::memcpy(CMSG_DATA(header), &number, sizeof number);
    }
    ASSERT_EQ(::sendmsg(back_.get(), &message, 0), static_cast<ssize_t>(bytes.size()));
  }
  void say_header(vhost_user::Header header) { say(std::as_bytes(std::span(&header, 1))); }
  template <class T>
  void answer(vhost_user::Request request, const T& payload) {
    constexpr uint32_t kFlags = vhost_user::Header::kVersion | vhost_user::Header::kReply;
    say_header({static_cast<uint32_t>(request), kFlags, sizeof payload});
    say(std::as_bytes(std::span(&payload, 1)));
  }
  void acknowledge(vhost_user::Request request, uint64_t outcome = 0) { answer(request, outcome); }

  // Nothing more will come from here; what was said is still read. The front-end can still send.
  void close_after_that() { ::shutdown(back_.get(), SHUT_WR); }
  void die() { back_.reset(); }

  // --- What the front-end has sent
  Received next() {
    Received received;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec part{&received.header, sizeof received.header};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(back_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    EXPECT_EQ(size, static_cast<ssize_t>(sizeof received.header)) << "no request came";
    if (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(header), sizeof number);
      received.fd = UniqueFd(number);
    }
    received.payload.resize(received.header.size);
    if (!received.payload.empty()) {
      EXPECT_EQ(::recv(back_.get(), received.payload.data(), received.payload.size(), MSG_DONTWAIT),
                static_cast<ssize_t>(received.payload.size()));
    }
    return received;
  }
  [[nodiscard]] bool more_to_read() const {
    char byte = 0;
    return ::recv(back_.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0;
  }

 private:
  UniqueFd front_;
  UniqueFd back_;
};

}  // namespace redoubt
