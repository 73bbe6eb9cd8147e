// SPDX-License-Identifier: Apache-2.0
//
// Flow control of a stream (virtio 1.3, 5.10.6.3). All counters are free-running modulo 2^32, and
// those of the peer are whatever it says: every result here stays within the bounds that are ours.
#pragma once

#include <cstdint>

namespace redoubt {

// What the peer lets us send.
class SendCredit {
 public:
  void update(uint32_t buf_alloc, uint32_t fwd_cnt) {
    buf_alloc_ = buf_alloc;
    fwd_cnt_ = fwd_cnt;
  }
  void sent(uint32_t bytes) { sent_ += bytes; }

  // Nothing, if the peer has shrunk its buffer below what is under way, or acknowledges what was
  // never sent.
  [[nodiscard]] uint32_t available() const {
    const uint32_t under_way = sent_ - fwd_cnt_;
    return under_way < buf_alloc_ ? buf_alloc_ - under_way : 0;
  }

 private:
  uint32_t buf_alloc_ = 0;
  uint32_t fwd_cnt_ = 0;
  uint32_t sent_ = 0;
};

// What we let the peer send: at most kBufAlloc bytes wait here.
class ReceiveCredit {
 public:
  static constexpr uint32_t kBufAlloc = 256 * 1024;

  [[nodiscard]] uint32_t waiting() const { return received_ - forwarded_; }
  [[nodiscard]] bool admits(uint32_t bytes) const { return bytes <= kBufAlloc - waiting(); }

  // `bytes` were admitted; at most waiting() are forwarded.
  void received(uint32_t bytes) { received_ += bytes; }
  void forwarded(uint32_t bytes) { forwarded_ += bytes; }

  // fwd_cnt for a packet that is sent now.
  [[nodiscard]] uint32_t tell() { return told_ = forwarded_; }
  // The peer believes that half of the buffer is full, and part of that is gone.
  [[nodiscard]] bool worth_telling() const {
    return told_ != forwarded_ && received_ - told_ >= kBufAlloc / 2;
  }

 private:
  uint32_t received_ = 0;
  uint32_t forwarded_ = 0;
  uint32_t told_ = 0;
};

}  // namespace redoubt
