// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"
#include "protocol.h"

// RTCMR of the PL031, the alarm, whose interrupt nobody enables.
enum { kRtcPage = 0x9010000, kMatchRegister = 4 };

static volatile uint32_t* rtc;

static _Noreturn void power_off(void) {
  reboot(RB_POWER_OFF);
  _exit(1);
}

_Noreturn void fail(const char* what) {
  printf("load: failed %s: %s\n", what, strerror(errno));
  power_off();
}

uint64_t number_of(const char* name, uint64_t otherwise) {
  // What is no parameter of the kernel, init finds in its environment.
  const char* value = getenv(name);
  return value == NULL ? otherwise : strtoull(value, NULL, 10);
}

static void mark(unsigned phase, bool end) { rtc[kMatchRegister / 4] = phase * 2 + end; }

void run_phase(const char* name, phase_work* work, const void* argument, uint64_t count) {
  static unsigned number = 0;
  ++number;
  mark(number, false);
  work(argument, count);
  mark(number, true);
  printf("load: %u %s %llu\n", number, name, (unsigned long long)count);
}

void run_warm_phase(const char* name, phase_work* work, const void* argument, uint64_t count) {
  work(argument, count / 10 + 1);
  run_phase(name, work, argument, count);
}

static void map_rtc(void) {
  const int memory = open("/dev/mem", O_RDWR | O_SYNC);
  if (memory < 0) fail("/dev/mem");
  rtc = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, kRtcPage);
  if (rtc == MAP_FAILED) fail("mapping the clock");
  close(memory);
}

// Interfaces are told by the last byte of their MAC addresses: they come up in any order.
static void set_up_interface(int control, const char* name) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
  if (ioctl(control, SIOCGIFHWADDR, &request) != 0) return;
  struct sockaddr_in address = {.sin_family = AF_INET};
  switch (request.ifr_hwaddr.sa_data[5]) {
    case 1: inet_pton(AF_INET, LOAD_GUEST_ADDRESS(0), &address.sin_addr); break;
    case 2: inet_pton(AF_INET, LOAD_GUEST_ADDRESS(1), &address.sin_addr); break;
    default: return;
  }
  memcpy(&request.ifr_addr, &address, sizeof(address));
  if (ioctl(control, SIOCSIFADDR, &request) != 0) fail("SIOCSIFADDR");
  inet_pton(AF_INET, "255.255.255.0", &address.sin_addr);
  memcpy(&request.ifr_netmask, &address, sizeof(address));
  if (ioctl(control, SIOCSIFNETMASK, &request) != 0) fail("SIOCSIFNETMASK");
  if (ioctl(control, SIOCGIFFLAGS, &request) != 0) fail("SIOCGIFFLAGS");
  request.ifr_flags |= IFF_UP;
  if (ioctl(control, SIOCSIFFLAGS, &request) != 0) fail("SIOCSIFFLAGS");
}

static void load(const char* what) {
  static const char kFlood[] = "flood-";
  if (strncmp(what, kFlood, sizeof(kFlood) - 1) == 0) {
    flood(what + sizeof(kFlood) - 1);
  } else if (strcmp(what, "disk") == 0) {
    load_disk();
  } else if (strcmp(what, "tap") == 0) {
    load_streams(kTap);
  } else if (strcmp(what, "vhost-tap") == 0) {
    load_streams(kVhostTap);
  } else if (strcmp(what, "vsock") == 0) {
    load_streams(kVsock);
  } else {
    errno = EINVAL;
    fail(what);
  }
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  mkdir("/dev", 0755);
  mkdir("/proc", 0755);
  mkdir("/sys", 0755);
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sys", "/sys", "sysfs", 0, NULL);
  map_rtc();
  const int control = socket(AF_INET, SOCK_DGRAM, 0);
  set_up_interface(control, "eth0");
  set_up_interface(control, "eth1");
  close(control);
  char* list = getenv("redoubt_load");
  for (char* what = list == NULL ? NULL : strtok(list, ","); what != NULL;
       what = strtok(NULL, ",")) {
    load(what);
  }
  printf("load: done\n");
  power_off();
}
