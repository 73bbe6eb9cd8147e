/* SPDX-License-Identifier: Apache-2.0
 * Leaves AArch64: goes to EL0 in AArch32 state and stays there. A protected guest may not, even
 * where the CPU can, and where the CPU cannot the return is an exception of its own. */
#include "bare_metal.h"

#define SPSR_AARCH32_USER 0x10 /* M[4:0], A32, no mask bits */
#define SCTLR_MMU_AND_CACHES 0x1005
#define EC_ILLEGAL_STATE 0x0e

/* `b .` of A32. */
static const uint32_t loop_forever __attribute__((aligned(4))) = 0xeafffffe;

void on_exception(uint64_t esr, uint64_t far, uint64_t elr) {
  (void)far, (void)elr;
  if (esr >> 26 == EC_ILLEGAL_STATE) {
    print("aarch32: not on this CPU\n");
  } else {
    print("aarch32: stopped by an exception\n");
  }
}

void main(const void* device_tree) {
  (void)device_tree;
  print("aarch32: leaving\n");
  /* SAFETY: does not come back. The MMU goes off first, so that EL0 may run what EL1 owns; the code
   * is mapped to itself and nothing reads memory in between. */
  __asm__ volatile(
      "mrs x9, sctlr_el1\n"
      "bic x9, x9, %2\n"
      "msr elr_el1, %0\n"
      "msr spsr_el1, %1\n"
      "msr sctlr_el1, x9\n"
      "isb\n"
      "eret\n"
      :
      : "r"(&loop_forever), "r"((uint64_t)SPSR_AARCH32_USER), "r"((uint64_t)SCTLR_MMU_AND_CACHES)
      : "x9", "memory");
  __builtin_unreachable();
}
