/* SPDX-License-Identifier: Apache-2.0
 * Reads and writes where no device is: reads are all ones, whatever was written before. */
#include "bare_metal.h"

static int reads_all_ones(uint64_t address) {
  write8(address, 0x12);
  write16(address, 0x1234);
  write32(address, 0x12345678);
  write64(address, 0x123456789abcdef0);
  return read8(address) == 0xff && read16(address) == 0xffff && read32(address) == ~0u &&
         read64(address) == ~(uint64_t)0;
}

void main(const void* device_tree) {
  (void)device_tree;
  /* Below all devices, between them, right below RAM, and above it. */
  static const uint64_t addresses[] = {0x00000000, 0x09080000, 0x0d000000, 0x3ffffff8,
                                       0x7000000000};
  for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; ++i) {
    if (reads_all_ones(addresses[i])) continue;
    print("mmio: not all ones at ");
    print_hex(addresses[i]);
    print("\n");
    return;
  }
  print("mmio: ok\n");
}
