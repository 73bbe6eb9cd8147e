/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a random secret of one page, tells where in guest memory it lies and what its SHA-256 is,
 * never the secret itself, waits for a line, and tells whether the secret is still the same.
 * The secret exists in that page alone: what computing the digest leaves behind is wiped too.
 *
 *   secret: address 0x<guest-physical address, hex>
 *   secret: digest <64 hex digits>
 *   secret: waiting for a line
 *   secret: digest <64 hex digits>
 *   secret: digest unchanged        (or: digest CHANGED)
 */
#include "guest.h"
#include "sha256.h"

/* Documentation/admin-guide/mm/pagemap.rst: bit 63 present, bits 0-54 the page frame. */
static uint64_t guest_physical(const void* page) {
  uint64_t entry = 0;
  int fd = open("/proc/self/pagemap", O_RDONLY);
  if (fd < 0) return 0;
  off_t at = (off_t)((uintptr_t)page / kPageSize * sizeof(entry));
  if (lseek(fd, at, SEEK_SET) != at || read(fd, &entry, sizeof(entry)) != (ssize_t)sizeof(entry)) {
    entry = 0;
  }
  close(fd);
  return entry >> 63 == 0 ? 0 : (entry & ((1ULL << 55) - 1)) * kPageSize;
}

/* Compaction may move even a locked page, and the address told would be another page's. */
static void forbid_migration(void) {
  int fd = open("/proc/sys/vm/compact_unevictable_allowed", O_WRONLY);
  if (fd < 0) return;
  if (write(fd, "0", 1) != 1) fail("compact_unevictable_allowed");
  close(fd);
}

static int fill(uint8_t* page) {
  size_t filled = 0;
  while (filled < kPageSize) {
    ssize_t got = getrandom(page + filled, kPageSize - filled, 0);
    if (got < 0 && errno != EINTR) return -1;
    if (got > 0) filled += (size_t)got;
  }
  return 0;
}

static void wait_for_line(void) {
  char c = '\0';
  while (c != '\n' && read(STDIN_FILENO, &c, 1) == 1) {
  }
}

static void wipe(void* data, size_t size) {
  volatile uint8_t* bytes = data;
  while (size-- > 0) *bytes++ = 0;
}

static void digest(const uint8_t* page, char hex[65]) {
  uint32_t schedule[64];
  sha256_hex(page, kPageSize, hex, schedule);
  wipe(schedule, sizeof(schedule));
  say("secret: digest %s", hex);
}

int main(void) {
  char before[65];
  char after[65];
  uint8_t* page = map_pages(kPageSize);
  forbid_migration();
  if (page == MAP_FAILED || syscall(__NR_mlock, page, kPageSize) < 0) return fail("secret: memory");
  if (fill(page) < 0) return fail("secret: getrandom");
  uint64_t address = guest_physical(page);
  if (address == 0) return fail("secret: /proc/self/pagemap");

  say("secret: address 0x%llx", (unsigned long long)address);
  digest(page, before);
  say("secret: waiting for a line");
  wait_for_line();
  digest(page, after);
  int changed = strcmp(before, after) != 0 || guest_physical(page) != address;
  say("secret: digest %s", changed ? "CHANGED" : "unchanged");
  wipe(page, kPageSize);
  return changed;
}
