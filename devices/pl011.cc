// SPDX-License-Identifier: Apache-2.0
#include "devices/pl011.h"

#include <algorithm>
#include <mutex>

#include "devices/primecell.h"
#include "vmm/base/log.h"

namespace redoubt {

namespace {

constexpr uint32_t kPart = 0x011;
constexpr uint32_t kRevision = 3;  // r1p5: drivers take the depth of the FIFOs from it

// ARM DDI 0183G, table 3-1.
enum class Register : uint64_t {
  UARTDR = 0x000,     // data: a character and what went wrong with it
  UARTRSR = 0x004,    // receive status; written as UARTECR: clear it
  UARTFR = 0x018,     // flags
  UARTILPR = 0x020,   // IrDA low-power counter
  UARTIBRD = 0x024,   // integer baud rate
  UARTFBRD = 0x028,   // fractional baud rate
  UARTLCR_H = 0x02c,  // line control
  UARTCR = 0x030,     // control
  UARTIFLS = 0x034,   // interrupt FIFO levels
  UARTIMSC = 0x038,   // interrupt mask: 1 lets it through
  UARTRIS = 0x03c,    // raw interrupt status
  UARTMIS = 0x040,    // masked interrupt status
  UARTICR = 0x044,    // interrupt clear
  UARTDMACR = 0x048,  // DMA control
};

// UARTDR and UARTRSR, 3.3.1 and 3.3.2.
constexpr uint32_t kDataOverrun = 1 << 11;
constexpr uint32_t kStatusOverrun = 1 << 3;

// UARTFR, 3.3.3.
constexpr uint32_t kClearToSend = 1 << 0;
constexpr uint32_t kDataSetReady = 1 << 1;
constexpr uint32_t kDataCarrierDetect = 1 << 2;
constexpr uint32_t kReceiveEmpty = 1 << 4;
constexpr uint32_t kReceiveFull = 1 << 6;
constexpr uint32_t kTransmitEmpty = 1 << 7;
constexpr uint32_t kRingIndicator = 1 << 8;

// UARTLCR_H, 3.3.7.
constexpr uint32_t kEnableFifos = 1 << 4;

// UARTCR, 3.3.8.
constexpr uint32_t kUartEnable = 1 << 0;
constexpr uint32_t kLoopback = 1 << 7;
constexpr uint32_t kTransmitEnable = 1 << 8;
constexpr uint32_t kReceiveEnable = 1 << 9;
constexpr uint32_t kDataTransmitReady = 1 << 10;
constexpr uint32_t kRequestToSend = 1 << 11;
constexpr uint32_t kOut1 = 1 << 12;
constexpr uint32_t kOut2 = 1 << 13;

// UARTIMSC, UARTRIS, UARTMIS and UARTICR, 3.3.10 to 3.3.13.
constexpr uint32_t kReceiveInterrupt = 1 << 4;
constexpr uint32_t kTransmitInterrupt = 1 << 5;
constexpr uint32_t kReceiveTimeoutInterrupt = 1 << 6;
constexpr uint32_t kOverrunInterrupt = 1 << 10;

// The bits that exist.
constexpr uint32_t kIlprBits = 0xff;
constexpr uint32_t kIbrdBits = 0xffff;
constexpr uint32_t kFbrdBits = 0x3f;
constexpr uint32_t kLineControlBits = 0xff;
constexpr uint32_t kControlBits = 0xff87;
constexpr uint32_t kFifoLevelBits = 0x3f;
constexpr uint32_t kInterruptBits = 0x7ff;
constexpr uint32_t kDmacrBits = 0x7;

constexpr uint32_t kFifoLevelsReset = 0x12;  // both at one half

// A guest that reads UARTFR so often, finds no character each time and does nothing else meanwhile
// is waiting for one. A driver that polls for room to write reads it twice at most for a character.
constexpr uint32_t kWaitingPolls = 8;

}  // namespace

Pl011::Pl011(GuestRange range, uint32_t spi, LevelInterrupt& interrupt, ConsoleBackend& console)
    : range_(range),
      spi_(spi),
      interrupt_(interrupt),
      console_(console),
      control_(kReceiveEnable | kTransmitEnable),
      fifo_levels_(kFifoLevelsReset) {
  console_.connect([this](std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex());
    return receive(bytes);
  });
}

