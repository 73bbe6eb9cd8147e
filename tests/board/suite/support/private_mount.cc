// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/private_mount.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {
namespace {

std::string why() { return std::generic_category().message(errno); }

constexpr size_t kBlock = 4096;

// Little-endian fields at their offsets in a block (Linux Documentation/filesystems/ext4).
class Block {
 public:
  void put16(size_t offset, uint16_t value) { std::memcpy(&bytes_.at(offset), &value, 2); }
  void put32(size_t offset, uint32_t value) { std::memcpy(&bytes_.at(offset), &value, 4); }
  void put_text(size_t offset, const std::string& text) {
    std::memcpy(&bytes_.at(offset), text.data(), text.size());
  }
  void set_bits(size_t first, size_t end) {
    for (size_t bit = first; bit < end; ++bit) bytes_.at(bit / 8) |= 1u << bit % 8;
  }
  void write(BorrowedFd file, size_t number) const {
    const auto offset = static_cast<off_t>(number * kBlock);
    if (::pwrite(file.get(), bytes_.data(), kBlock, offset) != ssize_t{kBlock}) {
      throw_errno("write to a memfd");
    }
  }

 private:
  std::array<uint8_t, kBlock> bytes_{};
};

constexpr uint32_t kBlocks = kExt2Size / kBlock;
constexpr uint32_t kInodes = 32;
constexpr uint32_t kReservedInodes = 10;
constexpr uint32_t kUsedBlocks = 6;  // superblock, groups, two bitmaps, inodes, root

}  // namespace

PrivateMount::PrivateMount(const std::string& type, const std::string& source) {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    throw Unavailable("no mount namespace: " + why());
  }
  if (::mount(source.c_str(), folder_.path().c_str(), type.c_str(), 0, nullptr) != 0) {
    throw Unavailable("no " + type + " on this host: " + why());
  }
}

PrivateMount::~PrivateMount() { ::umount2(folder_.path().c_str(), MNT_DETACH); }

LoopDevice::LoopDevice(size_t size) : content_(::memfd_create("loop", MFD_CLOEXEC)) {
  if (!content_.valid() || ::ftruncate(content_.get(), static_cast<off_t>(size)) != 0) {
    throw_errno("memfd");
  }
  const UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  const int number = control.valid() ? ::ioctl(control.get(), LOOP_CTL_GET_FREE) : -1;
  if (number < 0) throw Unavailable("no loop device: " + why());
  path_ = "/dev/loop" + std::to_string(number);
  const UniqueFd writable(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  loop_config config{};
  config.fd = static_cast<uint32_t>(content_.get());
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  if (!writable.valid() || ::ioctl(writable.get(), LOOP_CONFIGURE, &config) != 0) {
    throw Unavailable(path_ + ": " + why());
  }
  // Some kernels do not mount what somebody has open for writing.
  device_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
}

// Who still uses the device keeps it; it goes when they have.
LoopDevice::~LoopDevice() { ::ioctl(device_.get(), LOOP_CLR_FD); }

void format_ext2(const LoopDevice& device) {
  Block super;
  super.put32(1024 + 0, kInodes);
  super.put32(1024 + 4, kBlocks);
  super.put32(1024 + 12, kBlocks - kUsedBlocks);
  super.put32(1024 + 16, kInodes - kReservedInodes);
  super.put32(1024 + 24, 2);           // blocks of 1 KiB << 2
  super.put32(1024 + 28, 2);           // and clusters
  super.put32(1024 + 32, kBlock * 8);  // blocks of a group, at most
  super.put32(1024 + 36, kBlock * 8);
  super.put32(1024 + 40, kInodes);
  super.put16(1024 + 54, 0xffff);  // mounts until it wants to be checked
  super.put16(1024 + 56, 0xef53);
  super.put16(1024 + 58, 1);   // clean
  super.put32(1024 + 76, 1);   // has what follows
  super.put32(1024 + 84, 11);  // first inode for files
  super.put16(1024 + 88, 128);
  super.put32(1024 + 96, 2);  // directories tell the type of files
  super.write(device.content(), 0);

  Block groups;
  groups.put32(0, 2);
  groups.put32(4, 3);
  groups.put32(8, 4);
  groups.put16(12, kBlocks - kUsedBlocks);
  groups.put16(14, kInodes - kReservedInodes);
  groups.put16(16, 1);
  groups.write(device.content(), 1);

  Block used_blocks;
  used_blocks.set_bits(0, kUsedBlocks);
  used_blocks.set_bits(kBlocks, kBlock * 8);
  used_blocks.write(device.content(), 2);
  Block used_inodes;
  used_inodes.set_bits(0, kReservedInodes);
  used_inodes.set_bits(kInodes, kBlock * 8);
  used_inodes.write(device.content(), 3);

  Block inodes;  // the second one is the root
  inodes.put16(128 + 0, 0x41ed);
  inodes.put32(128 + 4, kBlock);
  inodes.put16(128 + 26, 2);
  inodes.put32(128 + 28, kBlock / 512);
  inodes.put32(128 + 40, 5);
  inodes.write(device.content(), 4);

  Block root;
  root.put32(0, 2);
  root.put16(4, 12);
  root.put16(6, 0x0201);  // a directory with a name of one letter
  root.put_text(8, ".");
  root.put32(12, 2);
  root.put16(16, kBlock - 12);
  root.put16(18, 0x0202);
  root.put_text(20, "..");
  root.write(device.content(), 5);
}

}  // namespace redoubt::suite
