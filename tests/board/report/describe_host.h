// SPDX-License-Identifier: Apache-2.0
//
// describe_host: makes the environment of a report of what was read of a host. Pure.
#pragma once

#include "tests/board/report/environment.h"
#include "tests/board/report/host_reading.h"

namespace redoubt::report {

[[nodiscard]] Environment describe_host(const HostReading& reading);

}  // namespace redoubt::report
