/* SPDX-License-Identifier: Apache-2.0
 * Asks for a reset, time and again. */
#include "bare_metal.h"

void main(const void* device_tree) {
  (void)device_tree;
  print("reset: now\n");
  hvc(PSCI_SYSTEM_RESET, 0, 0, 0);
  print("reset: refused\n");
}
