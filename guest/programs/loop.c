/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Touches three quarters of the free memory, page by page, over and over and for ever, and prints
 * "loop: tick N" every 4096 pages.
 */
#include "guest.h"

#include <linux/sysinfo.h>

int main(void) {
  struct sysinfo info;
  memset(&info, 0, sizeof(info));
  if (syscall(__NR_sysinfo, &info) < 0) return fail("loop: sysinfo");
  size_t pages = info.freeram * info.mem_unit / kPageSize / 4 * 3;
  volatile uint8_t* memory = map_pages(pages * kPageSize);
  if (memory == MAP_FAILED || pages == 0) return fail("loop: memory");
  for (unsigned long touched = 0;; ++touched) {
    ++memory[touched % pages * kPageSize];
    if (touched % 4096 == 0) say("loop: tick %lu", touched / 4096);
  }
}
