/* SPDX-License-Identifier: Apache-2.0 */
#include "bare_metal.h"

/* Flattened device tree (Devicetree Specification 0.4, 5). */
struct fdt_header {
  uint32_t magic, total_size, struct_offset, strings_offset;
};
enum { FDT_BEGIN_NODE = 1, FDT_END_NODE = 2, FDT_PROP = 3, FDT_NOP = 4 };

void put_byte(uint8_t byte) {
  while (read32(UART_FR) & UART_FR_TXFF) {
  }
  write32(UART_DR, byte);
}

uint8_t get_byte(void) {
  while (read32(UART_FR) & UART_FR_RXFE) {
  }
  return (uint8_t)read32(UART_DR);
}

void print(const char* text) {
  for (; *text != '\0'; ++text) put_byte((uint8_t)*text);
}

static void print_in_base(uint64_t number, unsigned base) {
  char digits[20];
  unsigned count = 0;
  do {
    digits[count++] = "0123456789abcdef"[number % base];
    number /= base;
  } while (number != 0);
  while (count > 0) put_byte((uint8_t)digits[--count]);
}

void print_number(uint64_t number) { print_in_base(number, 10); }

void print_hex(uint64_t number) {
  print("0x");
  print_in_base(number, 16);
}

/* SAFETY: SMCCC keeps x4 and above but for x4 to x17 of the oldest callees, which are listed. */
#define CONDUIT(name, instruction)                                                            \
  int64_t name(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3) {                    \
    register uint64_t r0 __asm__("x0") = function;                                            \
    register uint64_t r1 __asm__("x1") = x1;                                                  \
    register uint64_t r2 __asm__("x2") = x2;                                                  \
    register uint64_t r3 __asm__("x3") = x3;                                                  \
    __asm__ volatile(instruction                                                              \
                     : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)                                 \
                     :                                                                        \
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", \
                       "x15", "x16", "x17", "memory");                                        \
    return (int64_t)r0;                                                                       \
  }
CONDUIT(hvc, "hvc #0")
CONDUIT(smc, "smc #0")

void power_off(void) {
  hvc(PSCI_SYSTEM_OFF, 0, 0, 0);
  for (;;) {
  }
}

__attribute__((weak)) void on_exception(uint64_t esr, uint64_t far, uint64_t elr) {
  print("exception: ESR ");
  print_hex(esr);
  print(" FAR ");
  print_hex(far);
  print(" ELR ");
  print_hex(elr);
  print("\n");
}

static uint32_t big_endian(uint32_t word) { return __builtin_bswap32(word); }

static int same(const char* a, const char* b) {
  for (; *a == *b; ++a, ++b) {
    if (*a == '\0') return 1;
  }
  return 0;
}

/* No two nodes of the trees that these guests meet have properties with the names asked for here.
 */
const void* device_tree_property(const void* device_tree, const char* wanted, uint32_t* size) {
  const struct fdt_header* header = device_tree;
  const char* base = device_tree;
  const char* strings = base + big_endian(header->strings_offset);
  const uint32_t* token = (const uint32_t*)(base + big_endian(header->struct_offset));
  for (;;) {
    switch (big_endian(*token++)) {
      case FDT_BEGIN_NODE:
        while ((*token & 0xff000000) != 0) ++token; /* until a word ends in the name's NUL */
        ++token;
        break;
      case FDT_PROP: {
        const uint32_t length = big_endian(token[0]);
        if (same(strings + big_endian(token[1]), wanted)) {
          *size = length;
          return token + 2;
        }
        token += 2 + (length + 3) / 4;
        break;
      }
      case FDT_END_NODE:
      case FDT_NOP: break;
      default: return 0;
    }
  }
}

uint64_t command_line_number(const void* device_tree, const char* word, uint64_t otherwise) {
  uint32_t size = 0;
  const char* at = device_tree_property(device_tree, "bootargs", &size);
  for (; at != 0 && *at != '\0'; ++at) {
    const char* rest = at;
    const char* left = word;
    while (*left != '\0' && *left == *rest) ++left, ++rest;
    if (*left != '\0') continue;
    uint64_t number = 0;
    for (; *rest >= '0' && *rest <= '9'; ++rest) number = number * 10 + (uint64_t)(*rest - '0');
    return number;
  }
  return otherwise;
}
