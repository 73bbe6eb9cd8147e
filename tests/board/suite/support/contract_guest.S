/* SPDX-License-Identifier: Apache-2.0
 *
 * The guest of the contract suite: it does what the test tells it, one command at a time.
 *
 * The commands come through the door, a page of guest-physical addresses that no memslot backs. A
 * read of it leaves KVM_RUN with KVM_EXIT_MMIO, and the test supplies the value; a write hands over
 * a result. No memory is shared and no interrupt is needed, so the door works before any of the
 * things under test does. contract_guest.cc is the other side, and contract_guest.h names the
 * commands in the order of the table below.
 *
 *   offset  0x00  read   the next command
 *           0x08  read   its arguments: 0x08, 0x10, 0x18, 0x20
 *           0x28  write  the result of the command, 0 where it has none
 *           0x30  write  ESR_EL1 of an exception taken by the command
 *           0x38  write  FAR_EL1 of it; ends the command in place of a result
 *
 * Position independent, without stack or writable data: every vCPU may enter at the first byte.
 * The stage 1 tables map 4 GiB to themselves, memory as cacheable, so that what host and guest see
 * of a page agrees on machines whose caches do not snoop uncached accesses.
 */
#define DOOR 0x0d000000

#define MAIR_DEVICE_AND_NORMAL 0xff00 /* attribute 0 device-nGnRnE, 1 normal write-back */
#define TCR_LOW 0x3519                /* 39-bit VA, inner shareable write-back walks, 4K */
#define TCR_NO_TTBR1 0x0080           /* bits 31:16: EPD1 */
#define TCR_IPA_40_BIT 0x2            /* bits 47:32: IPS */
#define SCTLR_MMU_AND_CACHES 0x1005   /* M, C, I */
#define BLOCK_DEVICE 0x60000000000401 /* UXN, PXN, AF, attribute 0 */
#define BLOCK_NORMAL 0x705            /* AF, inner shareable, attribute 1 */

  .section .rodata.contract_guest, "a"
  .balign 4096
  .global contract_guest_begin
  .hidden contract_guest_begin
contract_guest_begin:
  mov   x19, x0
  orr   x20, x1, x2
  orr   x20, x20, x3
  mrs   x21, CurrentEL
  mrs   x22, DAIF
  orr   x21, x21, x22

  adr   x9, vectors
  msr   vbar_el1, x9
  mov   x9, #MAIR_DEVICE_AND_NORMAL
  msr   mair_el1, x9
  mov   x9, #TCR_LOW
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
  mov   x27, #DOOR

next_command:
  ldr   x9, [x27]
  ldr   x0, [x27, #0x08]
  ldr   x1, [x27, #0x10]
  ldr   x2, [x27, #0x18]
  ldr   x3, [x27, #0x20]
  adr   x10, command_table
  add   x10, x10, x9, lsl #2
  br    x10
command_table:
  b     boot_state
  b     read64
  b     read32
  b     write64
  b     write32
  b     load_pair
  b     touch
  b     call_hvc
  b     call_smc
  b     interrupts_on
  b     interrupt_take
  b     hold_secret
  b     execute
  b     clean_cache

boot_state:                             /* x0: 0 for x0, 1 for x1|x2|x3, 2 for CurrentEL|DAIF */
  cmp   x0, #1
  csel  x0, x19, x20, lo
  csel  x0, x21, x0, hi
  b     done
read64:
  ldr   x0, [x0]
  b     done
read32:
  ldr   w0, [x0]
  b     done
write64:
  str   x1, [x0]
  b     done_nothing
write32:
  str   w1, [x0]
  b     done_nothing
load_pair:                              /* has no syndrome: KVM cannot emulate it */
  ldp   x0, x1, [x0]
  b     done
touch:                                  /* one load at each of x1 addresses from x0, x2 apart */
  ldr   x4, [x0]
  add   x0, x0, x2
  subs  x1, x1, #1
  b.ne  touch
  b     done_nothing
call_hvc:
  hvc   #0
  b     done
call_smc:
  smc   #0
  b     done
interrupts_on:                          /* CPU interface: system registers, all priorities, group 1 */
  mrs   x4, S3_0_C12_C12_5              /* ICC_SRE_EL1 */
  orr   x4, x4, #1
  msr   S3_0_C12_C12_5, x4
  isb
  mov   x4, #0xff
  msr   S3_0_C4_C6_0, x4                /* ICC_PMR_EL1 */
  mov   x4, #1
  msr   S3_0_C12_C12_7, x4              /* ICC_IGRPEN1_EL1 */
  isb
  b     done_nothing
interrupt_take:                         /* INTID; DAIF stays set, for WFI wakes all the same */
  dsb   sy
  wfi
  mrs   x0, S3_0_C12_C12_0              /* ICC_IAR1_EL1 */
  and   x0, x0, #0xffffff
  cmp   x0, #1023
  b.eq  interrupt_take
  msr   S3_0_C12_C12_1, x0              /* ICC_EOIR1_EL1 */
  isb
  b     done
hold_secret:                            /* x23 to x26 and v8: what nobody outside has chosen */
  mov   x4, #3 << 20                    /* CPACR_EL1.FPEN */
  msr   cpacr_el1, x4
  isb
  mrs   x4, cntvct_el0
  orr   x4, x4, #1
  movk  x4, #0x9e37, lsl #48
  mul   x23, x4, x4
  mul   x24, x23, x4
  mul   x25, x24, x4
  mul   x26, x25, x4
  fmov  d8, x23
  ins   v8.d[1], x24
  eor   x0, x23, x24                    /* the answer: all of them, exclusive-ored */
  eor   x0, x0, x25
  eor   x0, x0, x26
  b     done
execute:                                /* what is there may return with something in x0 */
  blr   x0
  b     done
clean_cache:                            /* to the point of coherency, of the line at x0 */
  dc    cvac, x0
  b     done_nothing
done_nothing:
  mov   x0, #0
done:
  dsb   sy
  str   x0, [x27, #0x28]
  b     next_command

exception:
  mrs   x4, esr_el1
  mrs   x5, far_el1
  str   x4, [x27, #0x30]
  adr   x6, next_command
  msr   elr_el1, x6
  str   x5, [x27, #0x38]
  eret

  .balign 2048
vectors:
  .rept 16
  b     exception
  .balign 128
  .endr

  .balign 4096
translation_table:
  .quad BLOCK_DEVICE
  .quad BLOCK_NORMAL | 0x40000000
  .quad BLOCK_NORMAL | 0x80000000
  .quad BLOCK_NORMAL | 0xc0000000
  .balign 4096
  .global contract_guest_end
  .hidden contract_guest_end
contract_guest_end:

  .section .note.GNU-stack, "", %progbits
