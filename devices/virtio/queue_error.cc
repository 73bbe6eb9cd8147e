// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/queue_error.h"

namespace redoubt {

std::string_view describe(QueueError error) {
  switch (error) {
    case QueueError::OutOfRange: return "an address outside the memory that devices may use";
    case QueueError::Misaligned: return "a ring that is not aligned";
    case QueueError::Inaccessible: return "memory that the guest does not share";
    case QueueError::TooManyAvailable: return "an available index further ahead than the queue is";
    case QueueError::BadDescriptorIndex: return "a descriptor beyond the end of its table";
    case QueueError::HeadInFlight: return "a request made available again before it was used";
    case QueueError::ChainTooLong: return "a chain of more descriptors than the queue has";
    case QueueError::BufferTooLong: return "a request of 4 GiB or more";
    case QueueError::BadFlags: return "descriptor flags that are not allowed";
    case QueueError::BadIndirectTable: return "an indirect table of a size that cannot be";
    case QueueError::EmptyBuffer: return "a descriptor without length";
    case QueueError::ReadableAfterWritable:
      return "a device-readable descriptor behind a device-writable one";
    case QueueError::BadRequest: return "a request that is not one of this device";
  }
  return "an unknown error";
}

}  // namespace redoubt