Pl011::~Pl011() { console_.connect({}); }

void Pl011::describe(fdt::Node& parent) const {
  primecell::describe(parent, "pl011", range_, spi_, {"uartclk", "apb_pclk"});
}

// --- Registers -------------------------------------------------------------------------------

// Registers lie at word offsets. The bus the hardware sits on has no byte strobes: a narrower write
// is extended by zeros, and an access that does not start at a register meets none.

void Pl011::read(uint64_t offset, std::span<std::byte> data) {
  primecell::answer(data, offset % 4 == 0 ? read_register(offset) : 0);
  settle();
}

void Pl011::write(uint64_t offset, std::span<const std::byte> data) {
  idle_polls_ = 0;
  if (offset % 4 == 0) write_register(offset, primecell::register_value(data));
  settle();
}

uint32_t Pl011::read_register(uint64_t offset) {
  if (offset >= primecell::kIdentificationOffset) {
    return primecell::identification(offset, kPart, kRevision);
  }
  switch (Register{offset}) {
    case Register::UARTDR: return pop();
    case Register::UARTRSR: return receive_status_;
    case Register::UARTFR:
      if (count_ == 0 && idle_polls_ < kWaitingPolls) ++idle_polls_;
      return flags();
    case Register::UARTILPR: return ilpr_;
    case Register::UARTIBRD: return ibrd_;
    case Register::UARTFBRD: return fbrd_;
    case Register::UARTLCR_H: return line_control_;
    case Register::UARTCR: return control_;
    case Register::UARTIFLS: return fifo_levels_;
    case Register::UARTIMSC: return mask_;
    case Register::UARTRIS: return raw_interrupts();
    case Register::UARTMIS: return raw_interrupts() & mask_;
    case Register::UARTICR: return 0;
    case Register::UARTDMACR: return dmacr_;
  }
  static log::RateLimit limit;
  log::guest(limit, "pl011: read at offset {:#x}, where no register is", offset);
  return 0;
}

void Pl011::write_register(uint64_t offset, uint32_t value) {
  switch (Register{offset}) {
    case Register::UARTDR: transmit(static_cast<std::byte>(value & 0xff)); return;
    case Register::UARTRSR: receive_status_ = 0; return;
    case Register::UARTILPR: ilpr_ = value & kIlprBits; return;
    case Register::UARTIBRD: ibrd_ = value & kIbrdBits; return;
    case Register::UARTFBRD: fbrd_ = value & kFbrdBits; return;
    case Register::UARTLCR_H: write_line_control(value & kLineControlBits); return;
    case Register::UARTCR:
      control_ = value & kControlBits;
      firmware_state_ = false;
      return;
    case Register::UARTIFLS: fifo_levels_ = value & kFifoLevelBits; return;
    case Register::UARTIMSC: mask_ = value & kInterruptBits; return;
    case Register::UARTICR: latched_ &= ~value; return;
    case Register::UARTDMACR: dmacr_ = value & kDmacrBits; return;
    case Register::UARTFR:
    case Register::UARTRIS:
    case Register::UARTMIS: break;  // read-only
  }
  static log::RateLimit limit;
  log::guest(limit, "pl011: write of {:#x} at offset {:#x}, where nothing can be written", value,
             offset);
}

uint32_t Pl011::flags() const {
  uint32_t flags = kTransmitEmpty;
  if (count_ == 0) flags |= kReceiveEmpty;
  if (count_ >= fifo_depth()) flags |= kReceiveFull;
  if ((control_ & kLoopback) == 0) {
    return flags | kClearToSend | kDataSetReady | kDataCarrierDetect;
  }
  // 2.8.3: in loopback the modem outputs are the modem inputs.
  if ((control_ & kRequestToSend) != 0) flags |= kClearToSend;
  if ((control_ & kDataTransmitReady) != 0) flags |= kDataSetReady;
  if ((control_ & kOut1) != 0) flags |= kDataCarrierDetect;
  if ((control_ & kOut2) != 0) flags |= kRingIndicator;
  return flags;
}

