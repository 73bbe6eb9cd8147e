// SPDX-License-Identifier: Apache-2.0
//
// VirtioDevice: what a type of device adds to the virtio transport, and VirtioTransport: what it
// may ask of it. A device only moves data: the transport negotiates, watches for notifications,
// interrupts, fails and resets.
//
// Threads. One loop thread serves every device. start(), on_notify() and whatever a device does on
// its own account (a tap is readable, a request has completed) run there, inside
// VirtioTransport::run() where they touch queues. Registers are served on vCPU threads; of a device
// they call stop(), stop_queue() and write_config() alone, under the lock that run() holds too:
// none of these ever runs beside another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "devices/virtio/dma_memory.h"
#include "devices/virtio/queue_error.h"
#include "devices/virtio/virtqueue.h"
#include "vmm/base/event_fd.h"
#include "vmm/base/result.h"

namespace redoubt {

class VirtioTransport {
 public:
  using Work = std::function<Result<void, QueueError>()>;

  virtual ~VirtioTransport() = default;

  // Loop thread. Runs `work` if the driver is up (DRIVER_OK set, device not failed): interrupts for
  // what it pushed, and fails the device if it returns an error. Otherwise does nothing and returns
  // false; a handler then pauses what called it, until start(). Not from inside on_notify(),
  // start() or another run(): those are already covered.
  virtual bool run(const Work& work) = 0;

  // The queue, if the driver has set it up. Inside run(), on_notify(), start() or stop() only.
  [[nodiscard]] virtual Virtqueue* queue(uint16_t index) = 0;

  // Features that both sides have, of the last negotiation. Where queue() may be called.
  [[nodiscard]] virtual uint64_t negotiated() const = 0;

  // Any thread, also inside work: the device configuration space reads as `config` from now on, and
  // the driver is told (VIRTIO 2.5, 4.2.2.2 ConfigGeneration). The size stays what it was.
  virtual void update_config(std::span<const std::byte> config) = 0;

  // Fails the device as an error from work does; for a backend that died. Loop thread, not inside
  // work.
  virtual void fail(std::string_view why) = 0;

  // For a backend that serves the queue itself (QueueService::Backend).
  virtual DmaMemory& memory() = 0;
  virtual const EventFd& kick(uint16_t index) = 0;  // signalled by the driver's notifications
  virtual const EventFd& interrupt() = 0;           // signalling it interrupts the driver
};

// Who takes requests off the queues.
enum class QueueService {
  Device,   // on_notify(), on the loop thread
  Backend,  // somebody the device has handed layout, kick and interrupt to in start()
};

class VirtioDevice {
 public:
  VirtioDevice() = default;
  VirtioDevice(const VirtioDevice&) = delete;
  VirtioDevice& operator=(const VirtioDevice&) = delete;
  virtual ~VirtioDevice() = default;

  // Constants of the device.
  [[nodiscard]] virtual uint32_t device_id() const = 0;     // VIRTIO_ID_*
  [[nodiscard]] virtual std::string_view name() const = 0;  // for messages: "virtio-blk disk0"
  [[nodiscard]] virtual std::span<const uint16_t> max_queue_sizes()
      const = 0;  // one for each queue
  // Bits 0 to 23 and 50 up, of this type of device.
  [[nodiscard]] virtual uint64_t features() const { return 0; }
  // What the queues can do of INDIRECT_DESC, EVENT_IDX and RING_RESET (features.h). The transport
  // adds VERSION_1 and ACCESS_PLATFORM, and takes RING_RESET away from a device with a Backend.
  [[nodiscard]] virtual uint64_t queue_features() const;
  // Of this queue; a constant too.
  [[nodiscard]] virtual QueueService queue_service(uint16_t queue) const {
    static_cast<void>(queue);
    return QueueService::Device;
  }
  // The configuration space at first; later see VirtioTransport::update_config().
  [[nodiscard]] virtual std::span<const std::byte> initial_config() const { return {}; }

  // Once, before anything else; the transport outlives the device's work.
  virtual void attach(VirtioTransport& transport) { transport_ = &transport; }

  // Loop thread: the driver is up, negotiated() and the queues stand. Host-side sources are watched
  // from here on.
  [[nodiscard]] virtual Result<void, QueueError> start() { return {}; }

  // Loop thread: the driver says that it made requests available in this queue. Take what can be
  // taken now; a queue that cannot be served yet may be left as it is.
  [[nodiscard]] virtual Result<void, QueueError> on_notify(uint16_t queue) = 0;

  // The driver resets the device, or a queue, or the device has failed. Forget every chain; when
  // this returns, nothing touches guest memory on account of what was before. Any thread, never
  // beside work; must not wait for the guest or touch the event loop. stop() may come without
  // start(), and more than once; the last one comes when the transport ends, before the device. A
  // queue is stopped, and later made ready anew, while the others go on.
  virtual void stop() {}
  virtual void stop_queue(uint16_t queue) { static_cast<void>(queue); }

  // The driver wrote to the configuration space, inside its bounds. vCPU thread.
  virtual void write_config(uint32_t offset, std::span<const std::byte> data);

 protected:
  [[nodiscard]] VirtioTransport& transport() { return *transport_; }

 private:
  VirtioTransport* transport_ = nullptr;  // constant after attach()
};

}  // namespace redoubt
