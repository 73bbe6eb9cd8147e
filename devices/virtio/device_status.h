// SPDX-License-Identifier: Apache-2.0
//
// The device status field (virtio 1.3, 2.1) and what a driver's write makes of it.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace redoubt::virtio {

inline constexpr uint32_t kAcknowledge = 1;  // the guest has seen the device
inline constexpr uint32_t kDriver = 2;       // it has a driver for it
inline constexpr uint32_t kDriverOk = 4;     // the driver is ready
inline constexpr uint32_t kFeaturesOk = 8;   // both agree on the features
inline constexpr uint32_t kNeedsReset = 64;  // set by the device, when it cannot go on
inline constexpr uint32_t kFailed = 128;     // the driver has given up

// What `status` becomes when the driver writes `written`, which is not 0:
//
//   0 ──ACKNOWLEDGE──▶ ──DRIVER──▶ ──FEATURES_OK──▶ ──DRIVER_OK──▶ up
//        features may be chosen ─┘                └─ queues may be set up
//
// Each step needs the one before it, in this write or an earlier one; a bit that comes too early is
// ignored. No bit is ever cleared (2.1.1 forbids the driver to), except by a reset, the write of 0.
// FAILED may come at any time. After it, or once the device needs a reset, no step is taken.
// Whether the chosen features can be agreed on is for the caller to judge.
[[nodiscard]] constexpr uint32_t status_after_write(uint32_t status, uint32_t written) {
  if ((status & (kNeedsReset | kFailed)) == 0) {
    for (const uint32_t step : {kAcknowledge, kDriver, kFeaturesOk, kDriverOk}) {
      if (((status | written) & step) == 0) break;
      status |= step;
    }
  }
  return status | (written & kFailed);
}

}  // namespace redoubt::virtio
