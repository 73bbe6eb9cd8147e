/* SPDX-License-Identifier: Apache-2.0
 * Runs the program of evil_program.h that lies in its initrd against the devices of its VMM. */
#include "evil_program.h"

#include "bare_metal.h"

#define QUEUE_NOTIFY 0x050
#define INTERRUPT_STATUS 0x060
#define INTERRUPT_ACK 0x064
#define STATUS 0x070
#define NEEDS_RESET 64

#define STACK_SIZE 2048

static uint64_t arena;
static uint16_t queue_size = EVIL_MAX_QUEUE_SIZE; /* of the last set-up */

static uint64_t arena_address(uint64_t offset) {
  return arena + offset % (EVIL_ARENA_PAGES * EVIL_PAGE_SIZE);
}

/* Of what an instruction names, aligned for `width`: an unaligned access is the guest's own fault.
 */
static uint64_t named_address(const struct evil_instruction* i, unsigned width) {
  return arena_address((i->b | (uint64_t)(i->a >> 4) << 16) & ~(uint64_t)(width - 1));
}

static uint64_t registers_of(unsigned device) {
  return EVIL_REGISTERS + device % EVIL_DEVICES * EVIL_REGISTERS_SIZE;
}

static uint64_t load(uint64_t address, unsigned width) {
  switch (width) {
    case 1: return read8(address);
    case 2: return read16(address);
    case 4: return read32(address);
    default: return read64(address);
  }
}

static void store(uint64_t address, unsigned width, uint64_t value) {
  switch (width) {
    case 1: write8(address, (uint8_t)value); break;
    case 2: write16(address, (uint16_t)value); break;
    case 4: write32(address, (uint32_t)value); break;
    default: write64(address, value | value << 32); break;
  }
}

/* The registers take aligned accesses of every width here; what is odd about them is up to b. */
static uint64_t named_register(const struct evil_instruction* i, unsigned device, unsigned width) {
  return registers_of(device) + ((i->b % EVIL_REGISTERS_SIZE) & ~(uint64_t)(width - 1));
}

/* virtio 1.3, 3.1.1 and 4.2.2. */
static void set_up(const struct evil_instruction* i) {
  enum {
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SEL = 0x024,
    QUEUE_SEL = 0x030,
    QUEUE_SIZE_MAX = 0x034,
    QUEUE_SIZE = 0x038,
    QUEUE_READY = 0x044,
    QUEUE_DESC = 0x080,
    QUEUE_DRIVER = 0x090,
    QUEUE_DEVICE = 0x0a0,
  };
  const uint64_t at = registers_of(i->a);
  write32(at + STATUS, 0);
  write32(at + STATUS, 1 | 2);
  for (uint32_t half = 0; half < 2; ++half) {
    write32(at + DEVICE_FEATURES_SEL, half);
    const uint32_t offered = read32(at + DEVICE_FEATURES);
    write32(at + DRIVER_FEATURES_SEL, half);
    write32(at + DRIVER_FEATURES, half == 0 ? offered & ~i->c : offered);
  }
  write32(at + STATUS, 1 | 2 | 8);
  const uint16_t size = i->b % (EVIL_MAX_QUEUE_SIZE + 1);
  if (size != 0) queue_size = size;
  for (uint32_t queue = 0; queue < EVIL_QUEUES; ++queue) {
    const uint64_t page = arena + queue * EVIL_PAGE_SIZE;
    write32(at + QUEUE_SEL, queue);
    if (read32(at + QUEUE_SIZE_MAX) == 0) break;
    write32(at + QUEUE_SIZE, size);
    const uint64_t parts[][2] = {{QUEUE_DESC, page + EVIL_DESCRIPTORS},
                                 {QUEUE_DRIVER, page + EVIL_AVAILABLE},
                                 {QUEUE_DEVICE, page + EVIL_USED}};
    for (unsigned part = 0; part < 3; ++part) {
      write32(at + parts[part][0], (uint32_t)parts[part][1]);
      write32(at + parts[part][0] + 4, (uint32_t)(parts[part][1] >> 32));
    }
    write32(at + QUEUE_READY, 1);
  }
  write32(at + STATUS, 1 | 2 | 8 | 4);
}

