# SPDX-License-Identifier: Apache-2.0
"""tests/hostile/README.md names every hostile program, and no test that does not exist."""

import re

from tree import Finding

TABLE = "tests/hostile/README.md"

_CASE = re.compile(r"\bREDOUBT_HOSTILE(?:_PROTECTED)?\((\w+)\)")
_TEST = re.compile(r"\b(?:TEST|TEST_F|TEST_P|CONTRACT_TEST)\(\s*(\w+),\s*(\w+)\s*\)")
_NAMED = re.compile(r"`([a-z]\w+|[A-Z]\w+\.\w+)`")


def check(tree):
    if TABLE not in tree:
        return
    cases, tests = {}, set()
    for path in tree.paths(".cc"):
        if path.startswith("tests/hostile/"):
            for number, line in tree.lines(path):
                cases.update((name, (path, number)) for name in _CASE.findall(line))
        elif path.startswith(("tests/unit/", "tests/board/suite/")):
            tests.update(".".join(found) for found in _TEST.findall(tree.text(path)))
    named = set()
    for number, line in tree.lines(TABLE):
        tested = line.split("|")[2] if line.count("|") == 3 else ""
        for name in _NAMED.findall(tested):
            named.add(name)
            if "_" in name and name not in cases and name not in tests:
                yield Finding(TABLE, number, f"there is no test {name}")
    for name, (path, number) in cases.items():
        if name not in named:
            yield Finding(path, number, f"{name} is missing in the table of {TABLE}")
