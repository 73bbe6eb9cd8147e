// SPDX-License-Identifier: Apache-2.0
//
// FakeBackend: a host's network in memory. A test puts frames into it and sees what was sent;
// whether it is readable and writable is that of real sockets. It reads ahead: with the first of
// several frames that wait it has all of them, and is readable no longer.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include "devices/virtio/net/net_backend.h"
#include "devices/virtio/net/net_features.h"

namespace redoubt {

using Bytes = std::vector<std::byte>;

// A frame of that length in which no two neighbouring bytes are alike.
inline Bytes test_frame(size_t length, unsigned seed = 1) {
  Bytes frame(length);
  for (size_t i = 0; i < length; ++i) frame[i] = static_cast<std::byte>(i * 7 + i / 251 + seed);
  return frame;
}

inline Bytes first(Bytes bytes, size_t size) {
  bytes.resize(size);
  return bytes;
}

class FakeBackend final : public NetBackend {
 public:
  struct SentFrame {
    uint16_t pair;
    NetHeader header;
    Bytes frame;
  };

  explicit FakeBackend(uint16_t pairs = 1, uint64_t features = virtio::kNetOffloads)
      : features_(features), links_(pairs) {
    for (Link& link : links_) {
      std::array<int, 2> fds{};
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) != 0) {
        throw std::runtime_error("socketpair");
      }
      link.ours = UniqueFd(fds[0]);
      link.host = UniqueFd(fds[1]);
    }
  }

  // --- The test's side
  void deliver(Bytes frame, NetHeader header = {}, uint16_t pair = 0) {
    Link& link = links_.at(pair);
    if (link.incoming.empty()) static_cast<void>(!::write(link.host.get(), "!", 1));
    link.incoming.emplace_back(header, std::move(frame));
  }
  // Frames that the device has not fetched.
  [[nodiscard]] size_t waiting(uint16_t pair = 0) const { return links_.at(pair).incoming.size(); }
  // From now on nothing can be sent, and fd() is not writable, until unblock().
  void block(uint16_t pair = 0) {
    const Bytes block(4096);
    while (::write(links_.at(pair).ours.get(), block.data(), block.size()) > 0) {
    }
    links_.at(pair).blocked = true;
  }
  void unblock(uint16_t pair = 0) {
    Bytes block(4096);
    while (::read(links_.at(pair).host.get(), block.data(), block.size()) > 0) {
    }
    links_.at(pair).blocked = false;
  }
  void refuse(bool refused) { refuse_ = refused; }
  void refuse_pairs(bool refused) { refuse_pairs_ = refused; }
  // What was taken is not sent yet, for so many calls of flush().
  void hold_back(int flushes) { flushes_to_go_ = flushes; }
  void end(std::string why) {
    gone_ = std::move(why);
    for (Link& link : links_) link.host.reset();
  }
  [[nodiscard]] std::vector<SentFrame> take_sent() { return std::exchange(sent_, {}); }
  [[nodiscard]] uint64_t offloads() const { return offloads_; }
  [[nodiscard]] uint16_t active_pairs() const { return active_; }
  [[nodiscard]] int flushes_to_go() const { return flushes_to_go_; }

  // --- NetBackend
  [[nodiscard]] uint64_t features() const override { return features_; }
  [[nodiscard]] uint16_t pairs() const override { return static_cast<uint16_t>(links_.size()); }
  [[nodiscard]] BorrowedFd fd(uint16_t pair) const override { return links_.at(pair).ours; }
  void set_offloads(uint64_t negotiated) override { offloads_ = negotiated; }
  [[nodiscard]] bool set_pairs(uint16_t count) override {
    if (refuse_pairs_ && count != active_) return false;
    active_ = count;
    return true;
  }
  [[nodiscard]] Result<std::optional<Frame>, Gone> receive(uint16_t pair) override {
    if (gone_) return Unexpected(Gone{*gone_});
    Link& link = links_.at(pair);
    std::array<char, 16> marks{};
    static_cast<void>(!::read(link.ours.get(), marks.data(), marks.size()));
    if (link.incoming.empty()) return std::nullopt;
    link.current = std::move(link.incoming.front().second);
    const NetHeader header = link.incoming.front().first;
    link.incoming.pop_front();
    return Frame{header, link.current};
  }
  [[nodiscard]] Result<Sent, Gone> send(uint16_t pair, const NetHeader& header,
                                        std::span<const std::byte> frame) override {
    if (gone_) return Unexpected(Gone{*gone_});
    if (links_.at(pair).blocked) return Sent::NotNow;
    if (refuse_) return Sent::Refused;
    sent_.push_back({pair, header, Bytes(frame.begin(), frame.end())});
    return Sent::Taken;
  }
  [[nodiscard]] Result<bool, Gone> flush(uint16_t) override {
    if (gone_) return Unexpected(Gone{*gone_});
    if (flushes_to_go_ == 0) return true;
    return --flushes_to_go_ == 0;
  }

 private:
  struct Link {
    UniqueFd ours;
    UniqueFd host;
    std::deque<std::pair<NetHeader, Bytes>> incoming;
    Bytes current;
    bool blocked = false;
  };

  const uint64_t features_;
  std::vector<Link> links_;
  std::vector<SentFrame> sent_;
  std::optional<std::string> gone_;
  bool refuse_ = false;
  bool refuse_pairs_ = false;
  int flushes_to_go_ = 0;
  uint64_t offloads_ = 0;
  uint16_t active_ = 1;
};

}  // namespace redoubt