/* Of queue b. */
static uint64_t part_of_queue(const struct evil_instruction* i, uint64_t part) {
  return arena + i->b % EVIL_QUEUES * EVIL_PAGE_SIZE + part;
}

static void submit(const struct evil_instruction* i) {
  const uint64_t available = part_of_queue(i, EVIL_AVAILABLE);
  const uint16_t index = read16(available + 2);
  write16(available + 4 + index % queue_size * 2u, (uint16_t)i->c);
  __asm__ volatile("dmb ish" ::: "memory"); /* the entry before the index that announces it */
  write16(available + 2, (uint16_t)(index + 1));
  __asm__ volatile("dmb ish" ::: "memory");
}

static uint32_t looks_of(const struct evil_instruction* i) {
  return i->c < EVIL_MOST_WAITS ? i->c : EVIL_MOST_WAITS;
}

static void wait(const struct evil_instruction* i) {
  const uint64_t at = registers_of(i->a);
  for (uint32_t look = 0; look < looks_of(i); ++look) {
    const uint32_t status = read32(at + INTERRUPT_STATUS);
    if (status == 0) continue;
    write32(at + INTERRUPT_ACK, status);
    return;
  }
}

static void wait_until_used(const struct evil_instruction* i) {
  const uint64_t available = part_of_queue(i, EVIL_AVAILABLE + 2);
  const uint64_t used = part_of_queue(i, EVIL_USED + 2);
  for (uint32_t look = 0; look < looks_of(i); ++look) {
    if (read32(registers_of(i->a) + STATUS) & NEEDS_RESET) return;
    if (read16(used) == read16(available)) break;
  }
  __asm__ volatile("dmb ish" ::: "memory"); /* the index before what it announces */
}

static void clear_pages(const struct evil_instruction* i) {
  for (uint64_t page = 0; page <= i->a; ++page) {
    const uint64_t start = arena_address((i->b + page) * EVIL_PAGE_SIZE);
    for (uint64_t offset = 0; offset < EVIL_PAGE_SIZE; offset += 8) write64(start + offset, 0);
  }
}

static void call_for_pages(uint64_t function, const struct evil_instruction* i) {
  for (uint64_t page = 0; page <= i->a; ++page) {
    hvc(function, arena_address((i->b + page) * EVIL_PAGE_SIZE), 0, 0);
  }
}

/* The second CPU flips or revokes. What and where is one word each: a mixture of two orders is as
 * good as either. */
static uint8_t second_stack[STACK_SIZE] __attribute__((aligned(16)));
static uint64_t flip_address;
static uint32_t flip_bits;
static uint64_t revoked_page; /* 0: none */
static uint32_t ordered;      /* how many orders there were, and how many it has seen */
static uint32_t obeyed;

void second_start(void);
__asm__(
    "second_start:\n"
    "  bl mmu_on\n"
    "  mov sp, x0\n"
    "  b obey_orders\n");

