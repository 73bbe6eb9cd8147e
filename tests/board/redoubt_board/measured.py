# SPDX-License-Identifier: Apache-2.0
"""The figures of tests/board/lines: the file that keeps them, and their part of COVERAGE.md."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_SUITE = "tests/board/suite"
TABLE = f"{_SUITE}/lines.txt"
_OUT_OF_REACH = f"{_SUITE}/out_of_reach.txt"


@dataclass(frozen=True)
class Figure:
    """Of one function. Lines that no instruction was made of are not counted."""

    source: str
    function: str
    lines: int
    executed: int


@dataclass
class Measured:
    figures: list[Figure]
    out_of_reach: dict[tuple[str, str], str]  # source and function: why
    is_stale: bool

    def troubles(self) -> list[str]:
        known = {(figure.source, figure.function) for figure in self.figures}
        found = [f"{_OUT_OF_REACH}: {TABLE} has no {function} of {source}"
                 for source, function in self.out_of_reach if (source, function) not in known]
        if self.is_stale:
            found.append(f"{TABLE}: measured with another series; tests/board/lines --write "
                         "measures anew")
        return found

    def sums(self) -> tuple[int, int, int]:
        """Lines executed, lines in reach, and lines out of it."""
        reachable = [figure for figure in self.figures if not self._why_not(figure)]
        lines = sum(figure.lines for figure in reachable)
        return (sum(figure.executed for figure in reachable), lines,
                sum(figure.lines for figure in self.figures) - lines)

    def section(self) -> list[str]:
        lines = []
        for source in dict.fromkeys(figure.source for figure in self.figures):
            lines += self._section_of(source)
        return lines

    def _section_of(self, source: str) -> list[str]:
        figures = [figure for figure in self.figures if figure.source == source]
        reachable = [figure for figure in figures if not self._why_not(figure)]
        executed = sum(figure.executed for figure in reachable)
        count = sum(figure.lines for figure in reachable)
        whole = sum(figure.executed == figure.lines for figure in reachable)
        lines = ["", f"### {source}", "",
                 f"{executed} of {count} lines, {100 * executed / count:.1f} %. Of "
                 f"{len(reachable)} functions {whole} are executed to the last line. The others, "
                 "and those that are out of reach:", "",
                 "|  | function | executed | of | why |", "|---|---|---:|---:|---|"]
        for figure in figures:
            why = self._why_not(figure)
            if why or figure.executed < figure.lines:
                sign = "–" if why else "✓" if figure.executed else "✗"
                lines.append(f"| {sign} | {figure.function} | {figure.executed} | {figure.lines} "
                             f"| {why} |")
        return lines

    def _why_not(self, figure: Figure) -> str:
        return self.out_of_reach.get((figure.source, figure.function), "")


def write(root: Path, figures: Iterable[Figure]) -> None:
    rows = ["# SPDX-License-Identifier: Apache-2.0", "#",
            "# Written by tests/board/lines: how many lines of the patched kernel's functions",
            "# there are, and how many of them the suites execute.", "#",
            f"# series {_series(root)}", "#", "# source | function | lines | executed"]
    rows += [f"{figure.source} | {figure.function} | {figure.lines} | {figure.executed}"
             for figure in figures]
    (root / TABLE).write_text("\n".join(rows) + "\n")


def read(root: Path) -> Measured | None:
    """None where nothing was measured."""
    if not (root / TABLE).exists():
        return None
    text = (root / TABLE).read_text()
    figures = [Figure(source, function, int(lines), int(executed))
               for source, function, lines, executed in _rows(text)]
    series = re.search(r"^# series (\w+)$", text, re.MULTILINE)
    return of(root, figures, not series or series[1] != _series(root))


def of(root: Path, figures: list[Figure], is_stale: bool = False) -> Measured:
    reasons = {(source, function): why
               for source, function, why in _rows((root / _OUT_OF_REACH).read_text())}
    return Measured(figures, reasons, is_stale)


def _rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.splitlines()
            if line.strip() and not line.startswith("#")]


def _series(root: Path) -> str:
    """Names the patches that a measurement was made with."""
    patches = sorted((root / "kernel-patches").glob("*/*.patch"))
    return hashlib.sha256(b"".join(patch.read_bytes() for patch in patches)).hexdigest()[:16]
