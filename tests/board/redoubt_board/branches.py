# SPDX-License-Identifier: Apache-2.0
"""The list of the branches that the suite `faults` takes: suite/faults_branches.txt."""

import re
from dataclasses import dataclass
from pathlib import Path

_SUITE = Path(__file__).resolve().parent.parent / "suite"
LIST = _SUITE / "faults_branches.txt"

_TEST = re.compile(r"^(?:CONTRACT_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)", re.MULTILINE)


@dataclass(frozen=True)
class Branch:
    """One line of the list. `kernels` starts with "none: " where no kernel takes the branch."""

    group: str
    name: str
    function: str
    kernels: str
    tests: tuple[str, ...]

    @property
    def is_taken(self) -> bool:
        return not self.kernels.startswith("none: ")


def parse(text: str) -> list[Branch]:
    """The branches of a list. ValueError for a line that is none."""
    branches = []
    group = ""
    for line in text.splitlines():
        if line.startswith("#"):
            group = line[1:].strip()
        elif line.strip():
            fields = [field.strip() for field in line.split("|")]
            if len(fields) != 4 or not all(fields):
                raise ValueError(f"no line of branch | function | kernels | tests: {line}")
            tests = () if fields[3] == "-" else tuple(fields[3].split())
            branches.append(Branch(group, *fields[:3], tests))
    return branches


def tests_of_suites(folder: Path = _SUITE) -> set[str]:
    """Group.name of every test of the board suites."""
    return {".".join(found) for source in folder.glob("*_test.cc")
            for found in _TEST.findall(source.read_text())}
