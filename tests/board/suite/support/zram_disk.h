// SPDX-License-Identifier: Apache-2.0
//
// ZramDisk: a disk of the host's memory that nobody else uses, and swap space on it. Both go with
// their objects. Throws Unavailable where the host has no zram or the user is not root.
#pragma once

#include <cstddef>
#include <string>

namespace redoubt::suite {

class ZramDisk {
 public:
  explicit ZramDisk(size_t size);
  ~ZramDisk();
  ZramDisk(const ZramDisk&) = delete;
  ZramDisk& operator=(const ZramDisk&) = delete;

  [[nodiscard]] std::string path() const { return "/dev/zram" + number_; }

 private:
  std::string number_;
};

class SwapSpace {
 public:
  explicit SwapSpace(size_t size);
  ~SwapSpace();
  SwapSpace(const SwapSpace&) = delete;
  SwapSpace& operator=(const SwapSpace&) = delete;

 private:
  ZramDisk disk_;
};

}  // namespace redoubt::suite
