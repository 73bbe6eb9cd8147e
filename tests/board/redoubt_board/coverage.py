# SPDX-License-Identifier: Apache-2.0
"""What the suites cover of what there is: the page tests/board/COVERAGE.md, out of tables.

A table is a file of lines `what | … | tests`, with the names of tests, or of programs of
tests/hostile, in the last column. A comment after the one that names the columns is a heading.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from redoubt_board import measured

_TEST = re.compile(r"^[A-Z_]*TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)", re.MULTILINE)
_PROGRAM = re.compile(r"\bREDOUBT_HOSTILE(?:_PROTECTED)?\((\w+)\)")
_MATRIX_ROW = re.compile(r"\bOF\((\w+)\),")
_LINES = "Lines of the fault handler and of EL2"
_SUITE = "tests/board/suite"


@dataclass
class Row:
    cells: list[str]
    tests: list[str]
    place: str
    why_not: str = ""  # in place of tests

    @property
    def reachable(self) -> bool:
        """Of branches, the column that names the kernels may say that there is none, and why."""
        return not self.why_not and not any(cell.startswith("none:") for cell in self.cells)


@dataclass
class Table:
    title: str
    columns: list[str]
    sections: list[tuple[str, list[Row]]] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        return [row for _, rows in self.sections for row in rows]


def read_table(path: Path, title: str) -> Table:
    columns: list[str] = []
    sections: list[tuple[str, list[Row]]] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("#"):
            said = line.lstrip("# ")
            if not columns and " | " in said:
                columns = said.split(" | ")
                sections.append(("", []))
            elif columns:
                sections.append((said, []))
        elif line.strip():
            if not columns:
                raise ValueError(f"{path}:{number}: a row before the line that names the columns")
            *cells, tests = (cell.strip() for cell in line.split("|"))
            if len(cells) + 1 != len(columns) or not all([*cells, tests]):
                raise ValueError(f"{path}:{number}: {len(columns)} columns are wanted, none empty")
            why_not = tests if tests.startswith("none:") else ""
            names = [] if tests == "-" or why_not else tests.split()
            sections[-1][1].append(Row(cells, names, f"{path.name}:{number}", why_not))
    return Table(title, columns, [section for section in sections if section[1]])


def tests_in(folder: Path) -> set[str]:
    """Group.name of every test in the sources below."""
    return {".".join(found) for path in folder.rglob("*.cc")
            for found in _TEST.findall(path.read_text())}


def known_tests(root: Path) -> set[str]:
    names = tests_in(root / _SUITE) | tests_in(root / "tests/unit")
    for path in sorted((root / "tests/hostile").glob("*.cc")):
        names.update(_PROGRAM.findall(path.read_text()))
    return names


def matrix_rows(root: Path) -> set[str]:
    path = root / _SUITE / "isolation_matrix_test.cc"
    return set(_MATRIX_ROW.findall(path.read_text())) if path.exists() else set()


def troubles(table: Table, known: set[str]) -> list[str]:
    return [f"{row.place}: there is no {name}" for row in table.rows for name in row.tests
            if name not in known]


class Coverage:
    """All tables that there are, each with the names that its last column may have."""

    def __init__(self, root: Path):
        tests = known_tests(root)
        self.tables: list[tuple[Table, set[str]]] = []
        for name, title, known in (
                ("faults_branches.txt", "Branches of the fault handler", tests),
                ("access_rows.txt", "Rows of the access matrix", matrix_rows(root)),
                ("cases.txt", "Cases of a hostile guest or host", tests),
                ("long_runs.txt", "Long runs", tests)):
            path = root / _SUITE / name
            if path.exists():
                self.tables.append((read_table(path, title), known))
        self.measured = measured.read(root)

    def troubles(self) -> list[str]:
        found = [trouble for table, known in self.tables for trouble in troubles(table, known)]
        if self.measured:
            found += self.measured.troubles()
        return found

    def page(self) -> str:
        lines = ["<!-- SPDX-License-Identifier: Apache-2.0 -->", "# What the suites cover", "",
                 "Made by `tests/board/coverage` of the tables in `tests/board/suite/`; `./check` "
                 "fails when it is stale.", "", "| | covered | of | cannot be reached |",
                 "|---|---:|---:|---:|"]
        for table, _ in self.tables:
            reachable = [row for row in table.rows if row.reachable]
            lines.append(f"| [{table.title}](#{_anchor(table.title)}) "
                         f"| {sum(bool(row.tests) for row in reachable)} | {len(reachable)} "
                         f"| {len(table.rows) - len(reachable)} |")
        if self.measured:
            executed, reachable, others = self.measured.sums()
            lines.append(f"| [{_LINES}](#{_anchor(_LINES)}) | {executed} | {reachable} "
                         f"| {others} |")
        for table, _ in self.tables:
            lines += ["", f"## {table.title}"]
            for heading, rows in table.sections:
                lines += ["", f"### {heading}"] if heading else []
                lines += ["", f"| {' | '.join(['', *table.columns])} |",
                          f"|{'---|' * (len(table.columns) + 1)}"]
                lines += [_line(row) for row in rows]
        if self.measured:
            lines += ["", f"## {_LINES}", "",
                      "Measured by `tests/board/lines` on the patched kernel, on emulated boards "
                      "with `cortex-a72` and `max`: a line counts as executed when one of its "
                      "instructions was. Lines that the compiler made nothing of are not counted.",
                      *self.measured.section()]
        return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    sign = "✓" if row.tests else "✗"
    tests = "<br>".join(f"`{name}`" for name in row.tests) or row.why_not or "none"
    return f"| {sign if row.reachable else '–'} | {' | '.join(row.cells)} | {tests} |"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")
