// SPDX-License-Identifier: Apache-2.0
//
// GuestAddress and GuestRange: where something is in the guest's physical address space (an IPA).
// A length is checked once, when the range is made; afterwards start, end and last byte can be
// used without a thought for wrap-around. Values only: nothing here touches memory.
#pragma once

#include <cassert>
#include <compare>
#include <cstdint>
#include <limits>
#include <optional>

namespace redoubt {

class GuestAddress {
 public:
  constexpr GuestAddress() = default;
  explicit constexpr GuestAddress(uint64_t value) : value_(value) {}

  [[nodiscard]] constexpr uint64_t value() const { return value_; }
  constexpr auto operator<=>(const GuestAddress&) const = default;

  // Nothing, if the sum does not fit 64 bits.
  [[nodiscard]] constexpr std::optional<GuestAddress> checked_add(uint64_t offset) const {
    if (offset > std::numeric_limits<uint64_t>::max() - value_) return std::nullopt;
    return GuestAddress(value_ + offset);
  }

 private:
  uint64_t value_ = 0;
};

// [start, end): never empty, and end is always representable, so a range cannot contain the very
// last byte of the 64-bit space.
class GuestRange {
 public:
  // For numbers somebody else chose: nothing if the size is 0 or the range would wrap around.
  [[nodiscard]] static constexpr std::optional<GuestRange> make(GuestAddress start, uint64_t size) {
    if (size == 0 || !start.checked_add(size)) return std::nullopt;
    return GuestRange(start, size);
  }

  // For constants and sizes already checked: a bad one is our own bug.
  constexpr GuestRange(GuestAddress start, uint64_t size) : start_(start), size_(size) {
    assert(size != 0 && start.checked_add(size));
  }

  [[nodiscard]] constexpr GuestAddress start() const { return start_; }
  [[nodiscard]] constexpr uint64_t size() const { return size_; }
  // One past the last byte.
  [[nodiscard]] constexpr GuestAddress end() const { return GuestAddress(start_.value() + size_); }

  [[nodiscard]] constexpr bool contains(GuestAddress address) const {
    return start_ <= address && address < end();
  }
  [[nodiscard]] constexpr bool contains(GuestRange other) const {
    return start_ <= other.start_ && other.end() <= end();
  }
  [[nodiscard]] constexpr bool overlaps(GuestRange other) const {
    return start_ < other.end() && other.start_ < end();
  }

  constexpr bool operator==(const GuestRange&) const = default;

 private:
  GuestAddress start_;
  uint64_t size_;
};

}  // namespace redoubt
