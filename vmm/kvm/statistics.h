// SPDX-License-Identifier: Apache-2.0
//
// What KVM counts of a VM or of a vCPU, by name (api.rst, 4.133, KVM_GET_STATS_FD). Which names
// there are is up to the kernel: one that this program knows and the kernel does not is no error.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::kvm {

class Statistics {
 public:
  // From a file that KVM_GET_STATS_FD has opened. EBADMSG if it is not made as the kernel
  // documents.
  [[nodiscard]] static Result<Statistics, std::error_code> read(BorrowedFd file);

  // The statistic of that name, if it is a plain number: no histogram, no unit, no exponent.
  [[nodiscard]] std::optional<uint64_t> value(std::string_view name) const;

 private:
  std::map<std::string, uint64_t, std::less<>> values_;
};

}  // namespace redoubt::kvm
