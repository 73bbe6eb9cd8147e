// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/host_hypercall.h"

#include <array>
#include <charconv>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {

HostHypercall::HostHypercall(BorrowedFd vm, unsigned vcpu)
    : device_(::open("/dev/pkvm-hypercall", O_RDWR | O_CLOEXEC)), vm_(vm.get()), vcpu_(vcpu) {
  if (!device_.valid()) {
    throw Unavailable("the module of kernel-patches/hypercall is not loaded, or not for this user");
  }
}

int64_t HostHypercall::call(std::string_view name, std::initializer_list<uint64_t> arguments) {
  return request(name, "", arguments);
}

int64_t HostHypercall::call_about_vm(std::string_view name,
                                     std::initializer_list<uint64_t> arguments) {
  return request(name, " vm", arguments);
}

int64_t HostHypercall::request(std::string_view name, std::string_view first,
                               std::initializer_list<uint64_t> arguments) {
  std::string text = std::to_string(vm_) + " " + std::to_string(vcpu_) + " ";
  text.append(name).append(first);
  for (const uint64_t argument : arguments) text += " " + std::to_string(argument);
  if (::write(device_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw_errno("hypercall " + text);
  }
  std::array<char, 32> answer{};
  const ssize_t size = ::read(device_.get(), answer.data(), answer.size());
  int64_t value = 0;
  if (size <= 0 || std::from_chars(answer.data(), answer.data() + size, value).ec != std::errc{}) {
    throw std::system_error(EIO, std::generic_category(), "answer to hypercall " + text);
  }
  return value;
}

}  // namespace redoubt::suite
