/* SPDX-License-Identifier: Apache-2.0
 *
 * The byte code of hostile guests: what a driver that wants to harm its device does to it. The
 * freestanding guest evil.c runs it against the VMM's devices; natively the same code drives the
 * device library under sanitizers and a fuzzer. Any sequence of bytes is a program: fields are
 * taken modulo what there is, and what does not make sense does nothing.
 *
 * Guest memory is the arena, a run of pages which the program's creator picks: in the DMA window,
 * where it can be shared, or in private RAM. Ring parts lie in it as EVIL_SETUP lays them out, and
 * EVIL_POKE may change every byte of them. All numbers are little-endian.
 */
#pragma once

#include <stdint.h>

enum {
  EVIL_MAGIC = 0x4c495645, /* "EVIL" */
  EVIL_ARENA_PAGES = 32,
  EVIL_PAGE_SIZE = 4096,

  /* Queue q of the device set up last has its parts in page q of the arena: */
  EVIL_QUEUES = 8,
  EVIL_MAX_QUEUE_SIZE = 64,
  EVIL_DESCRIPTORS = 0,  /* 64 × 16 bytes */
  EVIL_AVAILABLE = 1024, /* flags, idx, 64 × 2 bytes, used_event */
  EVIL_USED = 2048,      /* flags, idx, 64 × 8 bytes, avail_event */
  /* Pages from here on are for buffers. */
  EVIL_FIRST_BUFFER_PAGE = EVIL_QUEUES,

  /* The registers of the virtio-mmio window (memory map of the VMM). */
  EVIL_REGISTERS = 0x0a000000,
  EVIL_REGISTERS_SIZE = 0x200,
  EVIL_DEVICES = 32,

  EVIL_MOST_WAITS = 100000, /* looks at a register, for one EVIL_WAIT or EVIL_UNTIL */
  EVIL_MOST_STEPS = 1000000,
};

/* What is done, with the fields a, b and c of the instruction. An arena offset is b | (a >> 4) <<
 * 16, modulo the size of the arena; a width is 1 << (a & 3) bytes. */
enum evil_op {
  EVIL_END,          /* the program is over; so it is after its last instruction */
  EVIL_READ,         /* width at register offset b of device c */
  EVIL_WRITE,        /* width at register offset b & 0x1ff of device b >> 9: c */
  EVIL_POKE,         /* width at an arena offset: c */
  EVIL_POKE_ADDRESS, /* 64 bits at an arena offset: the guest-physical address of the arena + c */
  EVIL_ADD,          /* 16 bits at an arena offset: += c */
  EVIL_PEEK,         /* width at an arena offset, only to touch it */
  EVIL_SHARE,        /* MEM_SHARE of a + 1 pages of the arena from page b on */
  EVIL_UNSHARE,      /* MEM_UNSHARE of the same */
  EVIL_SETUP,  /* resets device a and takes it to DRIVER_OK: all features but those in c (of the
                  low word), all queues of b entries */
  EVIL_SUBMIT, /* head c in the available ring of queue b: ring entry, then idx */
  EVIL_KICK,   /* QueueNotify of device a: c */
  EVIL_WAIT,   /* until device a interrupts or c looks are over; acknowledges */
  EVIL_FLIP,   /* a second CPU toggles c in the 32 bits at the arena offset from now on, instead
                  of what it did; not with c == 0 */
  EVIL_HVC,    /* function c, x1 the address of arena page b */
  EVIL_SMC,    /* the same by SMC */
  EVIL_LOOP,   /* a + 1 instructions back, b times in all */
  EVIL_SAY,    /* prints "evil: c" */
  EVIL_TELL,   /* as EVIL_READ, and prints "tell: " and what was read */
  EVIL_RECALL, /* as EVIL_PEEK, and prints it in the same way */
  EVIL_CLEAR,  /* zeroes a + 1 pages of the arena from page b on */
  EVIL_UNTIL,  /* until the used index of queue b is its available index, device a needs a reset, or
                  c looks are over */
  EVIL_REVOKE, /* a second CPU shares page b of the arena and unshares it, over and over from now
                  on, instead of what it did; not with c == 0. What it did is over then, as it is
                  after EVIL_FLIP */
  EVIL_OPS,
};

struct evil_instruction {
  uint8_t op; /* modulo EVIL_OPS */
  uint8_t a;
  uint16_t b;
  uint32_t c;
};

/* The file: this header, then `count` instructions. */
struct evil_header {
  uint32_t magic;
  uint32_t count;
  uint64_t arena; /* guest-physical address, of EVIL_ARENA_PAGES pages */
};
