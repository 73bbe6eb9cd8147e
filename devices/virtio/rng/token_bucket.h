// SPDX-License-Identifier: Apache-2.0
//
// TokenBucket: how much of something may be given out. It fills at a steady rate up to its capacity
// and is full at first. Not thread-safe; the caller says what time it is.
#pragma once

#include <chrono>
#include <cstdint>

namespace redoubt {

class TokenBucket {
 public:
  // `per_second` tokens, at most 10^9; neither may be 0.
  constexpr TokenBucket(uint64_t capacity, uint64_t per_second)
      : capacity_(capacity), tokens_(capacity), token_time_(kSecond / per_second) {}

  // Takes `amount`, at most the capacity, and returns zero; or takes nothing, and returns after how
  // long to ask again. `now` counts from any fixed time and does not go back.
  [[nodiscard]] std::chrono::nanoseconds take(uint64_t amount, std::chrono::nanoseconds now) {
    const auto filled = static_cast<uint64_t>((now - filled_) / token_time_);
    if (filled >= capacity_ - tokens_) {
      tokens_ = capacity_;
      filled_ = now;
    } else {
      tokens_ += filled;
      filled_ += token_time_ * filled;  // not `now`: a part of a token is not lost
    }
    if (amount <= tokens_) {
      tokens_ -= amount;
      return std::chrono::nanoseconds::zero();
    }
    return filled_ + token_time_ * (amount - tokens_) - now;
  }

 private:
  static constexpr std::chrono::nanoseconds kSecond = std::chrono::seconds(1);

  const uint64_t capacity_;
  uint64_t tokens_;
  const std::chrono::nanoseconds token_time_;
  std::chrono::nanoseconds filled_{};  // when tokens_ was right
};

}  // namespace redoubt
