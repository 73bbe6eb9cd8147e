// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest.h"
#include "protocol.h"

enum { kChunk = 128 << 10, kMib = 1 << 20 };

struct stream_phase {
  enum stream_kind kind;
  int verb;
};

static char chunk[kChunk];

static const char* host_of(enum stream_kind kind) {
  return kind == kTap ? LOAD_ADDRESS(0) : LOAD_ADDRESS(1);
}

int connect_to_peer(enum stream_kind kind) {
  struct sockaddr_vm vm = {
      .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = kLoadPort};
  struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_port = htons(kLoadPort)};
  const bool vsock = kind == kVsock;
  if (!vsock) inet_pton(AF_INET, host_of(kind), &tcp.sin_addr);
  const int fd = socket(vsock ? AF_VSOCK : AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  const int on = 1;
  if (!vsock) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const int status = vsock ? connect(fd, (struct sockaddr*)&vm, sizeof(vm))
                           : connect(fd, (struct sockaddr*)&tcp, sizeof(tcp));
  if (status == 0) return fd;
  close(fd);
  return -1;
}

static void send_bytes(int fd, uint64_t count) {
  while (count > 0) {
    const ssize_t sent = write(fd, chunk, count < kChunk ? (size_t)count : kChunk);
    if (sent <= 0) fail("sending");
    count -= (uint64_t)sent;
  }
}

static void receive_bytes(int fd, uint64_t count) {
  while (count > 0) {
    const ssize_t got = read(fd, chunk, count < kChunk ? (size_t)count : kChunk);
    if (got <= 0) fail("receiving");
    count -= (uint64_t)got;
  }
}

static void work(const void* argument, uint64_t count) {
  const struct stream_phase* phase = argument;
  const int fd = connect_to_peer(phase->kind);
  if (fd < 0) fail("connecting to the peer");
  const struct load_request request = {.verb = phase->verb, .count = count * kMib};
  if (write(fd, &request, sizeof(request)) != sizeof(request)) fail("sending the request");
  switch (phase->verb) {
    case kLoadSink:
      send_bytes(fd, request.count);
      receive_bytes(fd, 1);
      break;
    case kLoadSource: receive_bytes(fd, request.count); break;
    default:
      for (uint64_t i = 0; i < count; ++i) {
        send_bytes(fd, 1);
        receive_bytes(fd, 1);
      }
  }
  close(fd);
}

void load_streams(enum stream_kind kind) {
  static const char* const kNames[] = {"tap", "vhost-tap", "vsock"};
  const uint64_t mib = number_of("redoubt_mib", 64);
  const uint64_t requests = number_of("redoubt_requests", 2000);
  for (int verb = kLoadSink; verb <= kLoadEcho; ++verb) {
    const struct stream_phase phase = {kind, verb};
    char name[32];
    snprintf(name, sizeof(name), "%s-%s", kNames[kind],
             verb == kLoadSink     ? "send"
             : verb == kLoadSource ? "receive"
                                   : "round-trip");
    run_warm_phase(name, work, &phase, verb == kLoadEcho ? requests : mib);
  }
}
