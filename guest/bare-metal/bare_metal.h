/* SPDX-License-Identifier: Apache-2.0
 *
 * What the bare-metal guests have in common: the PL011 at 0x0900'0000 as their terminal, PSCI and
 * the hypervisor's calls by HVC, and `name=number` words of the kernel command line.
 */
#pragma once

#include <stdint.h>

#define PAGE_SIZE 4096u
#define MIB (1024u * 1024u)

/* PL011 registers (Arm DDI 0183, 3.2). */
#define UART 0x09000000ul
#define UART_DR (UART + 0x000)
#define UART_FR (UART + 0x018)
#define UART_CR (UART + 0x030)
#define UART_PERIPH_ID0 (UART + 0xfe0)
#define UART_FR_RXFE (1u << 4)
#define UART_FR_TXFF (1u << 5)
#define UART_FR_TXFE (1u << 7)

/* SMCCC function identifiers: Arm DEN 0022 (PSCI), Linux hypercalls.rst (the others). */
#define PSCI_CPU_OFF 0x84000002ul
#define PSCI_CPU_ON 0xc4000003ul
#define PSCI_SYSTEM_OFF 0x84000008ul
#define PSCI_SYSTEM_RESET 0x84000009ul
#define HYP_FEATURES 0x86000000ul
#define HYP_MEM_SHARE 0xc6000003ul
#define HYP_MEM_UNSHARE 0xc6000004ul

/* Each program has one; returning from it powers the machine off. */
void main(const void* device_tree);
/* Says what happened and powers off, unless a program has its own. */
void on_exception(uint64_t esr, uint64_t far, uint64_t elr);

void print(const char* text);
void print_number(uint64_t number);
void print_hex(uint64_t number);
void put_byte(uint8_t byte);
/* Waits for one. */
uint8_t get_byte(void);

/* The value of the property `wanted`, big-endian as it is there, and its size; null without one. */
const void* device_tree_property(const void* device_tree, const char* wanted, uint32_t* size);

/* The number after `word`, which ends in '=', on the command line; `otherwise` without one. */
uint64_t command_line_number(const void* device_tree, const char* word, uint64_t otherwise);

int64_t hvc(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3);
int64_t smc(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3);
_Noreturn void power_off(void);

/* SAFETY (all): the address is of a device, or of memory that the program may touch. */
static inline uint8_t read8(uint64_t address) { return *(volatile uint8_t*)address; }
static inline uint16_t read16(uint64_t address) { return *(volatile uint16_t*)address; }
static inline uint32_t read32(uint64_t address) { return *(volatile uint32_t*)address; }
static inline uint64_t read64(uint64_t address) { return *(volatile uint64_t*)address; }
static inline void write8(uint64_t address, uint8_t value) { *(volatile uint8_t*)address = value; }
static inline void write16(uint64_t address, uint16_t value) {
  *(volatile uint16_t*)address = value;
}
static inline void write32(uint64_t address, uint32_t value) {
  *(volatile uint32_t*)address = value;
}
static inline void write64(uint64_t address, uint64_t value) {
  *(volatile uint64_t*)address = value;
}
