// SPDX-License-Identifier: Apache-2.0
//
// The queues that packets take, of network and socket devices alike (virtio 1.3, 5.1.2, 5.10.2).
#pragma once

#include <cstdint>

namespace redoubt {

inline constexpr uint16_t kRx = 0;
inline constexpr uint16_t kTx = 1;

}  // namespace redoubt
