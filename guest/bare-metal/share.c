/* SPDX-License-Identifier: Apache-2.0
 * Does with a page of its own what it is told: 's' shares it with the host, 'u' takes it back, 'l'
 * looks whether it is as it was, 't' touches one that it has not used so far; 'q' powers off. */
#include "bare_metal.h"

#define UNTOUCHED (8ul * MIB) /* from the page on */

static uint8_t page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static void call(const char* what, uint64_t function) {
  print(what);
  print(hvc(function, (uint64_t)page, 0, 0) == 0 ? "done\n" : "refused\n");
}

static void look(const char* what, uint64_t address, uint8_t step) {
  int same = 1;
  for (unsigned i = 0; i < PAGE_SIZE; ++i) same &= read8(address + i) == (uint8_t)(i * step);
  print(what);
  print(same ? "as it was\n" : "changed\n");
}

void main(const void* device_tree) {
  (void)device_tree;
  const uint64_t needed = 1u << (HYP_MEM_SHARE & 63) | 1u << (HYP_MEM_UNSHARE & 63);
  const int64_t features = hvc(HYP_FEATURES, 0, 0, 0);
  if (features < 0 || ((uint64_t)features & needed) != needed) {
    print("share: not offered\n");
    return;
  }
  for (unsigned i = 0; i < PAGE_SIZE; ++i) page[i] = (uint8_t)i;
  print("share: page ");
  print_hex((uint64_t)page);
  print(" untouched ");
  print_hex((uint64_t)page + UNTOUCHED);
  print("\nshare: ready\n");
  for (uint8_t byte = get_byte(); byte != 'q'; byte = get_byte()) {
    if (byte == 's') call("share: ", HYP_MEM_SHARE);
    if (byte == 'u') call("unshare: ", HYP_MEM_UNSHARE);
    if (byte == 'l') look("page: ", (uint64_t)page, 1);
    if (byte == 't') look("untouched: ", (uint64_t)page + UNTOUCHED, 0);
  }
}
