/* SPDX-License-Identifier: Apache-2.0
 * Writes to every page of the `touch=` MiB (16) of RAM after its own, says so every 16 MiB. */
#include "bare_metal.h"

extern char stack_top[];

void main(const void* device_tree) {
  const uint64_t mebibytes = command_line_number(device_tree, "touch=", 16);
  const uint64_t first = ((uint64_t)stack_top + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
  print("touch: started\n");
  for (uint64_t offset = 0; offset < mebibytes * MIB; offset += PAGE_SIZE) {
    write64(first + offset, offset);
    if ((offset + PAGE_SIZE) % (16 * MIB) != 0) continue;
    print("touch: ");
    print_number((offset + PAGE_SIZE) / MIB);
    print(" MiB\n");
  }
  print("touch: ok\n");
}
