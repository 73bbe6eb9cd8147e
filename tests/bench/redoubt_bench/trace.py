# SPDX-License-Identifier: Apache-2.0
"""From the board's trace to numbers: what happened between two events, idle time apart."""

import re
from dataclasses import dataclass

# "  comm-12  [000] d..1.  3.141592: event: details"; the clock is CLOCK_MONOTONIC in microseconds.
_LINE = re.compile(r"\[\d+\]\s+\S+\s+(\d+)\.(\d{6}): (\w+): (.*)")
_NOT_IDLE = 4294967295  # PWR_EVENT_EXIT of the kernel's cpu_idle event


@dataclass(frozen=True)
class Span:
    """Nanoseconds of the board's clock; of these, `busy` were instructions, one each."""

    elapsed: int
    busy: int


# The marks of load/main.c, PHASE * 2 where a phase begins and one more where it ends.
_MARK = re.compile(r"mmio write len 4 gpa 0x9010004 val (0x[0-9a-f]+)")


def _events(lines):
    """(time, idle time until then, event, details) of each line that is an event."""
    idle_since, idle = None, 0
    for line in lines:
        match = _LINE.search(line)
        if not match:
            continue
        now = int(match[1]) * 1_000_000_000 + int(match[2]) * 1000
        if match[3] == "cpu_idle":
            if idle_since is not None:
                idle += now - idle_since
            state = int(re.search(r"state=(\d+)", match[4])[1])
            idle_since = None if state == _NOT_IDLE else now
        else:
            idle_since = None  # whoever does something does not sleep
            yield now, idle, match[3], match[4]


def span(lines, program, event):
    """From the exec of `program` to the first `event` after it; ValueError if there is none."""
    started = None
    for now, idle, name, details in _events(lines):
        if started is None:
            if name == "sched_process_exec" and f"filename={program} " in details:
                started = now, idle
        elif name == event:
            elapsed = now - started[0]
            return Span(elapsed, elapsed - (idle - started[1]))
    raise ValueError(f"no {'exec of ' + program if started is None else event} in the trace")


def phases(lines):
    """{phase: (when it began, its span)} of a guest that marks its phases."""
    begun, found = {}, {}
    for now, idle, name, details in _events(lines):
        match = _MARK.search(details) if name == "kvm_mmio" else None
        if not match:
            continue
        phase, ended = divmod(int(match[1], 16), 2)
        if ended:
            start, idle_before = begun[phase]
            found[phase] = start, Span(now - start, now - start - (idle - idle_before))
        else:
            begun[phase] = now, idle
    return found
