// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/passt.h"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

// The two ends of a connection.
struct Passt::Ends {
  static Ends make() {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) {
      throw_errno("socketpair");
    }
    Ends ends{UniqueFd(fds[0]), UniqueFd(fds[1])};
    // As much as the host allows: the more waits here, the fewer times the two wake each other.
    for (const UniqueFd* end : {&ends.ours, &ends.passts}) {
      const int size = 1 << 20;
      ::setsockopt(end->get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
    return ends;
  }

  UniqueFd ours;
  UniqueFd passts;  // is closed here once passt has it, so that its end closes the connection
};

Passt::Passt(const NetOptions& options, EventLoop& loop) : Passt(options, loop, Ends::make()) {}

Passt::Passt(const NetOptions& options, EventLoop& loop, Ends ends)
    : stream_(std::move(ends.ours)), process_(options.name, ends.passts, loop) {}

Result<std::optional<NetBackend::Frame>, NetBackend::Gone> Passt::receive(uint16_t) {
  const auto frame = stream_.receive();
  if (!frame) return Unexpected(gone(frame.error()));
  if (!*frame) return std::nullopt;
  return Frame{{}, **frame};
}

Result<NetBackend::Sent, NetBackend::Gone> Passt::send(uint16_t, const NetHeader&,
                                                       std::span<const std::byte> frame) {
  const auto taken = stream_.send(frame);
  if (!taken) return Unexpected(gone(taken.error()));
  return *taken ? Sent::Taken : Sent::NotNow;
}

Result<bool, NetBackend::Gone> Passt::flush(uint16_t) {
  const auto done = stream_.flush();
  if (!done) return Unexpected(gone(done.error()));
  return *done;
}

NetBackend::Gone Passt::gone(FrameStream::End end) {
  switch (end) {
    case FrameStream::End::BadLength:
      return {fmt::format("passt sent a frame of more than {} bytes", kMaxFrame)};
    case FrameStream::End::Closed: break;
  }
  return {"passt ended" + process_.last_words(": ")};
}

}  // namespace redoubt
