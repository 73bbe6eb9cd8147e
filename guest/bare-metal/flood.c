/* SPDX-License-Identifier: Apache-2.0
 * Writes `flood=` bytes to the UART as fast as it takes them, without end if there is no number:
 * lines of 64 characters, the last one included. An empty FIFO takes 16 bytes, so it is asked only
 * once for so many. */
#include "bare_metal.h"

void main(const void* device_tree) {
  const uint64_t bytes = command_line_number(device_tree, "flood=", ~(uint64_t)0);
  for (uint64_t i = 0; i < bytes; ++i) {
    while (i % 16 == 0 && !(read32(UART_FR) & UART_FR_TXFE)) {
    }
    write32(UART_DR, i % 64 == 63 ? '\n' : (uint32_t)('0' + i % 64));
  }
}
