// SPDX-License-Identifier: Apache-2.0
//
// VhostUserChannel: requests to a vhost-user back-end and its answers, over a connected unix stream
// socket. The back-end is not trusted: an answer is taken only if it is the one that was asked for,
// byte for byte of its header; its size is known beforehand; descriptors that come with it are
// never taken; and nothing takes longer than the deadline.
//
// After any error the channel is of no use: what comes next on the socket could be anything.
// One thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "devices/vhost_user/vhost_user_message.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

enum class VhostUserError {
  Gone,        // it closed the connection
  TooLate,     // it did not take the request, or did not answer it, in time
  NotAnswer,   // what came is no answer to the request
  Refused,     // it answered that it cannot do it
  Unsuitable,  // it lacks what we need
};
// "the back-end closed the connection"
[[nodiscard]] std::string_view describe(VhostUserError error);

class VhostUserChannel {
 public:
  using Clock = std::chrono::steady_clock;

  // A stream socket, connected; becomes non-blocking.
  explicit VhostUserChannel(UniqueFd socket);

  // Until when every request from now on has to be answered.
  void set_deadline(Clock::time_point deadline) { deadline_ = deadline; }
  // From now on the back-end acknowledges every request that has no answer of its own.
  void expect_acknowledgements() { acknowledged_ = true; }

  // A request that changes something, with the descriptor that belongs to it.
  template <class Payload>
  [[nodiscard]] Result<void, VhostUserError> set(vhost_user::Request request,
                                                 const Payload& payload,
                                                 std::optional<BorrowedFd> fd = {}) {
    return set_bytes(request, std::as_bytes(std::span(&payload, 1)), fd);
  }
  [[nodiscard]] Result<void, VhostUserError> set(vhost_user::Request request) {
    return set_bytes(request, {}, {});
  }

  // A request that is answered with a payload of the type Answer.
  template <class Answer>
  [[nodiscard]] Result<Answer, VhostUserError> get(vhost_user::Request request,
                                                   std::span<const std::byte> payload = {}) {
    TRY(send(request, 0, payload, {}));
    Answer answer{};
    TRY(receive(request, std::as_writable_bytes(std::span(&answer, 1))));
    return answer;
  }

  // Reports EPOLLRDHUP when the back-end is gone.
  [[nodiscard]] BorrowedFd fd() const { return socket_; }
  // Whether the other side has been closed by everybody who had it, waiting until the deadline.
  [[nodiscard]] bool wait_for_end();

 private:
  [[nodiscard]] Result<void, VhostUserError> set_bytes(vhost_user::Request request,
                                                       std::span<const std::byte> payload,
                                                       std::optional<BorrowedFd> fd);
  [[nodiscard]] Result<void, VhostUserError> send(vhost_user::Request request, uint32_t flags,
                                                  std::span<const std::byte> payload,
                                                  std::optional<BorrowedFd> fd);
  [[nodiscard]] Result<void, VhostUserError> receive(vhost_user::Request request,
                                                     std::span<std::byte> payload);
  [[nodiscard]] Result<void, VhostUserError> receive_exactly(std::span<std::byte> to);
  [[nodiscard]] Result<void, VhostUserError> wait_for(short events);

  UniqueFd socket_;
  bool acknowledged_ = false;
  Clock::time_point deadline_;
};

}  // namespace redoubt
