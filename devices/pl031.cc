// SPDX-License-Identifier: Apache-2.0
#include "devices/pl031.h"

#include <ctime>
#include <mutex>
#include <utility>

#include <sys/epoll.h>

#include "devices/primecell.h"
#include "vmm/base/log.h"

namespace redoubt {

namespace {

constexpr uint32_t kPart = 0x031;
constexpr uint32_t kRevision = 0;

// ARM DDI 0224C, table 3-1.
enum class Register : uint64_t {
  RTCDR = 0x000,    // data: the count
  RTCMR = 0x004,    // match: the count that raises the interrupt
  RTCLR = 0x008,    // load: sets the count
  RTCCR = 0x00c,    // control: start
  RTCIMSC = 0x010,  // interrupt mask: 1 lets it through
  RTCRIS = 0x014,   // raw interrupt status
  RTCMIS = 0x018,   // masked interrupt status
  RTCICR = 0x01c,   // interrupt clear
};

constexpr uint32_t kStart = 1;      // RTCCR
constexpr uint32_t kInterrupt = 1;  // RTCIMSC, RTCRIS, RTCMIS, RTCICR

}  // namespace

Pl031::Pl031(GuestRange range, uint32_t spi, LevelInterrupt& interrupt, EventLoop& loop,
             Clock clock)
    : range_(range),
      spi_(spi),
      interrupt_(interrupt),
      clock_(std::move(clock)),
      timer_(CLOCK_REALTIME) {
  timer_watch_ = loop.watch(timer_.fd(), EPOLLIN, [this](uint32_t) {
    const std::lock_guard lock(mutex());
    timer_.drain();
    check_alarm();
    settle();
  });
}

int64_t Pl031::host_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec;
}

void Pl031::describe(fdt::Node& parent) const {
  primecell::describe(parent, "pl031", range_, spi_, {"apb_pclk"});
}

void Pl031::read(uint64_t offset, std::span<std::byte> data) {
  primecell::answer(data, offset % 4 == 0 ? read_register(offset) : 0);
}

void Pl031::write(uint64_t offset, std::span<const std::byte> data) {
  if (offset % 4 == 0) write_register(offset, primecell::register_value(data));
  settle();
}

uint32_t Pl031::read_register(uint64_t offset) {
  if (offset >= primecell::kIdentificationOffset) {
    return primecell::identification(offset, kPart, kRevision);
  }
  switch (Register{offset}) {
    case Register::RTCDR: return count();
    case Register::RTCMR: return match_;
    case Register::RTCLR: return load_;
    case Register::RTCCR: return kStart;
    case Register::RTCIMSC: return masked_ ? 0 : kInterrupt;
    case Register::RTCRIS: return raised_ ? kInterrupt : 0;
    case Register::RTCMIS: return raised_ && !masked_ ? kInterrupt : 0;
    case Register::RTCICR: return 0;
  }
  static log::RateLimit limit;
  log::guest(limit, "pl031: read at offset {:#x}, where no register is", offset);
  return 0;
}

void Pl031::write_register(uint64_t offset, uint32_t value) {
  switch (Register{offset}) {
    case Register::RTCMR:
      match_ = value;
      set_alarm();
      return;
    case Register::RTCLR:
      load_ = value;
      ahead_ = value - static_cast<uint32_t>(clock_());
      set_alarm();
      return;
    case Register::RTCCR: return;  // 3.3.4: once started, it runs until reset
    case Register::RTCIMSC: masked_ = (value & kInterrupt) == 0; return;
    case Register::RTCICR:
      if ((value & kInterrupt) != 0) raised_ = false;
      return;
    case Register::RTCDR:
    case Register::RTCRIS:
    case Register::RTCMIS: break;  // read-only
  }
  static log::RateLimit limit;
  log::guest(limit, "pl031: write of {:#x} at offset {:#x}, where nothing can be written", value,
             offset);
}

uint32_t Pl031::count() const { return static_cast<uint32_t>(clock_()) + ahead_; }

// The count wraps around: a match in its past is one in its future, at most 2^32 seconds away.
void Pl031::set_alarm() {
  const int64_t now = clock_();
  alarm_time_ = now + (match_ - (static_cast<uint32_t>(now) + ahead_));
  check_alarm();
}

void Pl031::check_alarm() {
  if (!alarm_time_) return;
  if (clock_() < *alarm_time_) {
    timer_.arm_at(*alarm_time_);
    return;
  }
  timer_.disarm();
  alarm_time_.reset();
  raised_ = true;
}

void Pl031::settle() {
  const auto level = raised_ && !masked_ ? LevelInterrupt::Level::High : LevelInterrupt::Level::Low;
  if (level == level_) return;
  level_ = level;
  interrupt_.set(level);
}

}  // namespace redoubt
