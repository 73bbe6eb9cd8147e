// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/zram_disk.h"

#include <array>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <sys/swap.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/host_state.h"
#include "vmm/base/setup_error.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {
namespace {

const std::string kControl = "/sys/class/zram-control/";

// What mkswap(8) writes: Linux include/linux/swap.h, union swap_header.
void write_swap_header(const std::string& path, size_t size) {
  constexpr size_t kVersionAt = 1024;
  constexpr std::array<char, 10> kMagic = {'S', 'W', 'A', 'P', 'S', 'P', 'A', 'C', 'E', '2'};
  std::vector<std::byte> page(page_size());
  const std::array<uint32_t, 3> header = {1, static_cast<uint32_t>(size / page_size() - 1), 0};
  std::memcpy(page.data() + kVersionAt, header.data(), sizeof header);
  std::memcpy(page.data() + page.size() - kMagic.size(), kMagic.data(), kMagic.size());
  const UniqueFd disk(::open(path.c_str(), O_WRONLY | O_SYNC | O_CLOEXEC));
  if (::pwrite(disk.get(), page.data(), page.size(), 0) != static_cast<ssize_t>(page.size())) {
    throw_errno("write of a swap header");
  }
}

}  // namespace

ZramDisk::ZramDisk(size_t size) {
  // Reading the file makes a disk and tells its number.
  number_ = read_file(kControl + "hot_add").value_or("");
  if (number_.empty()) throw Unavailable("no zram on this host, or not for this user");
  number_.pop_back();
  if (!write_file("/sys/block/zram" + number_ + "/disksize", std::to_string(size))) {
    write_file(kControl + "hot_remove", number_);
    throw Unavailable("this host does not give a zram disk a size");
  }
}

ZramDisk::~ZramDisk() {
  write_file("/sys/block/zram" + number_ + "/reset", "1");
  write_file(kControl + "hot_remove", number_);
}

SwapSpace::SwapSpace(size_t size) : disk_(size) {
  write_swap_header(disk_.path(), size);
  if (::swapon(disk_.path().c_str(), 0) != 0) throw Unavailable("this host takes no swap space");
}

SwapSpace::~SwapSpace() { ::swapoff(disk_.path().c_str()); }

}  // namespace redoubt::suite
