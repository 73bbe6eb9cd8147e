// SPDX-License-Identifier: Apache-2.0
//
// The named attacks of a hostile driver: one class of bugs each that has broken a VMM, and what is
// particular to a guest that can take its memory back. Each ends with the device at work again; on
// the board and natively they tell the same.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "tests/hostile/program.h"

namespace redoubt::hostile {

struct HostileCase {
  enum class Guest {
    Any,
    Protected,  // only it can take memory back
  };

  std::string_view name;
  Guest guest;
  void (*build)(Program&);
};

// For lists of cases: the name is the function's.
#define REDOUBT_HOSTILE(function) \
  ::redoubt::hostile::HostileCase { #function, HostileCase::Guest::Any, function }
#define REDOUBT_HOSTILE_PROTECTED(function) \
  ::redoubt::hostile::HostileCase { #function, HostileCase::Guest::Protected, function }

// By what they attack.
[[nodiscard]] std::span<const HostileCase> descriptor_cases();
[[nodiscard]] std::span<const HostileCase> ring_cases();
[[nodiscard]] std::span<const HostileCase> transport_cases();
[[nodiscard]] std::span<const HostileCase> block_cases();
[[nodiscard]] std::span<const HostileCase> network_cases();
[[nodiscard]] std::span<const HostileCase> vsock_cases();
[[nodiscard]] std::span<const HostileCase> console_cases();
[[nodiscard]] std::span<const HostileCase> memory_cases();

// All of them that such a guest can do, in this order.
[[nodiscard]] std::vector<HostileCase> hostile_cases(bool is_protected);

}  // namespace redoubt::hostile
