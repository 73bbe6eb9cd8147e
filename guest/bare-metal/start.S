/* SPDX-License-Identifier: Apache-2.0
 *
 * The first byte of every bare-metal guest. Entered at EL1 with the MMU off and the address of the
 * device tree in x0, at the start of RAM; any address aligned to 4 KiB does, for nothing in here
 * or in the programs is linked to one. Turns on stage 1 with 512 GiB mapped to themselves, the
 * first of them as device, the others as cacheable memory, and calls main(device tree).
 */
#define MAIR_DEVICE_AND_NORMAL 0xff00 /* attribute 0 device-nGnRnE, 1 normal write-back */
#define TCR_39_BIT_4K 0x3519          /* T0SZ 25, inner shareable write-back walks */
#define TCR_NO_TTBR1 0x0080           /* bits 31:16: EPD1 */
#define TCR_IPA_40_BIT 0x2            /* bits 47:32: IPS */
#define SCTLR_MMU_AND_CACHES 0x1005   /* M, C, I */
#define BLOCK_DEVICE 0x60000000000401 /* UXN, PXN, AF, attribute 0 */
#define BLOCK_NORMAL 0x705            /* AF, inner shareable, attribute 1 */
#define GIB 0x40000000

  .section .text.start, "ax"
  .global start
start:
  mov   x19, x0
  bl    mmu_on
  adr   x0, stack_top
  mov   sp, x0
  adr   x1, bss_start
  adr   x2, bss_end
1:
  cmp   x1, x2
  b.hs  2f
  stp   xzr, xzr, [x1], #16
  b     1b
2:
  mov   x0, x19
  bl    main
  b     power_off

/* For secondary CPUs too: keeps x0, needs no stack. */
  .global mmu_on
mmu_on:
  adr   x9, vectors
  msr   vbar_el1, x9
  mov   x9, #MAIR_DEVICE_AND_NORMAL
  msr   mair_el1, x9
  mov   x9, #TCR_39_BIT_4K
  movk  x9, #TCR_NO_TTBR1, lsl #16
  movk  x9, #TCR_IPA_40_BIT, lsl #32
  msr   tcr_el1, x9
  adr   x9, translation_table
  msr   ttbr0_el1, x9
  isb
  tlbi  vmalle1
  dsb   nsh
  ic    iallu
  dsb   nsh
  isb
  mrs   x9, sctlr_el1
  mov   x10, #SCTLR_MMU_AND_CACHES
  orr   x9, x9, x10
  msr   sctlr_el1, x9
  isb
  ret

take_exception:
  adr   x9, stack_top
  mov   sp, x9
  mrs   x0, esr_el1
  mrs   x1, far_el1
  mrs   x2, elr_el1
  bl    on_exception
  b     power_off

  .balign 2048
vectors:
  .rept 16
  b     take_exception
  .balign 128
  .endr

  .balign 4096
translation_table:
  .quad BLOCK_DEVICE
  .set  block, 1
  .rept 511
  .quad BLOCK_NORMAL + block * GIB
  .set  block, block + 1
  .endr

  .section .note.GNU-stack, "", %progbits
