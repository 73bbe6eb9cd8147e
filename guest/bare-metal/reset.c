/* SPDX-License-Identifier: Apache-2.0
 * Asks for a reset, time and again. Writes to every page of the `touch=` MiB (none) after its own
 * before that. */
#include "bare_metal.h"

extern char stack_top[];

void main(const void* device_tree) {
  const uint64_t size = command_line_number(device_tree, "touch=", 0) * MIB;
  const uint64_t first = ((uint64_t)stack_top + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
  for (uint64_t offset = 0; offset < size; offset += PAGE_SIZE) write64(first + offset, offset);
  print("reset: now\n");
  hvc(PSCI_SYSTEM_RESET, 0, 0, 0);
  print("reset: refused\n");
}
