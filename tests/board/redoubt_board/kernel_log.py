# SPDX-License-Identifier: Apache-2.0
"""Looks for trouble in the log of the board's kernel."""

import re

# "kvm: protected VMs are experimental and for development only, tainting kernel" is said once for
# each boot and is no trouble; it matches none of these.
_TROUBLE = re.compile(
    r"WARNING: CPU|WARNING: \S+:\d+ at|BUG: |kernel BUG at|Oops|Internal error|Kernel panic|"
    r"Unable to handle kernel|rcu:.*stall|soft lockup|blocked for more than|hyp panic|nVHE hyp BUG")
# Linux 7.2 warns when EL2 refuses a page. Suite boot has one refused on purpose; a page refused
# otherwise fails its test, because the guest ends with the exit code for it.
_EXPECTED = re.compile(r"WARNING: .*\bpkvm_pgtable_stage2_map\b")
_LINES_AFTER = 20


def find_trouble(log: str) -> str:
    """The lines of each complaint and what follows it; empty when there is none."""
    lines = log.splitlines()
    wanted: set[int] = set()
    for number, line in enumerate(lines):
        if _TROUBLE.search(line) and not _EXPECTED.search(line):
            wanted.update(range(number, min(number + _LINES_AFTER, len(lines))))
    return "\n".join(lines[number] for number in sorted(wanted))


def tail(log: str, lines: int = 30) -> str:
    return "\n".join(log.splitlines()[-lines:])
