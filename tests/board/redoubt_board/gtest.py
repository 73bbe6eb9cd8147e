# SPDX-License-Identifier: Apache-2.0
"""Follows the text that run-suites and GoogleTest print, line by line.

The XML is the better record, but it is written only when a test program ends by itself. What is
read here shows progress while it runs, and is all there is after a board has hung.
"""

import re
from dataclasses import dataclass

from redoubt_board.junit import Case, Outcome

# run-suites' own lines.
_SUITE_BEGIN = re.compile(r"^==== suite (\S+)$")
_SUITE_END = re.compile(r"^==== suite (\S+) ended: (.*)$")
_KILLED = re.compile(r"^run-suites: (\S+): (\S+): (.*)$")

# GoogleTest's. A test may have left text on the line, so these are looked for anywhere in it;
# the lines of the closing summary carry no time and do not match.
_RUN = re.compile(r"\[ RUN      \] (\S+)$")
_END = re.compile(r"\[ +(OK|FAILED|SKIPPED) +\] (\S+?)(?:, where .*)? \((\d+) ms\)$")

_OUTCOMES = {"OK": Outcome.PASSED, "FAILED": Outcome.FAILED, "SKIPPED": Outcome.SKIPPED}
_MAX_OUTPUT_LINES = 400


@dataclass
class Running:
    suite: str
    test: str
    output: list[str]


class Follower:
    """Feed it lines; it keeps the finished tests, the running one, and the finished suites."""

    def __init__(self) -> None:
        self.suite: str | None = None
        self.running: Running | None = None
        self.cases: list[Case] = []
        self.ended_suites: dict[str, str] = {}

    def feed(self, line: str) -> Case | None:
        """Returns the test that this line finished, if any."""
        line = line.rstrip("\r\n")
        if begin := _SUITE_BEGIN.match(line):
            self.suite = begin[1]
            self.running = None
        elif end := _SUITE_END.match(line):
            self.ended_suites[end[1]] = end[2]
            self.suite = None
            self.running = None
        elif self.suite is None:
            pass
        elif killed := _KILLED.match(line):
            return self._kill(killed[2], killed[3])
        elif run := _RUN.search(line):
            self.running = Running(self.suite, run[1], [])
        elif end := _END.search(line):
            return self._finish(end)
        elif self.running and len(self.running.output) < _MAX_OUTPUT_LINES:
            self.running.output.append(line)
        return None

    def _kill(self, test: str, reason: str) -> Case:
        output = self.running.output if self.running else []
        self.running = None
        case = Case.of(self.suite or "", test, Outcome.FAILED, 0.0, "\n".join([reason, *output]))
        self.cases.append(case)
        return case

    def _finish(self, end: re.Match[str]) -> Case:
        output = self.running.output if self.running and self.running.test == end[2] else []
        self.running = None
        case = Case.of(self.suite or "", end[2], _OUTCOMES[end[1]], int(end[3]) / 1000)
        if case.outcome is not Outcome.PASSED:
            case.message = "\n".join(output)
        self.cases.append(case)
        return case
