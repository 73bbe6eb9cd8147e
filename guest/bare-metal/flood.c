/* SPDX-License-Identifier: Apache-2.0
 * Writes `flood=` bytes to the UART as fast as it takes them, without end if there is no number:
 * lines of 64 characters, the last one included. */
#include "bare_metal.h"

void main(const void* device_tree) {
  const uint64_t bytes = command_line_number(device_tree, "flood=", ~(uint64_t)0);
  for (uint64_t i = 0; i < bytes; ++i) put_byte(i % 64 == 63 ? '\n' : (uint8_t)('0' + i % 64));
}
