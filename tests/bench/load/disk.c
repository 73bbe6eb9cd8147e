// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"

enum { kMaxDepth = 32, kSmall = 4096, kLarge = 1 << 20 };

struct disk_phase {
  int fd;
  uint16_t operation;  // IOCB_CMD_*
  bool random;
  unsigned depth;
  size_t block;
};

static aio_context_t context;  // for all phases: ending one waits for a grace period
static uint64_t disk_size;
static char* buffers;

// The same offsets for every subject.
static uint64_t next_offset(const struct disk_phase* phase, uint64_t number) {
  static uint64_t state = 88172645463325252;
  const uint64_t blocks = disk_size / phase->block;
  if (!phase->random) return number % blocks * phase->block;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state % blocks * phase->block;
}

// The queue is kept full: what has completed is submitted anew, all of it at once.
static void work(const void* argument, uint64_t count) {
  const struct disk_phase* phase = argument;
  struct iocb requests[kMaxDepth];
  struct iocb* ready[kMaxDepth];
  struct io_event done[kMaxDepth];
  uint64_t begun = 0;
  uint64_t ended = 0;
  unsigned ready_count = 0;
  for (unsigned i = 0; i < phase->depth; ++i) ready[ready_count++] = &requests[i];
  while (ended < count) {
    unsigned batch = 0;
    for (; batch < ready_count && begun < count; ++batch, ++begun) {
      const ptrdiff_t slot = ready[batch] - requests;
      *ready[batch] = (struct iocb){
          .aio_lio_opcode = phase->operation,
          .aio_fildes = (uint32_t)phase->fd,
          .aio_buf = (uint64_t)(uintptr_t)(buffers + (size_t)slot * phase->block),
          .aio_nbytes = phase->block,
          .aio_offset = (int64_t)next_offset(phase, begun),
      };
    }
    if (batch > 0 && syscall(SYS_io_submit, context, batch, ready) != (long)batch) {
      fail("io_submit");
    }
    const long events = syscall(SYS_io_getevents, context, 1, phase->depth, done, NULL);
    if (events < 1) fail("io_getevents");
    ready_count = 0;
    for (long i = 0; i < events; ++i) {
      if (done[i].res != (int64_t)phase->block) {
        errno = done[i].res < 0 ? (int)-done[i].res : EIO;
        fail("a request of the disk");
      }
      ready[ready_count++] = &requests[((struct iocb*)(uintptr_t)done[i].obj) - requests];
    }
    ended += (uint64_t)events;
  }
}

void load_disk(void) {
  static const struct {
    const char* name;
    uint16_t operation;
    bool random;
    unsigned depth;
    size_t block;
  } kPhases[] = {
      {"read-4k-1", IOCB_CMD_PREAD, true, 1, kSmall},
      {"write-4k-1", IOCB_CMD_PWRITE, true, 1, kSmall},
      {"read-4k-32", IOCB_CMD_PREAD, true, 32, kSmall},
      {"write-4k-32", IOCB_CMD_PWRITE, true, 32, kSmall},
      {"read-1m", IOCB_CMD_PREAD, false, 1, kLarge},
      {"write-1m", IOCB_CMD_PWRITE, false, 1, kLarge},
  };
  const int fd = open("/dev/vda", O_RDWR | O_DIRECT);
  if (fd < 0 || ioctl(fd, BLKGETSIZE64, &disk_size) != 0) fail("/dev/vda");
  if (syscall(SYS_io_setup, kMaxDepth, &context) != 0) fail("io_setup");
  buffers =
      mmap(NULL, kLarge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (buffers == MAP_FAILED) fail("memory for the disk's data");
  memset(buffers, 0x5a, kLarge);
  const uint64_t requests = number_of("redoubt_requests", 2000);
  const uint64_t mib = number_of("redoubt_mib", 64);
  for (size_t i = 0; i < sizeof(kPhases) / sizeof(kPhases[0]); ++i) {
    const struct disk_phase phase = {fd, kPhases[i].operation, kPhases[i].random, kPhases[i].depth,
                                     kPhases[i].block};
    run_warm_phase(kPhases[i].name, work, &phase, kPhases[i].block == kLarge ? mib : requests);
  }
  close(fd);
}
