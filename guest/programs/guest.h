/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest's programs share. They are built against the kernel's nolibc, so each is a few
 * KiB and adds nothing to the time a guest takes to start. Each includes this once.
 */
#pragma once

#include <linux/mman.h>
#include <nolibc.h>

static const size_t kPageSize = 4096;

/* Writes one line in one system call, so lines of several programs do not mix. */
__attribute__((format(printf, 1, 2))) static void say(const char* format, ...) {
  char line[256];
  va_list args;
  va_start(args, format);
  int length = vsnprintf(line, sizeof(line) - 1, format, args);
  va_end(args);
  if (length < 0) return;
  if (length > (int)sizeof(line) - 2) length = (int)sizeof(line) - 2;
  line[length++] = '\n';
  /* A console that is gone takes nothing away from what the program does. */
  if (write(STDOUT_FILENO, line, (size_t)length) < 0) errno = 0;
}

__attribute__((unused)) static int fail(const char* what) {
  say("redoubt-guest: %s: error %d", what, errno);
  return 1;
}

/* Reads at most size - 1 bytes of a file as a string; an empty one when that fails. */
__attribute__((unused)) static void read_file(const char* path, char* text, size_t size) {
  ssize_t length = 0;
  int fd = open(path, O_RDONLY);
  if (fd >= 0) {
    length = read(fd, text, size - 1);
    close(fd);
  }
  text[length > 0 ? length : 0] = '\0';
}

/* "64M" -> bytes; 0 when it is not a size. */
__attribute__((unused)) static uint64_t parse_size(const char* text) {
  uint64_t value = 0;
  if (*text < '0' || *text > '9') return 0;
  while (*text >= '0' && *text <= '9') value = value * 10 + (uint64_t)(*text++ - '0');
  if (*text == 'K') return value << 10;
  if (*text == 'M') return value << 20;
  if (*text == 'G') return value << 30;
  return *text == '\0' ? value : 0;
}

__attribute__((unused)) static void* map_pages(size_t size) {
  return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
              0);
}
