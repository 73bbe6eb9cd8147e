/* SPDX-License-Identifier: Apache-2.0
 * Makes a secret of 64 KiB, says what it was made from, and powers off when a key has come: the
 * secret itself is nowhere but in its pages. tests/board/redoubt_board/secret.py makes the same. */
#include "bare_metal.h"

#define SECRET_WORDS 8192u
#define TAG 0xe39bc5ul /* the first three bytes of every sixteen */
#define TAG_MASK 0xfffffful

static uint64_t secret[SECRET_WORDS] __attribute__((aligned(PAGE_SIZE)));

/* Every bit of the result depends on every bit of the number. */
static uint64_t mix(uint64_t number) {
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9ul;
  number = (number ^ number >> 27) * 0x94d049bb133111ebul;
  return number ^ number >> 31;
}

/* One at a time: what registers hold of it, they hold of one or two words. */
static uint64_t word(uint64_t seed, unsigned index) {
  const uint64_t all = mix(seed + (index + 1) * 0x9e3779b97f4a7c15ul);
  return index % 2 == 0 ? (all & ~TAG_MASK) | TAG : all;
}

static uint64_t counter(void) {
  uint64_t count;
  __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(count));
  return count;
}

void main(const void* device_tree) {
  (void)device_tree;
  const uint64_t seed = mix(counter());
  for (unsigned i = 0; i < SECRET_WORDS; ++i) secret[i] = word(seed, i);
  print("secret: seed ");
  print_hex(seed);
  print("\nsecret: ready\n");
  get_byte();
  int same = 1;
  for (unsigned i = 0; i < SECRET_WORDS; ++i) same &= secret[i] == word(seed, i);
  print(same ? "secret: kept\n" : "secret: changed\n");
}
