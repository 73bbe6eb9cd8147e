/* SPDX-License-Identifier: Apache-2.0
 * Never ends: writes to one page after the other, `pages=` of them (16 MiB), round and round. */
#include "bare_metal.h"

extern char stack_top[];

void main(const void* device_tree) {
  const uint64_t pages = command_line_number(device_tree, "pages=", 16 * MIB / PAGE_SIZE);
  const uint64_t first = ((uint64_t)stack_top + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
  print("spin: running\n");
  for (uint64_t round = 0;; ++round) {
    for (uint64_t page = 0; page < pages; ++page) write64(first + page * PAGE_SIZE, round);
  }
}
