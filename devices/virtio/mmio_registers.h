// SPDX-License-Identifier: Apache-2.0
//
// The registers of virtio over MMIO, version 2 (virtio 1.3, table 4.1): 32 bits wide each, at word
// offsets, then the device's configuration space.
#pragma once

#include <cstdint>

namespace redoubt::virtio {

enum class MmioRegister : uint64_t {
  MagicValue = 0x000,         // R   "virt"
  Version = 0x004,            // R   2
  DeviceID = 0x008,           // R   VIRTIO_ID_*
  VendorID = 0x00c,           // R
  DeviceFeatures = 0x010,     // R   the word that DeviceFeaturesSel selects
  DeviceFeaturesSel = 0x014,  //  W
  DriverFeatures = 0x020,     //  W  the word that DriverFeaturesSel selects
  DriverFeaturesSel = 0x024,  //  W
  QueueSel = 0x030,           //  W  which queue the Queue… registers mean
  QueueNumMax = 0x034,        // R   0: no such queue
  QueueNum = 0x038,           //  W  its size
  QueueReady = 0x044,         // RW
  QueueNotify = 0x050,        //  W  the index of a queue with new requests
  InterruptStatus = 0x060,    // R   kUsedBuffer, kConfigChange
  InterruptACK = 0x064,       //  W
  Status = 0x070,             // RW  device_status.h
  QueueDescLow = 0x080,       //  W  descriptor table
  QueueDescHigh = 0x084,      //  W
  QueueDriverLow = 0x090,     //  W  available ring
  QueueDriverHigh = 0x094,    //  W
  QueueDeviceLow = 0x0a0,     //  W  used ring
  QueueDeviceHigh = 0x0a4,    //  W
  SHMSel = 0x0ac,             //  W
  SHMLenLow = 0x0b0,          // R   all ones: no such region
  SHMLenHigh = 0x0b4,         // R
  SHMBaseLow = 0x0b8,         // R
  SHMBaseHigh = 0x0bc,        // R
  QueueReset = 0x0c0,         // RW  with RING_RESET
  ConfigGeneration = 0x0fc,   // R
};

inline constexpr uint64_t kConfigOffset = 0x100;  // of the configuration space

// InterruptStatus, InterruptACK.
inline constexpr uint32_t kUsedBuffer = 1;
inline constexpr uint32_t kConfigChange = 2;

}  // namespace redoubt::virtio
