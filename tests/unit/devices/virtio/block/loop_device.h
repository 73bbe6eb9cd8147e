// SPDX-License-Identifier: Apache-2.0
//
// LoopDevice: a block device over an image, where the test may make one.
#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "tests/unit/devices/virtio/block/temp_image.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class LoopDevice {
 public:
  explicit LoopDevice(const TempImage& image) : made_(attach(image)) {
    if (!made_) why_not_ = "no loop device: " + std::generic_category().message(errno);
  }
  ~LoopDevice() {
    if (made_) ::ioctl(fd_.get(), LOOP_CLR_FD, 0);
  }
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;

  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  bool attach(const TempImage& image) {
    const UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    const int number = control.valid() ? ::ioctl(control.get(), LOOP_CTL_GET_FREE) : -1;
    if (number < 0) return false;
    path_ = "/dev/loop" + std::to_string(number);
    fd_.reset(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
    return fd_.valid() && ::ioctl(fd_.get(), LOOP_SET_FD, image.fd().get()) == 0;
  }

  std::filesystem::path path_;
  UniqueFd fd_;
  std::string why_not_;
  bool made_;
};

}  // namespace redoubt
