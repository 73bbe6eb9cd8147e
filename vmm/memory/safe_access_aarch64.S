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
	 * Copies x2 bytes from x1 to x0. `guest` is the register of the side that may fault. That side
	 * is accessed by bytes until it is aligned and then 16 bytes at a time, so no access crosses a
	 * page of it: a fault leaves x2 exact.
	 */
	.macro	copy guest
1:	tst	\guest, #15
	b.eq	2f
	cbz	x2, guest_access_landing
	ldrb	w3, [x1], #1
	strb	w3, [x0], #1
	sub	x2, x2, #1
	b	1b
2:	cmp	x2, #16
	b.lo	4f
3:	ldp	x3, x4, [x1], #16
	stp	x3, x4, [x0], #16
	sub	x2, x2, #16
	cmp	x2, #16
	b.hs	3b
4:	cbz	x2, guest_access_landing
	ldrb	w3, [x1], #1
	strb	w3, [x0], #1
	sub	x2, x2, #1
	b	4b
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
1:	tst	x0, #15
	b.eq	2f
	cbz	x2, guest_access_landing
	strb	wzr, [x0], #1
	sub	x2, x2, #1
	b	1b
2:	cmp	x2, #16
	b.lo	4f
3:	stp	xzr, xzr, [x0], #16
	sub	x2, x2, #16
	cmp	x2, #16
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
