// SPDX-License-Identifier: Apache-2.0
//
// Floods. Each is for a device, and made of one or more processes that do not look at what comes of
// it; all of them are ended when the time is up.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "protocol.h"

typedef void flood_work(void);

// Time in which the VMM is at rest and can be looked at.
enum { kRestSeconds = 3, kMostProcesses = 4 };

static void write_for_ever(const char* path) {
  static const char kLine[] = "a line that nobody waits for, and another one comes after it..\n";
  const int fd = open(path, O_WRONLY | O_NOCTTY);
  if (fd < 0) fail(path);
  for (;;) {
    if (write(fd, kLine, sizeof(kLine) - 1) < 0) fail(path);
  }
}

static void serial(void) { write_for_ever("/dev/ttyAMA0"); }
static void console(void) { write_for_ever("/dev/hvc0"); }

static void rng(void) {
  char bytes[4096];
  const int fd = open("/dev/hwrng", O_RDONLY);
  if (fd < 0) fail("/dev/hwrng");
  for (;;) {
    if (read(fd, bytes, sizeof(bytes)) < 0) fail("/dev/hwrng");
  }
}

// Datagrams of all sizes; the peer sends each of them back.
static void net(void) {
  static char bytes[1400];
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(kLoadPort)};
  inet_pton(AF_INET, LOAD_ADDRESS(0), &to.sin_addr);
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  for (size_t size = 1;; size = size % sizeof(bytes) + 1) {
    sendto(fd, bytes, size, 0, (struct sockaddr*)&to, sizeof(to));
  }
}

static void vsock_stream(void) {
  static char bytes[65536];
  const struct load_request request = {.verb = kLoadEcho};
  for (;;) {
    const int fd = connect_to_peer(kVsock);
    if (fd < 0) continue;
    // What comes back is not read, so that credit runs out in both directions; then once more.
    if (write(fd, &request, sizeof(request)) < 0) fail("vsock");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (int tries = 0; tries < 1000; ++tries) {
      if (write(fd, bytes, sizeof(bytes)) < 0 && errno != EAGAIN) break;
    }
    close(fd);
  }
}

static void vsock_connections(void) {
  const struct sockaddr_vm nobody = {
      .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = kLoadPortNobodyHas};
  for (;;) {
    const int refused = socket(AF_VSOCK, SOCK_STREAM, 0);
    connect(refused, (const struct sockaddr*)&nobody, sizeof(nobody));
    close(refused);
    const int fd = connect_to_peer(kVsock);
    if (fd >= 0) close(fd);
  }
}

// QueueNotify of every device there is, with numbers of queues that it has and that it has not.
static void kicks(void) {
  enum { kSlots = 32, kSlotSize = 0x200, kFirst = 0xa000000, kDeviceId = 2, kNotify = 0x50 / 4 };
  const int memory = open("/dev/mem", O_RDWR | O_SYNC);
  volatile uint32_t* slots =
      mmap(NULL, kSlots * kSlotSize, PROT_READ | PROT_WRITE, MAP_SHARED, memory, kFirst);
  if (slots == MAP_FAILED) fail("mapping the devices");
  volatile uint32_t* devices[kSlots];
  int count = 0;
  for (int i = 0; i < kSlots; ++i) {
    volatile uint32_t* slot = slots + i * (kSlotSize / 4);
    if (slot[0] == 0x74726976 && slot[kDeviceId] != 0) devices[count++] = slot;
  }
  if (count == 0) fail("finding devices to kick");
  for (uint32_t queue = 0;; queue = (queue + 1) % 8) {
    for (int i = 0; i < count; ++i) devices[i][kNotify] = queue == 7 ? 0xffff : queue;
  }
}

static const struct {
  const char* name;
  flood_work* processes[kMostProcesses];
} kFloods[] = {
    {"serial", {serial}}, {"console", {console}},
    {"net", {net}},       {"vsock", {vsock_stream, vsock_connections}},
    {"rng", {rng}},       {"kicks", {kicks}},
};

static void run_flood(const void* argument, uint64_t seconds) {
  flood_work* const* processes = argument;
  pid_t children[kMostProcesses];
  int count = 0;
  for (; count < kMostProcesses && processes[count] != NULL; ++count) {
    children[count] = fork();
    if (children[count] < 0) fail("fork");
    if (children[count] == 0) processes[count]();
  }
  const struct timespec time = {.tv_sec = (time_t)seconds};
  nanosleep(&time, NULL);
  for (int i = 0; i < count; ++i) {
    int status = 0;
    kill(children[i], SIGKILL);
    waitpid(children[i], &status, 0);
    if (!WIFSIGNALED(status)) fail("a flood that ended by itself");
  }
}

// What a device has never done before may touch memory that it has had from the start, so a short
// flood goes ahead of the one that counts.
void flood(const char* what) {
  const uint64_t seconds = number_of("redoubt_seconds", 60);
  for (size_t i = 0; i < sizeof(kFloods) / sizeof(kFloods[0]); ++i) {
    if (strcmp(kFloods[i].name, what) != 0) continue;
    run_flood(kFloods[i].processes, seconds / 10 + 1);
    sleep(kRestSeconds);
    run_phase(what, run_flood, kFloods[i].processes, seconds);
    sleep(kRestSeconds);
    return;
  }
  errno = ENOENT;
  fail(what);
}
