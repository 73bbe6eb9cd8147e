/* SPDX-License-Identifier: Apache-2.0
 * Reads and writes the UART by accesses of 8, 16 and 32 bits, then echoes what it is told to 'q'.
 */
#include "bare_metal.h"

static int widths_agree(uint64_t address) {
  const uint32_t word = read32(address);
  return read16(address) == (uint16_t)word && read8(address) == (uint8_t)word;
}

void main(const void* device_tree) {
  (void)device_tree;
  if (!widths_agree(UART_FR) || !widths_agree(UART_CR) || !widths_agree(UART_PERIPH_ID0)) {
    print("uart: reads of different widths differ\n");
    return;
  }
  const char ready[] = "uart: ready\n";
  for (unsigned i = 0; ready[i] != '\0'; ++i) {
    while (read8(UART_FR) & UART_FR_TXFF) {
    }
    switch (i % 3) {
      case 0: write8(UART_DR, (uint8_t)ready[i]); break;
      case 1: write16(UART_DR, (uint16_t)ready[i]); break;
      default: write32(UART_DR, (uint32_t)ready[i]); break;
    }
  }
  for (uint8_t byte = get_byte(); byte != 'q'; byte = get_byte()) put_byte(byte);
}
