// SPDX-License-Identifier: Apache-2.0
//
// What the guest's load program and its peer on the board agree on.
#pragma once

#include <stdint.h>

// Where the peer listens: TCP and UDP on the board's end of either tap, vsock, and, for a VMM that
// leads vsock to unix sockets, the socket that stands for the port.
#define LOAD_ADDRESS(tap) "10.0." #tap ".1"
#define LOAD_GUEST_ADDRESS(tap) "10.0." #tap ".2"
#define LOAD_UNIX_SOCKET "/bench/vsock.sock_5000"

enum { kLoadPort = 5000, kLoadPortNobodyHas = 5999 };

// The first bytes of a stream.
struct load_request {
  enum {
    kLoadSink = 1,  // the guest sends `count` bytes; the peer answers with one when it has them
    kLoadSource,    // the peer sends `count` bytes
    kLoadEcho,      // the peer sends back what it gets, until the guest closes
  } verb;
  uint32_t zero;
  uint64_t count;
};