void Pl011::write_line_control(uint32_t value) {
  // With the FIFOs off there is a holding register for one character. Turning them off is how a
  // driver flushes them.
  if ((line_control_ & kEnableFifos) != 0 && (value & kEnableFifos) == 0) {
    count_ = 0;
    overrun_ = false;
    latched_ &= ~kReceiveInterrupt;
  }
  line_control_ = value;
}

// --- Characters ------------------------------------------------------------------------------

// UARTEN and TXE are not asked: early consoles write without having set the UART up, in the belief
// that firmware did.
void Pl011::transmit(std::byte character) {
  if ((control_ & kLoopback) != 0) {
    if (!push(character)) {
      overrun_ = true;
      receive_status_ |= kStatusOverrun;
      latched_ |= kOverrunInterrupt;
    }
  } else {
    console_.write({&character, 1});
  }
  // The transmit FIFO was below its level, had a character and is below its level again: that
  // transition is what raises the interrupt (2.8.2).
  latched_ |= kTransmitInterrupt;
}

size_t Pl011::receive(std::span<const std::byte> bytes) {
  size_t taken = 0;
  if (listening()) {
    while (taken < bytes.size() && push(bytes[taken])) ++taken;
  }
  refused_input_ = taken < bytes.size();
  settle();
  return taken;
}

// Whether input may be put into the FIFO now. A driver that is being set up throws away what it
// finds there, so input given to it too early would be lost: it waits until the guest wants it,
// either by interrupts, with receiver and UART enabled (by the guest, or by the firmware it
// believes in), or by waiting in a loop.
bool Pl011::listening() const {
  if ((control_ & kLoopback) != 0 || (control_ & kReceiveEnable) == 0) return false;
  const bool enabled = firmware_state_ || (control_ & kUartEnable) != 0;
  const bool unmasked = (mask_ & (kReceiveInterrupt | kReceiveTimeoutInterrupt)) != 0;
  return (enabled && unmasked) || idle_polls_ >= kWaitingPolls;
}

size_t Pl011::fifo_depth() const { return (line_control_ & kEnableFifos) != 0 ? kFifoDepth : 1; }

// UARTIFLS.RXIFLSEL, 3.3.9; the reserved values are taken for the highest level.
size_t Pl011::trigger_level() const {
  if ((line_control_ & kEnableFifos) == 0) return 1;
  switch (fifo_levels_ >> 3) {
    case 0: return kFifoDepth / 8;
    case 1: return kFifoDepth / 4;
    case 2: return kFifoDepth / 2;
    case 3: return kFifoDepth * 3 / 4;
    default: return kFifoDepth * 7 / 8;
  }
}

bool Pl011::push(std::byte character) {
  if (count_ >= fifo_depth()) return false;
  fifo_[(first_ + count_) % kFifoDepth] = character;
  ++count_;
  if (count_ >= trigger_level()) latched_ |= kReceiveInterrupt;
  return true;
}

uint32_t Pl011::pop() {
  if (count_ == 0) return 0;
  uint32_t data = std::to_integer<uint32_t>(fifo_[first_]);
  // 3.3.1: the character after which others were lost says so.
  if (overrun_) data |= kDataOverrun;
  overrun_ = false;
  first_ = (first_ + 1) % kFifoDepth;
  --count_;
  if (count_ < trigger_level()) latched_ &= ~kReceiveInterrupt;
  return data;
}

// --- Interrupts ------------------------------------------------------------------------------

uint32_t Pl011::raw_interrupts() const {
  return count_ > 0 ? latched_ | kReceiveTimeoutInterrupt : latched_;
}

// After every change: brings the line to its level, and asks for refused input once a guest that
// waits for the receive level could wait for ever.
void Pl011::settle() {
  if (refused_input_ && count_ < trigger_level() && listening()) {
    refused_input_ = false;
    console_.input_wanted();
  }
  const auto level =
      (raw_interrupts() & mask_) != 0 ? LevelInterrupt::Level::High : LevelInterrupt::Level::Low;
  if (level == level_) return;
  level_ = level;
  interrupt_.set(level);
}

}  // namespace redoubt
