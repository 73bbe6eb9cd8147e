// SPDX-License-Identifier: Apache-2.0
//
// Whether messages are written in colours.
#pragma once

#include "vmm/base/unique_fd.h"
#include "vmm/config/config_error.h"

namespace redoubt::cli {

// Off, unless `fd` is a terminal that knows colours and NO_COLOR is unset or
// empty.
[[nodiscard]] config::Colors colors_for(BorrowedFd fd);

}  // namespace redoubt::cli