__attribute__((used)) static void obey_orders(void) {
  for (;;) {
    __atomic_store_n(&obeyed, __atomic_load_n(&ordered, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
    const uint64_t page = __atomic_load_n(&revoked_page, __ATOMIC_RELAXED);
    if (page != 0) {
      hvc(HYP_MEM_SHARE, page, 0, 0);
      hvc(HYP_MEM_UNSHARE, page, 0, 0);
      continue;
    }
    const uint64_t address = __atomic_load_n(&flip_address, __ATOMIC_RELAXED);
    const uint32_t bits = __atomic_load_n(&flip_bits, __ATOMIC_RELAXED);
    if (bits != 0) write32(address, read32(address) ^ bits);
  }
}

/* What the CPU did before is over on return: its host may have it wait for long between a share and
 * an unshare. */
static void order(uint64_t page, uint64_t address, uint32_t bits) {
  static int started;
  __atomic_store_n(&flip_bits, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&flip_address, address, __ATOMIC_RELAXED);
  __atomic_store_n(&flip_bits, bits, __ATOMIC_RELAXED);
  __atomic_store_n(&revoked_page, page, __ATOMIC_RELAXED);
  __atomic_store_n(&ordered, ordered + 1, __ATOMIC_RELEASE);
  while (started && __atomic_load_n(&obeyed, __ATOMIC_ACQUIRE) != ordered) continue;
  if (started || (page == 0 && bits == 0)) return;
  started = hvc(PSCI_CPU_ON, 1, (uint64_t)second_start, (uint64_t)second_stack + STACK_SIZE) == 0;
}

static void say(const char* word, uint64_t number) {
  print(word);
  print_number(number);
  print("\n");
}

static void execute(const struct evil_instruction* i) {
  const unsigned width = 1u << (i->a & 3);
  switch (i->op % EVIL_OPS) {
    case EVIL_READ: load(named_register(i, i->c, width), width); break;
    case EVIL_WRITE:
      store(named_register(i, i->b / EVIL_REGISTERS_SIZE, width), width, i->c);
      break;
    case EVIL_POKE: store(named_address(i, width), width, i->c); break;
    case EVIL_POKE_ADDRESS: write64(named_address(i, 8), arena + i->c); break;
    case EVIL_ADD: {
      const uint64_t address = named_address(i, 2);
      write16(address, (uint16_t)(read16(address) + i->c));
      break;
    }
    case EVIL_PEEK: load(named_address(i, width), width); break;
    case EVIL_SHARE: call_for_pages(HYP_MEM_SHARE, i); break;
    case EVIL_UNSHARE: call_for_pages(HYP_MEM_UNSHARE, i); break;
    case EVIL_SETUP: set_up(i); break;
    case EVIL_SUBMIT: submit(i); break;
    case EVIL_KICK: write32(registers_of(i->a) + QUEUE_NOTIFY, i->c); break;
    case EVIL_WAIT: wait(i); break;
    case EVIL_FLIP: order(0, named_address(i, 4), i->c); break;
    case EVIL_HVC: hvc(i->c, arena_address(i->b * (uint64_t)EVIL_PAGE_SIZE), 0, 0); break;
    case EVIL_SMC: smc(i->c, arena_address(i->b * (uint64_t)EVIL_PAGE_SIZE), 0, 0); break;
    case EVIL_SAY: say("evil: ", i->c); break;
    case EVIL_TELL: say("tell: ", load(named_register(i, i->c, width), width)); break;
    case EVIL_RECALL: say("tell: ", load(named_address(i, width), width)); break;
    case EVIL_CLEAR: clear_pages(i); break;
    case EVIL_UNTIL: wait_until_used(i); break;
    case EVIL_REVOKE:
      order(i->c == 0 ? 0 : arena_address(i->b * (uint64_t)EVIL_PAGE_SIZE), arena, 0);
      break;
    default: break;
  }
}

static void run(const struct evil_instruction* program, uint32_t count) {
  /* Loops do not nest: one that is met within another begins anew. */
  uint32_t loop_at = UINT32_MAX;
  uint32_t rounds = 0;
  uint32_t steps = 0;
  for (uint32_t at = 0; at < count && steps < EVIL_MOST_STEPS; ++at, ++steps) {
    const struct evil_instruction* i = &program[at];
    if (i->op % EVIL_OPS == EVIL_END) return;
    if (i->op % EVIL_OPS != EVIL_LOOP) {
      execute(i);
      continue;
    }
    if (loop_at != at) {
      loop_at = at;
      rounds = i->b;
    }
    if (rounds == 0) {
      loop_at = UINT32_MAX;
      continue;
    }
    --rounds;
    at -= i->a + 1u < at ? i->a + 1u : at;
    --at; /* the for statement adds it again */
  }
}

/* A fault of the program's own making, such as an access to a device that is not there: it ends. */
void on_exception(uint64_t esr, uint64_t far, uint64_t elr) {
  (void)elr;
  print("evil: stopped by ");
  print_hex(esr);
  print(" at ");
  print_hex(far);
  print("\n");
}

void main(const void* device_tree) {
  uint32_t size = 0;
  const uint32_t* start = device_tree_property(device_tree, "linux,initrd-start", &size);
  if (start == 0 || size != 8) {
    print("evil: no program\n");
    return;
  }
  const uint64_t address =
      (uint64_t)__builtin_bswap32(start[0]) << 32 | __builtin_bswap32(start[1]);
  const struct evil_header* header = (const struct evil_header*)address;
  if (header->magic != EVIL_MAGIC) {
    print("evil: not a program\n");
    return;
  }
  arena = header->arena;
  run((const struct evil_instruction*)(header + 1), header->count);
  print("evil: over\n");
}
