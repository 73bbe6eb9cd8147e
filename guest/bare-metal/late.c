/* SPDX-License-Identifier: Apache-2.0
 * Waits for a key, then reads a page of its own image for the first time: the one at 0x4000. */
#include "bare_metal.h"

static const uint8_t late_page[PAGE_SIZE]
    __attribute__((section(".late"), aligned(0x4000))) = {[0 ... PAGE_SIZE - 1] = 0x5a};

void main(const void* device_tree) {
  (void)device_tree;
  print("late: waiting\n");
  get_byte();
  print(read8((uint64_t)late_page) == 0x5a ? "late: ok\n" : "late: changed\n");
}
