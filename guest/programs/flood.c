/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flood [SIZE]: writes numbered lines of 64 bytes to the console as fast as it takes them, until
 * SIZE bytes are written, or for ever. The last line tells that it is complete.
 */
#include "guest.h"

int main(int argc, char** argv) {
  uint64_t size = argc > 1 ? parse_size(argv[1]) : 0;
  if (argc > 1 && size == 0) return fail("flood: not a size");
  uint64_t lines = size / 64;
  for (uint64_t line = 0; size == 0 || line < lines; ++line) {
    say("flood: %012llu ...........................................", (unsigned long long)line);
  }
  say("flood: done, %llu lines", (unsigned long long)lines);
  return 0;
}
