/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The twin of safe_access_aarch64.S for development machines, by the same rule: while guest memory
 * is touched, %rcx holds the number of bytes still to go, and the landing pad returns it.
 *
 * `rep movsb` and `rep stosb` can be interrupted by a fault after any byte and then leave %rcx
 * exact (Intel SDM vol. 1, 7.3.9.3). Every load is an acquire and every store a release here.
 */
#if defined(__x86_64__)

	.macro	function name
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.balign	16
\name:
	.cfi_startproc
	.endm

	.macro	end_function name
	.cfi_endproc
	.size	\name, . - \name
	.endm

	.section .text.guest_access, "ax", @progbits

	.globl	guest_access_begin
	.hidden	guest_access_begin
guest_access_begin:

/* size_t copy_from_guest(std::byte* to, uintptr_t from, size_t size) */
	function copy_from_guest
	mov	%rdx, %rcx
	rep movsb
	jmp	guest_access_landing
	end_function copy_from_guest

/* size_t copy_to_guest(uintptr_t to, const std::byte* from, size_t size) */
	function copy_to_guest
	mov	%rdx, %rcx
	rep movsb
	jmp	guest_access_landing
	end_function copy_to_guest

/* size_t zero_guest(uintptr_t to, size_t size) */
	function zero_guest
	mov	%rsi, %rcx
	xor	%eax, %eax
	rep stosb
	jmp	guest_access_landing
	end_function zero_guest

/* size_t load_guest_u16(uintptr_t from, uint16_t* value) */
	function load_guest_u16
	mov	$2, %ecx
	movzwl	(%rdi), %eax
	mov	%ax, (%rsi)
	xor	%ecx, %ecx
	jmp	guest_access_landing
	end_function load_guest_u16

/* size_t load_acquire_guest_u16(uintptr_t from, uint16_t* value) */
	function load_acquire_guest_u16
	mov	$2, %ecx
	movzwl	(%rdi), %eax
	mov	%ax, (%rsi)
	xor	%ecx, %ecx
	jmp	guest_access_landing
	end_function load_acquire_guest_u16

/* size_t store_release_guest_u16(uintptr_t to, uint16_t value) */
	function store_release_guest_u16
	mov	$2, %ecx
	mov	%si, (%rdi)
	xor	%ecx, %ecx
	jmp	guest_access_landing
	end_function store_release_guest_u16

	function guest_access_landing
	mov	%rcx, %rax
	ret
	end_function guest_access_landing

	.globl	guest_access_end
	.hidden	guest_access_end
guest_access_end:

#endif

	.section .note.GNU-stack, "", @progbits
