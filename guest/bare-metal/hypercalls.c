/* SPDX-License-Identifier: Apache-2.0
 * Calls its hypervisor `calls=` times by HVC and SMC, at random after `seed=`: every range of
 * function identifiers, and sharing with good and bad addresses. It knows what sharing its pages
 * has to answer, and says at the end how often it was told otherwise.
 *
 * Before that it says where two pages are and waits for a key: one the host is to take away from
 * it, so that there is one that is poisoned; the other is what its neighbours are. */
#include "bare_metal.h"

#define PAGES 16u
#define SUSPENDS_OR_ENDS 6

static uint8_t arena[PAGES][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static uint8_t poisoned[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static uint8_t is_shared[PAGES];

static uint64_t state; /* of the random numbers */
static uint64_t calls_left;
static uint64_t exceptions;
static uint64_t wrong;

static uint64_t random_number(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15ul;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ul;
  z = (z ^ z >> 27) * 0x94d049bb133111ebul;
  return z ^ z >> 31;
}

static uint64_t below(uint64_t bound) { return (random_number() >> 16) % bound; }

/* PSCI that does not come back: CPU_SUSPEND, CPU_OFF, SYSTEM_OFF, SYSTEM_RESET, SYSTEM_RESET2,
 * SYSTEM_OFF2, in both widths. */
static int ends_or_waits(uint32_t function) {
  static const uint8_t numbers[SUSPENDS_OR_ENDS] = {0x01, 0x02, 0x08, 0x09, 0x12, 0x15};
  for (unsigned i = 0; i < SUSPENDS_OR_ENDS; ++i) {
    if ((function & ~0x40000000u) == (0x84000000u | numbers[i])) return 1;
  }
  return 0;
}

static uint64_t some_address(void) {
  switch (below(12)) {
    case 0: return (uint64_t)poisoned;
    case 1: return 0x0e000000; /* no memory, no device */
    case 2: return UART;
    case 3: return 0x08000000 + below(0x100) * PAGE_SIZE; /* interrupt controller */
    case 4: return (1ul << below(64)) - below(2) * PAGE_SIZE;
    case 5: return ~0ul << below(64);
    case 6: return (uint64_t)arena[below(PAGES)] + 1 + below(PAGE_SIZE - 1);
    case 7: return random_number();
    case 8: return 0x40000000 + (1ul << 30) + below(1 << 18) * PAGE_SIZE; /* behind its memory */
    default: return (uint64_t)arena[below(PAGES)];
  }
}

static uint64_t some_argument(void) { return below(4) == 0 ? some_address() : below(3); }

static uint32_t some_function(void) {
  static const uint32_t known[] = {
      0x80000000, 0x80000001, 0x80000002, 0x80003fff, 0x80008000, 0x80007fff, /* architecture */
      0x84000000, 0xc4000003, 0xc4000004, 0x84000006, 0x8400000a, 0xc400000e, /* PSCI */
      0x84000050, 0x84000051, 0x84000052, 0x84000053, 0xc4000053,             /* TRNG */
      0xc5000020, 0xc5000021,                                                 /* stolen time */
      0x86000000, 0x86000001, 0xc6000002, 0xc6000003, 0xc6000004, 0xc6000005, /* of KVM */
      0xc6000006, 0xc6000007, 0xc6000008, 0x8600ff01, 0x8600ff03, 0x86000040, 0x86000041,
  };
  switch (below(8)) {
    case 0: return (uint32_t)random_number();
    case 1: /* any owner, either width, fast or not, low numbers */
      return (uint32_t)(below(4) << 30 | below(64) << 24 | below(0x100));
    case 2: return (uint32_t)(below(4) << 30 | below(64) << 24 | 0xff00 | below(0x100));
    case 3:
    case 4: return known[below(sizeof known / sizeof *known)];
    default: return (uint32_t)(below(2) ? HYP_MEM_SHARE : HYP_MEM_UNSHARE);
  }
}

/* What sharing a page of the arena has to answer, by what was done to it before. */
static void check_sharing(unsigned page, uint32_t function, int64_t answer) {
  const int share = function == (uint32_t)HYP_MEM_SHARE;
  const int64_t right = is_shared[page] == share ? -3 : 0;
  if (answer != right) ++wrong;
  if (answer == 0) is_shared[page] = (uint8_t)share;
}

static void call_once(void) {
  const uint32_t function = some_function();
  if (ends_or_waits(function)) return;
  const uint64_t address = some_address();
  const uint64_t x2 = below(4) ? 0 : some_argument();
  const uint64_t x3 = below(4) ? 0 : some_argument();
  /* The upper half of x0 is nothing to do with the function. */
  const uint64_t x0 = function | (below(8) ? 0 : random_number() << 32);
  if (below(8) == 0) {
    smc(x0, address, x2, x3);
    return;
  }
  const uint64_t offset = address - (uint64_t)arena;
  const int sharing = function == (uint32_t)HYP_MEM_SHARE || function == (uint32_t)HYP_MEM_UNSHARE;
  const int64_t answer = hvc(x0, address, x2, x3);
  if (sharing && offset < sizeof arena && offset % PAGE_SIZE == 0 && (x2 | x3) == 0) {
    check_sharing((unsigned)(offset / PAGE_SIZE), function, answer);
  }
  /* Nothing makes of a bad address or of spare arguments a page that is shared. */
  const int bad = address % PAGE_SIZE != 0 || (x2 | x3) != 0 || address == (uint64_t)poisoned;
  if (sharing && bad && answer == 0) ++wrong;
}

static void run(void) {
  while (calls_left > 0) {
    --calls_left;
    call_once();
  }
  for (unsigned page = 0; page < PAGES; ++page) {
    for (unsigned i = 0; i < PAGE_SIZE; ++i) wrong += arena[page][i] != (uint8_t)(i + page);
  }
  print("hypercalls: done, ");
  print_number(exceptions);
  print(" exceptions, ");
  print_number(wrong);
  print(" wrong\n");
  power_off();
}

/* What is at an address without memory cannot be shared: the call meets a synchronous external
 * abort. It goes on with the next, on a stack that is empty again. */
void on_exception(uint64_t esr, uint64_t far, uint64_t elr) {
  (void)far;
  (void)elr;
  enum { DATA_ABORT = 0x25, EXTERNAL = 0x10 };
  if ((esr >> 26 & 0x3f) != DATA_ABORT || (esr & 0x3f) != EXTERNAL) {
    print("hypercalls: stopped by ");
    print_hex(esr);
    print("\n");
    return;
  }
  ++exceptions;
  run();
}

void main(const void* device_tree) {
  state = command_line_number(device_tree, "seed=", 1);
  calls_left = command_line_number(device_tree, "calls=", 100000);
  for (unsigned page = 0; page < PAGES; ++page) {
    for (unsigned i = 0; i < PAGE_SIZE; ++i) arena[page][i] = (uint8_t)(i + page);
  }
  poisoned[0] = 1;
  print("hypercalls: page ");
  print_hex((uint64_t)poisoned);
  print("\nhypercalls: ready\n");
  get_byte();
  run();
}
