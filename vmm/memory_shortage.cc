// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory_shortage.h"

#include <utility>

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"
#include "vmm/memory/locked_memory.h"

namespace redoubt {

namespace {
constexpr long kTickNanoseconds = 250'000'000;
constexpr uint32_t kTicksToGiveUp = 80;
}  // namespace

MemoryShortage::MemoryShortage(EventLoop& loop, Callbacks callbacks)
    : callbacks_(std::move(callbacks)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!timer_.valid()) throw_errno("timerfd_create");
  watch_ = loop.watch(timer_, EPOLLIN, [this](uint32_t) { on_tick(); });
}

void MemoryShortage::on_failure(std::optional<uint64_t> ipa) {
  failed_since_tick_ = true;
  if (ticks_ > 0) return;
  ticks_ = 1;
  log::error("memory: the guest is held: the kernel could not lock another page of it{}; {}",
             ipa ? fmt::format(" at guest-physical address {:#x}", *ipa) : std::string(),
             describe_locked_memory());
  log::error(
      "memory: it goes on by itself once there is room: prlimit --pid {} --memlock=BYTES, "
      "or free memory of the host",
      ::getpid());
  arm(true);
}

void MemoryShortage::on_tick() {
  uint64_t expirations = 0;
  if (::read(timer_.get(), &expirations, sizeof(expirations)) != sizeof(expirations)) return;
  if (!failed_since_tick_) {
    log::info("memory: there is room again, the guest goes on");
    ticks_ = 0;
    arm(false);
    return;
  }
  if (++ticks_ > kTicksToGiveUp) {
    arm(false);
    callbacks_.give_up();
    return;
  }
  failed_since_tick_ = false;
  callbacks_.retry();
}

std::string describe_locked_memory() {
  try {
    const LockedMemory memory = locked_memory();
    if (memory.can_exceed || memory.soft_limit == RLIM_INFINITY) {
      return fmt::format(
          "{} KiB are locked and there is no limit: the kernel itself is out of memory",
          memory.locked >> 10);
    }
    return fmt::format("{} KiB are locked of the {} KiB that RLIMIT_MEMLOCK allows",
                       memory.locked >> 10, memory.soft_limit >> 10);
  } catch (const std::exception& error) {
    return error.what();
  }
}

void MemoryShortage::arm(bool on) {
  itimerspec interval{};
  if (on) {
    interval.it_interval.tv_nsec = kTickNanoseconds;
    interval.it_value.tv_nsec = kTickNanoseconds;
  }
  ::timerfd_settime(timer_.get(), 0, &interval, nullptr);
}

}  // namespace redoubt
