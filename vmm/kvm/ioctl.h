// SPDX-License-Identifier: Apache-2.0
//
// Typed ioctls. A request is declared once, in requests.h, with the type of its argument; a type
// that does not fit the number's own encoding does not compile, and every error names its request.
#pragma once

#include <cerrno>
#include <cstdint>

#include <sys/ioctl.h>

#include "vmm/base/setup_error.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::kvm {

// _IO: the argument, if any, is a number; the result is one too.
class IoctlValue {
 public:
  consteval IoctlValue(unsigned long number, const char* name) : number_(number), name_(name) {
    if (_IOC_SIZE(number) != 0) throw "the request takes a structure";
  }
  int operator()(BorrowedFd fd, unsigned long argument = 0) const {
    const int result = ::ioctl(fd.get(), number_, argument);
    if (result < 0) throw_errno(name_);
    return result;
  }
  // -1 and errno instead of an exception.
  [[nodiscard]] int attempt(BorrowedFd fd, unsigned long argument = 0) const {
    return ::ioctl(fd.get(), number_, argument);
  }

 private:
  unsigned long number_;
  const char* name_;
};

// _IOW: the kernel reads the argument.
template <class Argument>
class IoctlIn {
 public:
  consteval IoctlIn(unsigned long number, const char* name) : number_(number), name_(name) {
    if (_IOC_SIZE(number) != sizeof(Argument)) throw "the argument has another size";
    if (_IOC_DIR(number) != _IOC_WRITE) throw "the kernel does not read this argument";
  }
  int operator()(BorrowedFd fd, const Argument& argument) const {
    const int result = attempt(fd, argument);
    if (result < 0) throw_errno(name_);
    return result;
  }
  [[nodiscard]] int attempt(BorrowedFd fd, const Argument& argument) const {
    return ::ioctl(fd.get(), number_, &argument);
  }

 private:
  unsigned long number_;
  const char* name_;
};

// _IOR and _IOWR: the kernel writes the argument.
template <class Argument>
class IoctlOut {
 public:
  consteval IoctlOut(unsigned long number, const char* name) : number_(number), name_(name) {
    if (_IOC_SIZE(number) != sizeof(Argument)) throw "the argument has another size";
    if ((_IOC_DIR(number) & _IOC_READ) == 0) throw "the kernel does not write this argument";
  }
  int operator()(BorrowedFd fd, Argument& argument) const {
    const int result = attempt(fd, argument);
    if (result < 0) throw_errno(name_);
    return result;
  }
  [[nodiscard]] int attempt(BorrowedFd fd, Argument& argument) const {
    return ::ioctl(fd.get(), number_, &argument);
  }

 private:
  unsigned long number_;
  const char* name_;
};

}  // namespace redoubt::kvm
