// SPDX-License-Identifier: Apache-2.0
//
// VirtioMmioTransport: a virtio device on the MmioBus (virtio 1.3, 4.2, version 2 of the
// registers). It negotiates, watches for the driver's notifications, gives the device its turns,
// interrupts, and fails and resets the device.
//
//   vCPU threads                            │ loop thread
//   registers ── DRIVER_OK ──▶ started_ ────┼─▶ device.start(), then every queue's kick
//   ioeventfd or QueueNotify ─▶ kick(i) ────┼─▶ device.on_notify(i)
//   Status = 0 ── device.stop()             │   host-side events ─▶ run(work) ─▶ work()
//   interrupt() ─▶ irqfd ─▶ guest           │   end of each turn: interrupt? go on later?
//
// Locks, in the order in which they are taken:
//   mutex()         the register file. Held by the bus around read() and write(); never by the loop
//                   thread, so that no vCPU can hold the loop up in more than what follows.
//   work_mutex_     the work lock. Held around every call into the device and around all use of
//                   its queues, and where the status changes. The registers take it for resets and
//                   for setting up; they then wait for at most one turn of the device.
//   config_mutex_   a leaf: the bytes of the configuration space. Reading them must not wait for a
//                   device at work, and a device may change them while at work.
// Status and InterruptStatus are atomics: they are read without the work lock.
//
// A reset is complete when the write of 0 to Status returns; a queue reset when the write to
// QueueReset does. Every access of every width at every offset is defined: a register answers
// aligned accesses of 32 bits and reads 0 in all others, as do write-only registers and the space
// between registers; the configuration space takes any width, and reads all ones where an access
// sticks out of it. Writes that are not for the present state are ignored.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "devices/mmio_device.h"
#include "devices/virtio/dma_memory.h"
#include "devices/virtio/mmio_registers.h"
#include "devices/virtio/queue_error.h"
#include "devices/virtio/virtio_device.h"
#include "devices/virtio/virtqueue.h"
#include "vmm/base/event_fd.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/log.h"
#include "vmm/base/protection.h"
#include "vmm/base/result.h"
#include "vmm/fdt/fdt_writer.h"
#include "vmm/memory/guest_address.h"

namespace redoubt {

class VirtioMmioTransport final : public MmioDevice, public VirtioTransport {
 public:
  // All references outlive the transport; it attaches the device, and stops it at its own end. Made
  // and destroyed on the loop thread or while the loop is not running. Throws std::system_error,
  // and SetupError if the device's configuration space does not fit into `range`.
  VirtioMmioTransport(GuestRange range, uint32_t spi, VirtioDevice& device, DmaMemory& memory,
                      EventLoop& loop, Protection protection);
  ~VirtioMmioTransport() override;

  // --- For KVM: a write of a queue's index, 32 bits wide, to the notify address stands for
  // kick(index).signal(); the interrupt is edge-triggered. QueueNotify works without either.
  [[nodiscard]] uint16_t queue_count() const { return static_cast<uint16_t>(kicks_.size()); }
  [[nodiscard]] GuestAddress notify_address() const;
  [[nodiscard]] uint32_t spi() const { return spi_; }

  // --- MmioDevice
  void read(uint64_t offset, std::span<std::byte> data) override;
  void write(uint64_t offset, std::span<const std::byte> data) override;
  void describe(fdt::Node& parent) const override;

  // --- VirtioTransport
  bool run(const Work& work) override;
  [[nodiscard]] Virtqueue* queue(uint16_t index) override;
  [[nodiscard]] uint64_t negotiated() const override { return features_; }
  void update_config(std::span<const std::byte> config) override;
  void fail(std::string_view why) override;
  DmaMemory& memory() override { return memory_; }
  const EventFd& kick(uint16_t index) override { return kicks_[index]; }
  const EventFd& interrupt() override { return interrupt_; }

 private:
  // One queue, as the driver has written it.
  struct QueueRegisters {
    uint16_t max_size;
    QueueLayout layout = {};  // size 0: none written, or one that cannot be
    bool ready = false;
  };

  // --- Registers, under mutex()
  uint32_t read_register(virtio::MmioRegister which);
  void write_register(virtio::MmioRegister which, uint32_t value);
  void read_config(uint64_t offset, std::span<std::byte> data);
  void write_config(uint64_t offset, std::span<const std::byte> data);
  [[nodiscard]] uint32_t interrupt_status() const;
  [[nodiscard]] bool status_has(uint32_t bits) const { return (status_.load() & bits) == bits; }
  void write_status(uint32_t value);
  void write_driver_features(uint32_t value);
  [[nodiscard]] bool accept_features();
  void reset();
  [[nodiscard]] QueueRegisters* selected_queue();
  [[nodiscard]] QueueRegisters* queue_to_set_up();
  void write_queue_size(uint32_t value);
  void write_queue_address(GuestAddress QueueLayout::*part, uint32_t value, unsigned shift);
  void make_ready();
  void stop_queue(bool forget_layout);

  // --- Work, under work_mutex_
  void on_driver_ok();
  void on_kick(uint16_t index);
  void begin_turn();
  void end_turn(const Result<void, QueueError>& result, std::optional<uint16_t> queue);
  void fail_locked(std::string_view why);
  void driver_broke(std::optional<uint16_t> queue, QueueError error);
  void rings_refused(uint16_t queue, QueueError error);
  void give_sharing_hint(std::string_view symptom);
  void raise(uint32_t cause);

  // Constant after construction.
  const GuestRange range_;
  const uint32_t spi_;
  VirtioDevice& device_;
  DmaMemory& memory_;
  const Protection protection_;
  const bool has_backend_;  // for a queue at least
  const uint64_t offered_;

  // Any thread.
  EventFd started_;  // DRIVER_OK was set
  EventFd interrupt_;
  std::vector<EventFd> kicks_;
  std::atomic<uint32_t> status_ = 0;            // changed under work_mutex_
  std::atomic<uint32_t> interrupt_status_ = 0;  // cleared by a reset under all three locks
  log::RateLimit negotiation_log_;
  log::RateLimit failure_log_;

  // Guarded by mutex().
  uint32_t device_features_select_ = 0;
  uint32_t driver_features_select_ = 0;
  uint64_t driver_features_ = 0;
  bool driver_features_beyond_ = false;  // bits from 64 on, of which none exists
  uint32_t queue_select_ = 0;
  std::vector<QueueRegisters> queue_registers_;

  std::mutex work_mutex_;
  // Guarded by work_mutex_.
  bool start_pending_ = false;  // DRIVER_OK is set, the device has not started yet
  bool up_ = false;             // it has, and has neither failed nor been reset
  uint64_t features_ = 0;       // negotiated
  uint64_t next_epoch_ = 1;
  bool sharing_hint_given_ = false;
  std::vector<std::optional<Virtqueue>> queues_;

  std::mutex config_mutex_;
  // Guarded by config_mutex_.
  std::vector<std::byte> config_;
  uint32_t config_generation_ = 0;

  // Loop thread only.
  std::vector<EventLoop::Watch> watches_;
};

// The device-tree node of a transport, for who has none to ask.
void describe_virtio_mmio(fdt::Node& parent, GuestRange range, uint32_t spi, bool has_dma_window);

}  // namespace redoubt
