// SPDX-License-Identifier: Apache-2.0
//
// VirtioPort: one port of the virtio console: bytes between its two queues and its backend, and
// what the driver is still to be told of it.
//
// A terminal completes every output at once, because its driver waits for that with interrupts
// off: what the backend cannot keep is lost, oldest first. A stream waits until the backend has
// room, and so does the writer in the guest. Input for a port that the guest has not opened stays
// where it is, in the backend: whoever connects before the guest's program is up loses nothing.
//
// Under the transport's work lock, except where stated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "devices/console/console_backend.h"
#include "devices/virtio/console/console_protocol.h"
#include "devices/virtio/descriptor_chain.h"
#include "devices/virtio/queue_error.h"
#include "devices/virtio/virtqueue.h"
#include "vmm/base/result.h"

namespace redoubt {

// What a virtio console is given for each of its ports.
struct ConsolePort {
  std::string name;
  bool tty;
  ConsoleBackend& backend;  // outlives the device
};

class VirtioPort {
 public:
  enum class Output {
    Done,     // the queue is empty
    More,     // enough for one turn of the loop
    Blocked,  // a stream whose backend is full
  };

  VirtioPort(uint32_t id, const ConsolePort& port);

  // Takes output off the transmitq, as much as one turn of the loop may.
  [[nodiscard]] Result<Output, QueueError> take_output(Virtqueue& transmit);
  // A stream waits for its backend. Loop thread.
  [[nodiscard]] bool waits_for_room() const { return output_ == Output::Blocked; }

  // Puts input into the buffers of the receiveq; returns how much of it was taken.
  [[nodiscard]] Result<size_t, QueueError> give_input(Virtqueue& receive,
                                                      std::span<const std::byte> bytes);

  [[nodiscard]] bool open() const { return open_; }
  void set_open(bool open) { open_ = open; }

  // What the driver is to be told: that the port is there; what it is; its size, if that is known
  // and is not what the driver knows.
  void announce() { tell(virtio_console::Event::PortAdd); }
  void introduce();
  void tell_size_if_new();
  // Writes the next message into `chain` and returns its length; has_message() first.
  [[nodiscard]] bool has_message() const { return messages_ != 0; }
  [[nodiscard]] Result<uint32_t, QueueError> write_message(DescriptorChain& chain);

  // The driver is gone: everything is as at first. The bytes of a backend stay.
  void reset();
  // The transmitq is gone, and a request that was taken off it.
  void drop_output() { request_.reset(); }

  [[nodiscard]] bool tty() const { return tty_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] ConsoleBackend& backend() { return backend_; }

 private:
  void tell(virtio_console::Event event) { messages_ |= 1U << static_cast<unsigned>(event); }

  // Constant after construction.
  const uint32_t id_;
  const std::string name_;
  const bool tty_;
  ConsoleBackend& backend_;

  std::optional<DescriptorChain> request_;  // output that is not all taken yet
  Output output_ = Output::Done;            // of the last take_output()
  bool open_ = false;                       // by the guest
  bool introduced_ = false;
  std::optional<TerminalSize> told_size_;
  // Messages on their way to the driver, a bit for each Event: however often something happens, it
  // is told once.
  uint32_t messages_ = 0;
};

}  // namespace redoubt
