// SPDX-License-Identifier: Apache-2.0
//
// QueueError: how a driver can break a virtqueue. Whichever it is, the device sets
// DEVICE_NEEDS_RESET and leaves its queues alone until the driver resets it (virtio 1.3, 2.1.2).
#pragma once

#include <string_view>

namespace redoubt {

enum class QueueError {
  OutOfRange,             // an address outside the memory that devices may use
  Misaligned,             // a ring that does not have the alignment of 2.7
  Inaccessible,           // memory that the driver has taken back
  TooManyAvailable,       // the available index ran ahead by more than the queue's size
  BadDescriptorIndex,     // a head or next at or beyond the end of the table
  HeadInFlight,           // a head made available again before it was used
  ChainTooLong,           // more descriptors than the queue's size: a loop, or 2.7.5.2 broken
  BufferTooLong,          // the buffers of a chain add up to 4 GiB or more
  BadFlags,               // flags or their combination that 2.7.5 forbids
  BadIndirectTable,       // empty, not a multiple of 16 bytes, or too long
  EmptyBuffer,            // a descriptor without length
  ReadableAfterWritable,  // 2.7.4.2: device-readable descriptors come first
  BadRequest,             // a chain that is not what this type of device takes
};

// "a descriptor without length", for messages.
[[nodiscard]] std::string_view describe(QueueError error);

}  // namespace redoubt
