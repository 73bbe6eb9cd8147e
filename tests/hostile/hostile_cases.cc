// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/hostile_cases.h"

namespace redoubt::hostile {

std::vector<HostileCase> hostile_cases(bool is_protected) {
  std::vector<HostileCase> all;
  for (const auto& cases : {descriptor_cases(), ring_cases(), transport_cases(), block_cases(),
                            network_cases(), vsock_cases(), console_cases(), memory_cases()}) {
    for (const HostileCase& one : cases) {
      if (is_protected || one.guest == HostileCase::Guest::Any) all.push_back(one);
    }
  }
  return all;
}

}  // namespace redoubt::hostile
