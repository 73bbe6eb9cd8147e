/* SPDX-License-Identifier: Apache-2.0 */
/* eat SIZE: touches SIZE bytes of fresh memory page by page and tells how far it is. */
#include "guest.h"

int main(int argc, char** argv) {
  uint64_t size = argc > 1 ? parse_size(argv[1]) : 0;
  if (size == 0) return fail("eat: needs a size, as in eat=64M");
  volatile uint8_t* memory = map_pages(size);
  if (memory == MAP_FAILED) return fail("eat: memory");
  for (uint64_t at = 0; at < size; at += kPageSize) {
    memory[at] = 1;
    if (at % (8 << 20) == 0) say("eat: %llu MiB", (unsigned long long)(at >> 20));
  }
  say("eat: done, %llu MiB", (unsigned long long)(size >> 20));
  return 0;
}
