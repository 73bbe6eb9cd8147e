# SPDX-License-Identifier: Apache-2.0
"""From the board's trace to numbers: what happened between exec and an event, idle time apart."""

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


def span(lines, program, event):
    """From the exec of `program` to the first `event` after it; ValueError if there is none."""
    started = idle_since = None
    idle = 0
    for line in lines:
        match = _LINE.search(line)
        if not match:
            continue
        now = int(match[1]) * 1_000_000_000 + int(match[2]) * 1000
        name, details = match[3], match[4]
        if started is None:
            if name == "sched_process_exec" and f"filename={program} " in details:
                started = now
        elif name == "cpu_idle":
            if idle_since is not None:
                idle += now - idle_since
            state = int(re.search(r"state=(\d+)", details)[1])
            idle_since = None if state == _NOT_IDLE else now
        elif name == event:
            return Span(now - started, now - started - idle)
    raise ValueError(f"no {'exec of ' + program if started is None else event} in the trace")
