// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/frame_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace redoubt {

namespace {

constexpr size_t kLengthSize = 4;
// Room for one frame behind a part of another, and for a batch of frames to go.
constexpr size_t kInSize = 2 * (kLengthSize + kMaxFrame);
constexpr size_t kOutSize = 4 * (kLengthSize + kMaxFrame);

uint32_t length_at(std::span<const std::byte> bytes) {
  uint32_t length = 0;
  for (const std::byte byte : bytes.first<kLengthSize>()) {
    length = length << 8 | std::to_integer<uint32_t>(byte);
  }
  return length;
}

std::array<std::byte, kLengthSize> bytes_of_length(size_t length) {
  return {static_cast<std::byte>(length >> 24), static_cast<std::byte>(length >> 16),
          static_cast<std::byte>(length >> 8), static_cast<std::byte>(length)};
}

// Repeats a call that a signal interrupted.
template <class Call>
ssize_t complete(Call call) {
  ssize_t moved = 0;
  do {
    moved = call();
  } while (moved < 0 && errno == EINTR);
  return moved;
}

}  // namespace

void FrameStream::Buffer::move_to_front() {
  std::copy(bytes.begin() + static_cast<ptrdiff_t>(begin),
            bytes.begin() + static_cast<ptrdiff_t>(end), bytes.begin());
  end -= std::exchange(begin, 0);
}

FrameStream::FrameStream(UniqueFd socket)
    : socket_(std::move(socket)), in_(kInSize), out_(kOutSize) {}

Result<std::optional<std::span<const std::byte>>, FrameStream::End> FrameStream::receive() {
  while (true) {
    const std::span<const std::byte> bytes = in_.filled();
    if (bytes.size() >= kLengthSize) {
      const uint32_t length = length_at(bytes);
      if (length > kMaxFrame) return Unexpected(End::BadLength);
      if (bytes.size() - kLengthSize >= length) {
        in_.begin += kLengthSize + length;
        return bytes.subspan(kLengthSize, length);
      }
    }
    // What is there is less than one frame, so that this leaves room.
    in_.move_to_front();
    if (!TRY(read_more())) return std::nullopt;
  }
}

Result<bool, FrameStream::End> FrameStream::read_more() {
  const std::span<std::byte> room = in_.room();
  const ssize_t count =
      complete([&] { return ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT); });
  if (count < 0 && errno == EAGAIN) return false;
  if (count <= 0) return Unexpected(End::Closed);
  in_.end += static_cast<size_t>(count);
  return true;
}

Result<bool, FrameStream::End> FrameStream::send(std::span<const std::byte> frame) {
  const size_t needed = kLengthSize + frame.size();
  if (out_.room().size() < needed) {
    TRY(flush());
    out_.move_to_front();
    if (out_.room().size() < needed) return false;
  }
  const std::array<std::byte, kLengthSize> length = bytes_of_length(frame.size());
  const auto after_length = std::copy(length.begin(), length.end(), out_.room().begin());
  std::copy(frame.begin(), frame.end(), after_length);
  out_.end += needed;
  return true;
}

Result<bool, FrameStream::End> FrameStream::flush() {
  while (!out_.filled().empty()) {
    const std::span<const std::byte> bytes = out_.filled();
    const ssize_t count = complete([&] {
      return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    });
    if (count < 0 && (errno == EAGAIN || errno == ENOBUFS)) return false;
    if (count < 0) return Unexpected(End::Closed);
    out_.begin += static_cast<size_t>(count);
  }
  out_.begin = out_.end = 0;
  return true;
}

}  // namespace redoubt
