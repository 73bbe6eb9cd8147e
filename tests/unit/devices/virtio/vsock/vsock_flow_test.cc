// SPDX-License-Identifier: Apache-2.0
//
// Credit both ways.
#include <string>

#include "tests/unit/devices/virtio/vsock/vsock_fixture.h"

namespace redoubt {
namespace {

class VsockFlowTest : public VsockTest {};

TEST_F(VsockFlowTest, guest_learns_its_credit_when_it_asks) {
  start();
  const UniqueFd end = established();
  ASSERT_TRUE(write("12345"));
  ASSERT_TRUE(send(Op::CreditRequest));
  const auto update = next();
  ASSERT_TRUE(update);
  EXPECT_EQ(update->op(), Op::CreditUpdate);
  EXPECT_EQ(uint32_t{update->header.fwd_cnt}, 5u);
  EXPECT_EQ(uint32_t{update->header.buf_alloc}, ReceiveCredit::kBufAlloc);
}

TEST_F(VsockFlowTest, guest_that_fills_the_buffer_is_told_when_the_host_reads) {
  start();
  const UniqueFd end = established();
  // The socket takes some; the last of its credit the guest has to wait for.
  uint32_t sent = 0;
  uint32_t forwarded = 0;
  while (sent - forwarded < ReceiveCredit::kBufAlloc) {
    ASSERT_TRUE(write(std::string(32 * 1024, 'x')));
    sent += 32 * 1024;
    run_some(loop);
    collect();
    for (const Packet& packet : incoming) forwarded = packet.header.fwd_cnt;
    incoming.clear();
  }
  EXPECT_EQ(next(), std::nullopt);

  EXPECT_GT(read_available(end).size(), 0u);

  const auto update = next();
  ASSERT_TRUE(update);
  EXPECT_EQ(update->op(), Op::CreditUpdate);
  EXPECT_GT(uint32_t{update->header.fwd_cnt}, forwarded);
}

TEST_F(VsockFlowTest, host_data_stops_at_the_guests_credit_and_goes_on_with_it) {
  start();
  server.emplace(path, kHostPort);
  Header request = header(Op::Request);
  request.buf_alloc = 10;
  ASSERT_TRUE(send(request));
  ASSERT_EQ(next_op(), Op::Response);
  const UniqueFd end = server->accept();
  ASSERT_TRUE(write_text(end, "0123456789abcdef"));

  EXPECT_EQ(read(10), "0123456789");
  EXPECT_EQ(next_op(), Op::CreditRequest);
  EXPECT_EQ(next(), std::nullopt);
  Header update = header(Op::CreditUpdate);
  update.buf_alloc = 10;
  update.fwd_cnt = 4;
  ASSERT_TRUE(send(update));
  EXPECT_EQ(read(4), "abcd");
}

TEST_F(VsockFlowTest, megabytes_pass_both_ways_unchanged) {
  start();
  const UniqueFd end = established();
  std::string text(2 << 20, ' ');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 2654435761u >> 24);
  std::string at_host;
  std::string at_guest;
  size_t host_wrote = 0;
  size_t guest_wrote = 0;
  uint32_t room = ReceiveCredit::kBufAlloc;
  EXPECT_TRUE(run_until(loop, [&] {
    const ssize_t size =
        ::send(end.get(), text.data() + host_wrote, text.size() - host_wrote, MSG_DONTWAIT);
    if (size > 0) host_wrote += static_cast<size_t>(size);
    at_host += read_available(end);
    collect();
    for (const Packet& packet : incoming) {
      at_guest += packet.payload;
      room = ReceiveCredit::kBufAlloc -
             (static_cast<uint32_t>(guest_wrote) - uint32_t{packet.header.fwd_cnt});
    }
    incoming.clear();
    Header update = header(Op::CreditUpdate);
    update.fwd_cnt = static_cast<uint32_t>(at_guest.size());
    EXPECT_TRUE(send(update));
    const size_t piece = std::min({text.size() - guest_wrote, size_t{room}, size_t{60'000}});
    if (piece > 0) {
      Header packet = header(Op::Rw);
      packet.len = static_cast<uint32_t>(piece);
      packet.fwd_cnt = update.fwd_cnt;
      EXPECT_TRUE(send(packet, std::string_view(text).substr(guest_wrote, piece)));
      guest_wrote += piece;
      room -= static_cast<uint32_t>(piece);
    }
    return at_host.size() >= text.size() && at_guest.size() >= text.size();
  }));
  EXPECT_TRUE(at_host == text);
  EXPECT_TRUE(at_guest == text);
}

}  // namespace
}  // namespace redoubt
