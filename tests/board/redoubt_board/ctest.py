# SPDX-License-Identifier: Apache-2.0
"""Reads what ctest prints."""

import re

from redoubt_board.junit import Case, Outcome

# ` 3/1695 Test #17: Fdt.is_aligned ......   Passed    0.01 sec`
_LINE = re.compile(r"^ *\d+/\d+ Test +#\d+: (\S.*?) \.+ *(?:\*\*\*)?([A-Z][\w: ]*?) +([\d.]+) sec")
_GOOD = {"Passed": Outcome.PASSED, "Skipped": Outcome.SKIPPED}


def cases(group: str, text: str) -> list[Case]:
    """The tests that have ended; whatever is neither passed nor skipped has failed."""
    found = []
    for line in text.splitlines():
        if match := _LINE.match(line):
            name, end, seconds = match.groups()
            outcome = _GOOD.get(end, Outcome.FAILED)
            found.append(Case(group, name, outcome, float(seconds),
                              end if outcome is Outcome.FAILED else ""))
    return found
