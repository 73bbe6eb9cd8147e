// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/safe_access.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <limits>
#include <mutex>
#include <utility>

#include <ucontext.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

extern "C" {
extern const char guest_access_begin[];
extern const char guest_access_landing[];
extern const char guest_access_end[];
}

namespace {

constexpr uintptr_t kNowhere = std::numeric_limits<uintptr_t>::max();
constexpr uintptr_t kPageOffsetMask = 4095;
constexpr size_t kMaxRegions = 16;  // a VM has two; two VMs may overlap when one replaces another

// A signal handler has no other way to its data than a global. Written under `regions_mutex`
// (set-up and tear-down only, no lock on any access path); read by the handler without a lock. A
// free slot matches no address, and is filled and emptied in an order in which a half-written one
// does not either.
struct PublishedRegion {
  std::atomic<uintptr_t> start = kNowhere;
  std::atomic<uintptr_t> end = 0;
  std::atomic<int> event_fd = -1;
  // 0, or page address | 1 + HardwareErrorKind. One word, so that the handler can write it at once.
  std::atomic<uintptr_t> hardware_error = 0;
};
static_assert(std::atomic<uintptr_t>::is_always_lock_free);

std::array<PublishedRegion, kMaxRegions> regions;
std::mutex regions_mutex;

struct sigaction previous_sigsegv;  // constant once the handler is installed
struct sigaction previous_sigbus;

PublishedRegion* region_of(uintptr_t address) {
  for (PublishedRegion& region : regions) {
    // acquire: pairs with publish(); who sees the start sees the end and the event, too.
    if (region.start.load(std::memory_order_acquire) <= address &&
        address < region.end.load(std::memory_order_relaxed)) {
      return &region;
    }
  }
  return nullptr;
}

#if defined(__aarch64__)
uintptr_t program_counter(const ucontext_t& context) { return context.uc_mcontext.pc; }
void set_program_counter(ucontext_t& context, uintptr_t pc) { context.uc_mcontext.pc = pc; }
#elif defined(__x86_64__)
uintptr_t program_counter(const ucontext_t& context) {
  return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
}
void set_program_counter(ucontext_t& context, uintptr_t pc) {
  context.uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(pc);
}
#else
#error "fault-safe guest memory access is written for aarch64 and x86-64"
#endif

uintptr_t address_of(const void* pointer) {
  // SAFETY: only the number is used, for comparison; nothing is dereferenced.
  return reinterpret_cast<uintptr_t>(pointer);
}

void record(PublishedRegion& region, uintptr_t address, HardwareErrorKind kind) {
  const uintptr_t word = (address & ~kPageOffsetMask) | (1 + static_cast<uintptr_t>(kind));
  uintptr_t none = 0;
  if (kind == HardwareErrorKind::ActionRequired) {
    region.hardware_error.store(word, std::memory_order_relaxed);
  } else {
    region.hardware_error.compare_exchange_strong(none, word, std::memory_order_relaxed);
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written =
      ::write(region.event_fd.load(std::memory_order_relaxed), &one, sizeof(one));
}

// Lets the signal do what it would have done without us. A fault happens again when the handler
// returns, and then carries its true cause; a signal that was sent has to be sent again.
void pass_on(int signal, bool was_sent) {
  const struct sigaction& previous = signal == SIGSEGV ? previous_sigsegv : previous_sigbus;
  if (previous.sa_handler == SIG_IGN) {
    ::signal(signal, SIG_DFL);  // to ignore a fault is to hang on it
  } else {
    ::sigaction(signal, &previous, nullptr);
  }
  if (was_sent) ::raise(signal);
}

void handle_fault(int signal, siginfo_t* info, void* context_pointer) {
  const int saved_errno = errno;
  auto& context = *static_cast<ucontext_t*>(context_pointer);
  const bool raised_by_kernel = info->si_code > 0;
  const bool optional = signal == SIGBUS && info->si_code == BUS_MCEERR_AO;
  const bool required = signal == SIGBUS && info->si_code == BUS_MCEERR_AR;
  const uintptr_t pc = program_counter(context);
  const bool in_section = address_of(guest_access_begin) <= pc && pc < address_of(guest_access_end);

  // The address is meaningless in a signal that was sent by a process.
  PublishedRegion* region = raised_by_kernel ? region_of(address_of(info->si_addr)) : nullptr;
  if (region == nullptr) {
    pass_on(signal, !raised_by_kernel || optional || required);
  } else if (optional) {
    // Asynchronous: where this thread happens to be means nothing.
    record(*region, address_of(info->si_addr), HardwareErrorKind::ActionOptional);
  } else if (in_section) {
    set_program_counter(context, address_of(guest_access_landing));
  } else if (required) {
    // Nothing else touches guest memory, so this came out of KVM_RUN, which returns EINTR.
    record(*region, address_of(info->si_addr), HardwareErrorKind::ActionRequired);
  } else {
    pass_on(signal, false);
  }
  errno = saved_errno;
}

bool install() {
  struct sigaction action = {};
  action.sa_sigaction = handle_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  // The previous actions are read first: the handler may run the moment it is installed.
  if (::sigaction(SIGSEGV, nullptr, &previous_sigsegv) != 0 ||
      ::sigaction(SIGBUS, nullptr, &previous_sigbus) != 0 ||
      ::sigaction(SIGSEGV, &action, nullptr) != 0 || ::sigaction(SIGBUS, &action, nullptr) != 0) {
    throw_errno("sigaction for SIGSEGV and SIGBUS");
  }
  return true;
}

size_t publish(uintptr_t start, uintptr_t end, int event_fd) {
  const std::lock_guard lock(regions_mutex);
  for (size_t i = 0; i < regions.size(); ++i) {
    if (regions[i].start.load(std::memory_order_relaxed) != kNowhere) continue;
    regions[i].event_fd.store(event_fd, std::memory_order_relaxed);
    regions[i].hardware_error.store(0, std::memory_order_relaxed);
    regions[i].end.store(end, std::memory_order_relaxed);
    // release: pairs with region_of().
    regions[i].start.store(start, std::memory_order_release);
    return i;
  }
  throw SetupError("too many regions of guest memory in one process");
}

}  // namespace

void install_fault_handler() { [[maybe_unused]] static const bool installed = install(); }

GuestAccessRegion::GuestAccessRegion(uintptr_t start, size_t size,
                                     BorrowedFd hardware_error_event) {
  install_fault_handler();
  slot_ = publish(start, start + size, hardware_error_event.get());
}

GuestAccessRegion::GuestAccessRegion(GuestAccessRegion&& other) noexcept
    : slot_(std::exchange(other.slot_, kMaxRegions)) {}

GuestAccessRegion::~GuestAccessRegion() {
  if (slot_ == kMaxRegions) return;
  const std::lock_guard lock(regions_mutex);
  regions[slot_].end.store(0, std::memory_order_relaxed);
  regions[slot_].start.store(kNowhere, std::memory_order_relaxed);
}

std::optional<HostHardwareError> GuestAccessRegion::take_hardware_error() {
  // relaxed: the word is all there is to see.
  const uintptr_t word = regions[slot_].hardware_error.exchange(0, std::memory_order_relaxed);
  if (word == 0) return std::nullopt;
  return HostHardwareError{word & ~kPageOffsetMask,
                           static_cast<HardwareErrorKind>((word & kPageOffsetMask) - 1)};
}

}  // namespace redoubt
