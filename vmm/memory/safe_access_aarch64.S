/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only instructions of the VMM that touch guest memory (safe_access.h has the contract).
 *
 * One rule makes one landing pad right for all of them: while guest memory is touched, x2 holds the
 * number of bytes still to go. A fault sends the thread to the landing pad, which returns x2; a
 * routine that is through falls or branches there with x2 = 0.
 *
 * All routines are leaves and keep the link register and the stack pointer as they found them.
 */
#if defined(__aarch64__)

	.macro	function name
	.globl	\name
	.hidden	\name
	.type	\name, %function
	.balign	16
\name:
	.cfi_startproc
	.endm

	.macro	end_function name
	.cfi_endproc
	.size	\name, . - \name
	.endm

	/*
	 * One access of each side, of `size` bytes through the registers of `load` and `store`, neither of
	 * which crosses a page of guest memory: a fault leaves x2 exact.
	 */
	.macro	move size, load, store, registers:vararg
	\load	\registers, [x1], #\size
	\store	\registers, [x0], #\size
	sub	x2, x2, #\size
	.endm

	/* The same when bit `bit` of the guest's address is set, after which it is clear. */
	.macro	move_if guest, bit, size, load, store, registers:vararg
	tbz	\guest, #\bit, 9f
	move	\size, \load, \store, \registers
9:
	.endm

	/*
	 * Copies x2 bytes from x1 to x0. `guest` is the register of the side that may fault. That side is
	 * always accessed at multiples of the access's size. Much goes 32 bytes at a time, since devices
	 * copy all that guests read and write.
	 */
	.macro	copy guest
	cmp	x2, #64
	b.lo	2f
	move_if	\guest, 0, 1, ldrb, strb, w3
	move_if	\guest, 1, 2, ldrh, strh, w3
	move_if	\guest, 2, 4, ldr, str, w3
	move_if	\guest, 3, 8, ldr, str, x3
	move_if	\guest, 4, 16, ldr, str, q0
	b	1f
0:	move	32, ldp, stp, q0, q1
	move	32, ldp, stp, q2, q3
	move	32, ldp, stp, q0, q1
	move	32, ldp, stp, q2, q3
1:	cmp	x2, #128
	b.hs	0b
2:	tst	\guest, #15
	b.ne	4f
	b	3f
6:	move	16, ldr, str, q0
3:	cmp	x2, #16
	b.hs	6b
4:	tst	\guest, #3
	b.ne	5f
	b	7f
8:	move	4, ldr, str, w3
7:	cmp	x2, #4
	b.hs	8b
5:	cbz	x2, guest_access_landing
	move	1, ldrb, strb, w3
	b	5b
	.endm

	.section .text.guest_access, "ax", %progbits

	.globl	guest_access_begin
	.hidden	guest_access_begin
guest_access_begin:

/* size_t copy_from_guest(std::byte* to, uintptr_t from, size_t size) */
	function copy_from_guest
	copy	x1
	end_function copy_from_guest

/* size_t copy_to_guest(uintptr_t to, const std::byte* from, size_t size) */
	function copy_to_guest
	copy	x0
	end_function copy_to_guest

/* size_t zero_guest(uintptr_t to, size_t size) */
	function zero_guest
	mov	x2, x1
	movi	v0.2d, #0
1:	tst	x0, #31
	b.eq	2f
	cbz	x2, guest_access_landing
	strb	wzr, [x0], #1
	sub	x2, x2, #1
	b	1b
2:	cmp	x2, #32
	b.lo	4f
3:	stp	q0, q0, [x0], #32
	sub	x2, x2, #32
	cmp	x2, #32
	b.hs	3b
4:	cbz	x2, guest_access_landing
	strb	wzr, [x0], #1
	sub	x2, x2, #1
	b	4b
	end_function zero_guest

/* size_t load_guest_u16(uintptr_t from, uint16_t* value) */
	function load_guest_u16
	mov	x2, #2
	ldrh	w3, [x0]
	strh	w3, [x1]
	mov	x2, #0
	b	guest_access_landing
	end_function load_guest_u16

/* size_t load_acquire_guest_u16(uintptr_t from, uint16_t* value) */
	function load_acquire_guest_u16
	mov	x2, #2
	ldarh	w3, [x0]
	strh	w3, [x1]
	mov	x2, #0
	b	guest_access_landing
	end_function load_acquire_guest_u16

/* size_t store_release_guest_u16(uintptr_t to, uint16_t value) */
	function store_release_guest_u16
	mov	x2, #2
	stlrh	w1, [x0]
	mov	x2, #0
	b	guest_access_landing
	end_function store_release_guest_u16

	function guest_access_landing
	mov	x0, x2
	ret
	end_function guest_access_landing

	.globl	guest_access_end
	.hidden	guest_access_end
guest_access_end:

#endif

	.section .note.GNU-stack, "", %progbits
