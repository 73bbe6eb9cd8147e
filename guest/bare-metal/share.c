/* SPDX-License-Identifier: Apache-2.0
 * Shares a page with the host and takes it back, as it is told: 's', 'u', 'q' to power off. */
#include "bare_metal.h"

static uint8_t page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static void call(const char* what, uint64_t function) {
  const int64_t status = hvc(function, (uint64_t)page, 0, 0);
  print(what);
  if (status == 0) {
    print_hex((uint64_t)page);
  } else {
    print("refused");
  }
  print("\n");
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
  print("share: ready\n");
  for (uint8_t byte = get_byte(); byte != 'q'; byte = get_byte()) {
    if (byte == 's') call("shared: ", HYP_MEM_SHARE);
    if (byte == 'u') call("unshared: ", HYP_MEM_UNSHARE);
  }
}
