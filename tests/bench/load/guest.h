// SPDX-License-Identifier: Apache-2.0
//
// The load program: /init of the measured guest. It prints one line for each phase,
//   load: NUMBER NAME COUNT
// and marks where the phase begins and ends by a write to a register that does nothing, which the
// board's kernel sees and dates: no clock of the guest is asked.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Prints what failed and why, and powers the guest off: half a result is none.
_Noreturn void fail(const char* what);

// A phase is work done `count` times. run_warm_phase() does a tenth of it first, unmarked.
typedef void phase_work(const void* argument, uint64_t count);
void run_phase(const char* name, phase_work* work, const void* argument, uint64_t count);
void run_warm_phase(const char* name, phase_work* work, const void* argument, uint64_t count);

// Number NAME of the kernel's command line; `otherwise` if it is not there.
uint64_t number_of(const char* name, uint64_t otherwise);

// Random reads and writes of 4 KiB, at depths 1 and 32, and sequential ones of 1 MiB.
void load_disk(void);

// Both ways, and round trips of one byte.
enum stream_kind { kTap, kVhostTap, kVsock };
void load_streams(enum stream_kind kind);
int connect_to_peer(enum stream_kind kind);

// Everything a device takes, as fast as it takes it, for redoubt_seconds.
void flood(const char* what);
