// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/frame_stream.h"

#include <array>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tests/unit/devices/virtio/net/fake_backend.h"

namespace redoubt {
namespace {

Bytes length_prefix(uint32_t length) {
  return {static_cast<std::byte>(length >> 24), static_cast<std::byte>(length >> 16),
          static_cast<std::byte>(length >> 8), static_cast<std::byte>(length)};
}

Bytes on_the_wire(const Bytes& frame) {
  Bytes bytes = length_prefix(static_cast<uint32_t>(frame.size()));
  bytes.insert(bytes.end(), frame.begin(), frame.end());
  return bytes;
}

class FrameStreamTest : public testing::Test {
 protected:
  FrameStreamTest() : FrameStreamTest(make_pair()) {}

  void write(std::span<const std::byte> bytes) {
    ASSERT_EQ(::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // What has arrived at the other side by now.
  Bytes read_all() {
    Bytes all;
    Bytes part(65536);
    ssize_t count = 0;
    while ((count = ::recv(peer_.get(), part.data(), part.size(), MSG_DONTWAIT)) > 0) {
      all.insert(all.end(), part.begin(), part.begin() + count);
    }
    return all;
  }
  // The next frame as a copy; "none", "closed" or "bad length" are its stand-ins.
  std::string next(Bytes& frame) {
    const auto got = stream_.receive();
    if (!got) return got.error() == FrameStream::End::Closed ? "closed" : "bad length";
    if (!*got) return "none";
    frame.assign((*got)->begin(), (*got)->end());
    return "frame";
  }
  std::string next() {
    Bytes frame;
    return next(frame);
  }

  UniqueFd peer_;
  FrameStream stream_;

 private:
  static std::array<UniqueFd, 2> make_pair() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
  }
  explicit FrameStreamTest(std::array<UniqueFd, 2> ends)
      : peer_(std::move(ends[0])), stream_(std::move(ends[1])) {}
};

TEST_F(FrameStreamTest, nothing_there_is_no_frame) { EXPECT_EQ(next(), "none"); }

TEST_F(FrameStreamTest, frames_that_come_together_are_told_apart) {
  Bytes all;
  for (const size_t length : {60U, 1514U, 14U, 65554U}) {
    const Bytes wire = on_the_wire(test_frame(length));
    all.insert(all.end(), wire.begin(), wire.end());
  }
  write(all);
  for (const size_t length : {60U, 1514U, 14U, 65554U}) {
    Bytes frame;
    ASSERT_EQ(next(frame), "frame");
    EXPECT_EQ(frame, test_frame(length));
  }
  EXPECT_EQ(next(), "none");
}

TEST_F(FrameStreamTest, frame_that_comes_byte_by_byte_is_whole_with_the_last) {
  const Bytes wire = on_the_wire(test_frame(60));
  for (size_t i = 0; i + 1 < wire.size(); ++i) {
    write(std::span(wire).subspan(i, 1));
    ASSERT_EQ(next(), "none") << i;
  }
  write(std::span(wire).last(1));
  Bytes frame;
  ASSERT_EQ(next(frame), "frame");
  EXPECT_EQ(frame, test_frame(60));
}

TEST_F(FrameStreamTest, empty_frame_is_a_frame) {
  write(length_prefix(0));
  Bytes frame(1);
  EXPECT_EQ(next(frame), "frame");
  EXPECT_TRUE(frame.empty());
}

TEST_F(FrameStreamTest, frame_of_the_largest_size_is_taken) {
  write(on_the_wire(test_frame(kMaxFrame)));
  Bytes frame;
  ASSERT_EQ(next(frame), "frame");
  EXPECT_EQ(frame, test_frame(kMaxFrame));
}

class FrameStreamBadLength : public FrameStreamTest,
                             public testing::WithParamInterface<uint32_t> {};

TEST_P(FrameStreamBadLength, is_the_end_before_its_bytes_come) {
  write(length_prefix(GetParam()));
  EXPECT_EQ(next(), "bad length");
  EXPECT_EQ(next(), "bad length");
}
INSTANTIATE_TEST_SUITE_P(Lengths, FrameStreamBadLength,
                         testing::Values(kMaxFrame + 1, 0x80000000U, 0xffffffffU));

TEST_F(FrameStreamTest, many_frames_pass_in_any_pieces) {
  constexpr int kFrames = 500;
  Bytes all;
  for (unsigned i = 0; i < kFrames; ++i) {
    const Bytes wire = on_the_wire(test_frame(14 + i * 37 % 9000, i));
    all.insert(all.end(), wire.begin(), wire.end());
  }
  size_t written = 0;
  unsigned received = 0;
  for (size_t piece = 1; written < all.size(); piece = piece * 7 % 30011) {
    const size_t size = std::min(piece, all.size() - written);
    write(std::span(all).subspan(written, size));
    written += size;
    for (Bytes frame; next(frame) == "frame"; ++received) {
      ASSERT_EQ(frame, test_frame(14 + received * 37 % 9000, received)) << received;
    }
  }
  EXPECT_EQ(received, static_cast<unsigned>(kFrames));
}

TEST_F(FrameStreamTest, close_by_the_other_side_is_the_end_even_inside_a_frame) {
  write(first(on_the_wire(test_frame(60)), 30));
  peer_.reset();
  EXPECT_EQ(next(), "closed");
}

TEST_F(FrameStreamTest, frames_leave_together_when_flushed) {
  EXPECT_TRUE(stream_.send(test_frame(60)).value());
  EXPECT_TRUE(stream_.send(test_frame(1514)).value());
  EXPECT_TRUE(read_all().empty());
  EXPECT_TRUE(stream_.flush().value());
  Bytes expected = on_the_wire(test_frame(60));
  const Bytes second = on_the_wire(test_frame(1514));
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(read_all(), expected);
}

TEST_F(FrameStreamTest, what_the_socket_does_not_take_is_kept_in_order) {
  Bytes expected;
  unsigned taken = 0;
  while (stream_.send(test_frame(9000, taken)).value()) {
    const Bytes wire = on_the_wire(test_frame(9000, taken++));
    expected.insert(expected.end(), wire.begin(), wire.end());
  }
  EXPECT_FALSE(stream_.flush().value());

  Bytes arrived;
  bool flushed = false;
  while (!flushed) {
    const Bytes part = read_all();
    arrived.insert(arrived.end(), part.begin(), part.end());
    flushed = stream_.flush().value();
  }
  const Bytes part = read_all();
  arrived.insert(arrived.end(), part.begin(), part.end());
  EXPECT_EQ(arrived, expected);
  EXPECT_TRUE(stream_.send(test_frame(60)).value());
}

TEST_F(FrameStreamTest, sending_to_a_closed_end_is_the_end_and_no_signal) {
  peer_.reset();
  EXPECT_TRUE(stream_.send(test_frame(60)).value());
  const auto result = stream_.flush();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), FrameStream::End::Closed);
}

}  // namespace
}  // namespace redoubt
