// SPDX-License-Identifier: Apache-2.0
//
// The guest's peer on the board. `peer MIB` loads the modules of /bench/modules, makes the taps
// tap0 and tap1 and the image /bench/disk of so many MiB, leaves a process behind for each thing it
// listens on, and ends.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol.h"

enum { kChunk = 128 << 10, kMib = 1 << 20 };

static char chunk[kMib];

static _Noreturn void fail(const char* what) {
  fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void load_modules(void) {
  struct dirent** entries = NULL;
  // Their names begin with the order in which they go.
  const int count = scandir("/bench/modules", &entries, NULL, alphasort);
  for (int i = 0; i < count; ++i) {
    char path[512];
    if (entries[i]->d_name[0] == '.') continue;
    snprintf(path, sizeof(path), "/bench/modules/%s", entries[i]->d_name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0) fail(path);
    close(fd);
  }
}

static void set_up_interface(const char* name, const char* address) {
  const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
  struct sockaddr_in socket_address = {.sin_family = AF_INET};
  inet_pton(AF_INET, address, &socket_address.sin_addr);
  memcpy(&request.ifr_addr, &socket_address, sizeof(socket_address));
  if (ioctl(control, SIOCSIFADDR, &request) != 0) fail(name);
  inet_pton(AF_INET, "255.255.255.0", &socket_address.sin_addr);
  memcpy(&request.ifr_netmask, &socket_address, sizeof(socket_address));
  if (ioctl(control, SIOCSIFNETMASK, &request) != 0) fail(name);
  // On one processor the sender fills a tap before the VMM has its turn to read it. With the usual
  // 500 frames some are lost, now and then, and TCP's wait for them would be measured.
  request.ifr_qlen = 10000;
  if (ioctl(control, SIOCSIFTXQLEN, &request) != 0) fail(name);
  if (ioctl(control, SIOCGIFFLAGS, &request) != 0) fail(name);
  request.ifr_flags |= IFF_UP;
  if (ioctl(control, SIOCSIFFLAGS, &request) != 0) fail(name);
  close(control);
}

static void make_tap(const char* name, const char* address) {
  const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0 || ioctl(fd, TUNSETPERSIST, 1) != 0) {
    fail(name);
  }
  close(fd);
  set_up_interface(name, address);
}

// Bytes that are there: a hole would be read faster than anything.
static void make_image(int mib) {
  const int fd = open("/bench/disk", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  memset(chunk, 0xa5, sizeof(chunk));
  for (int i = 0; i < mib; ++i) {
    if (write(fd, chunk, kMib) != kMib) fail("/bench/disk");
  }
  close(fd);
}

// --- What it serves

static void echo(int fd) {
  ssize_t got = 0;
  while ((got = read(fd, chunk, kChunk)) > 0) {
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t now = write(fd, chunk + sent, (size_t)(got - sent));
      if (now <= 0) return;
      sent += now;
    }
  }
}

static void serve(int fd) {
  struct load_request request;
  if (read(fd, &request, sizeof(request)) != sizeof(request)) return;
  uint64_t left = request.count;
  switch (request.verb) {
    case kLoadSink:
      while (left > 0) {
        const ssize_t got = read(fd, chunk, kChunk);
        if (got <= 0) return;
        left -= (uint64_t)got;
      }
      if (write(fd, chunk, 1) != 1) return;
      break;
    case kLoadSource:
      while (left > 0) {
        const ssize_t sent = write(fd, chunk, left < kChunk ? (size_t)left : kChunk);
        if (sent <= 0) return;
        left -= (uint64_t)sent;
      }
      break;
    default: echo(fd);
  }
}

static void leave_server(int listener) {
  if (listener < 0 || listen(listener, 16) != 0) fail("listening");
  if (fork() != 0) {
    close(listener);
    return;
  }
  for (;;) {
    const int fd = accept(listener, NULL, NULL);
    const int on = 1;
    if (fd < 0) continue;
    if (fork() == 0) {
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // of TCP only, else an error
      serve(fd);
      _exit(0);
    }
    close(fd);
  }
}

static void leave_udp_server(void) {
  if (fork() != 0) return;
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(kLoadPort)};
  if (bind(fd, (const struct sockaddr*)&here, sizeof(here)) != 0) fail("binding UDP");
  for (;;) {
    struct sockaddr_in from;
    socklen_t length = sizeof(from);
    const ssize_t got = recvfrom(fd, chunk, kChunk, 0, (struct sockaddr*)&from, &length);
    if (got >= 0) sendto(fd, chunk, (size_t)got, 0, (struct sockaddr*)&from, length);
  }
}

static int bound(int domain, const void* address, socklen_t length) {
  const int fd = socket(domain, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, address, length) != 0) fail("binding");
  return fd;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: peer MIB\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN);  // nobody waits for the servers
  load_modules();
  set_up_interface("lo", "127.0.0.1");
  make_tap("tap0", LOAD_ADDRESS(0));
  make_tap("tap1", LOAD_ADDRESS(1));
  make_image(atoi(argv[1]));
  const struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_port = htons(kLoadPort)};
  const struct sockaddr_vm vm = {
      .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = kLoadPort};
  const struct sockaddr_un unix_socket = {.sun_family = AF_UNIX, .sun_path = LOAD_UNIX_SOCKET};
  leave_server(bound(AF_INET, &tcp, sizeof(tcp)));
  leave_server(bound(AF_VSOCK, &vm, sizeof(vm)));
  leave_server(bound(AF_UNIX, &unix_socket, sizeof(unix_socket)));
  leave_udp_server();
  return 0;
}
