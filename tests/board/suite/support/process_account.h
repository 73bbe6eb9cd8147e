// SPDX-License-Identifier: Apache-2.0
//
// What a process that says nothing is doing, for the message of a test that has waited in vain: its
// threads with their kernel stacks, its timers and events, its guests' exits, and the host's
// timers. Two accounts tell what still moves. What this user may not see is left out.
#pragma once

#include <string>

#include <sys/types.h>

namespace redoubt::suite {

[[nodiscard]] std::string account_of(pid_t pid);

}  // namespace redoubt::suite
