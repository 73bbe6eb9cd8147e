/* SPDX-License-Identifier: Apache-2.0
 * Says hello and powers off. */
#include "bare_metal.h"

void main(const void* device_tree) {
  print("hello from bare metal, device tree at ");
  print_hex((uint64_t)device_tree);
  print("\n");
}
