// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/connect_line.h"

#include <optional>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace redoubt {
namespace {

using State = ConnectLine::State;

std::optional<uint32_t> port_of(std::string_view text) {
  ConnectLine line;
  (void)line.take(text);
  if (line.state() != State::Complete) return std::nullopt;
  return line.port();
}

State state_of(std::string_view text) {
  ConnectLine line;
  (void)line.take(text);
  return line.state();
}

TEST(ConnectLine, port_is_read) {
  EXPECT_EQ(port_of("CONNECT 52\n"), 52u);
  EXPECT_EQ(port_of("CONNECT 0\n"), 0u);
  EXPECT_EQ(port_of("CONNECT 4294967295\n"), 4'294'967'295u);
}

TEST(ConnectLine, clients_are_understood_as_they_are) {
  EXPECT_EQ(port_of("connect 52\n"), 52u);
  EXPECT_EQ(port_of("Connect  52 \r\n"), 52u);
  EXPECT_EQ(port_of("CONNECT\t52\n"), 52u);
}

TEST(ConnectLine, what_says_something_else_is_bad) {
  for (const std::string_view text :
       {"\n", "CONNECT\n", "CONNECT \n", "CONNECT52\n", "CONNECT x\n", "CONNECT -1\n",
        "CONNECT +1\n", "CONNECT 5 2\n", "CONNECT 52x\n", "CONNECT 0x10\n", " CONNECT 52\n",
        "CONNECT 4294967296\n", "CONNECT 99999999999999999999\n", "CONNEC 52\n", "GET / HTTP\n"}) {
    EXPECT_EQ(state_of(text), State::Bad) << text;
  }
  EXPECT_EQ(state_of(std::string_view("CONNECT 5\0\n", 11)), State::Bad);
  EXPECT_EQ(state_of(std::string_view("\0\n", 2)), State::Bad);
}

TEST(ConnectLine, bytes_behind_the_line_are_left_alone) {
  ConnectLine line;
  EXPECT_EQ(line.take("CONNECT 52\nGET /"), 11u);
  EXPECT_EQ(line.state(), State::Complete);
}

// Row 55: a line in any pieces is one line.
TEST(ConnectLine, line_may_come_in_any_two_pieces) {
  constexpr std::string_view kText = "CONNECT 1024\n";
  for (size_t cut = 1; cut < kText.size(); ++cut) {
    ConnectLine line;
    EXPECT_EQ(line.take(kText.substr(0, cut)), cut);
    EXPECT_EQ(line.state(), State::Partial);
    EXPECT_EQ(line.take(kText.substr(cut)), kText.size() - cut);
    EXPECT_EQ(line.state(), State::Complete);
    EXPECT_EQ(line.port(), 1024u);
  }
}

TEST(ConnectLine, line_may_come_byte_by_byte) {
  ConnectLine line;
  for (const char c : std::string_view("CONNECT 7\n")) EXPECT_EQ(line.take({&c, 1}), 1u);
  EXPECT_EQ(line.state(), State::Complete);
  EXPECT_EQ(line.port(), 7u);
}

TEST(ConnectLine, line_of_the_longest_length_is_read_and_a_longer_one_is_bad) {
  const std::string blanks(ConnectLine::kMaxBytes - std::string_view("CONNECT 7\n").size(), ' ');
  EXPECT_EQ(port_of("CONNECT " + blanks + "7\n"), 7u);
  EXPECT_EQ(state_of("CONNECT " + blanks + " 7\n"), State::Bad);
}

TEST(ConnectLine, line_without_an_end_becomes_bad_at_once) {
  EXPECT_EQ(state_of(std::string(ConnectLine::kMaxBytes - 1, 'C')), State::Partial);
  EXPECT_EQ(state_of(std::string(ConnectLine::kMaxBytes, 'C')), State::Bad);
  EXPECT_EQ(state_of(std::string(1 << 20, 'C')), State::Bad);
}

// Row 55: whatever bytes come in whatever pieces, the line ends, and it takes no more than it may.
TEST(ConnectLine, no_stream_of_bytes_leads_astray) {
  std::mt19937 random(55);
  constexpr std::string_view kLikely = "CONNECTconnect 0123456789\r\n\t-+\0x";
  for (int round = 0; round < 200'000; ++round) {
    ConnectLine line;
    size_t total = 0;
    while (line.state() == State::Partial) {
      std::string piece(random() % 12 + 1, ' ');
      for (char& c : piece) c = kLikely[random() % kLikely.size()];
      const size_t taken = line.take(piece);
      ASSERT_GT(taken, 0u);
      ASSERT_LE(taken, piece.size());
      total += taken;
      ASSERT_TRUE(line.state() == State::Bad || total <= ConnectLine::kMaxBytes);
    }
  }
}

}  // namespace
}  // namespace redoubt
