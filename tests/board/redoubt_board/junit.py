# SPDX-License-Identifier: Apache-2.0
"""Test results: read from GoogleTest's XML, counted, written as JUnit XML."""

import enum
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from redoubt_board.paths import partial_of

# What XML 1.0 cannot carry, even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Outcome(enum.Enum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass
class Case:
    """One test. `group` is SUITE.CLASS, as it appears in reports."""

    group: str
    name: str
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""

    @staticmethod
    def of(suite: str, test: str, outcome: Outcome, seconds: float = 0.0,
           message: str = "") -> "Case":
        """From a GoogleTest name, CLASS.TEST. CLASS may hold no dot, a parameter in TEST may."""
        group, _, name = test.partition(".")
        return Case(f"{suite}.{group}", name, outcome, seconds, message)

    @property
    def suite(self) -> str:
        return self.group.partition(".")[0]

    @property
    def test(self) -> str:
        """The GoogleTest name, as --gtest_filter takes it."""
        return f"{self.group.partition('.')[2]}.{self.name}"


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed,
                      self.skipped + other.skipped)

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.skipped


def count(cases: Iterable[Case]) -> Counts:
    counts = Counts()
    for case in cases:
        setattr(counts, case.outcome.value, getattr(counts, case.outcome.value) + 1)
    return counts


def parse(report: bytes, suite: str | None = None) -> list[Case]:
    """The tests in a GoogleTest or JUnit report. `suite` is put before each class name.

    Throws ValueError when it is no such report.
    """
    text = _NOT_XML.sub("\ufffd", report.decode("utf-8", "replace"))
    try:
        # From bytes, because ElementTree refuses a str that declares an encoding.
        root = ElementTree.fromstring(text.encode())
    except ElementTree.ParseError as error:
        raise ValueError(f"not a test report: {error}") from error
    cases = []
    for element in root.iter("testcase"):
        if element.get("status") == "notrun":
            continue  # GoogleTest lists what the filter left out
        group = element.get("classname", "")
        case = Case(f"{suite}.{group}" if suite else group, element.get("name", ""),
                    Outcome.PASSED, float(element.get("time") or 0))
        problems = element.findall("failure") + element.findall("error")
        if problems:
            case.outcome = Outcome.FAILED
            case.message = "\n".join(p.text or p.get("message", "") for p in problems)
        elif (skipped := element.find("skipped")) is not None:
            case.outcome = Outcome.SKIPPED
            case.message = skipped.get("message") or skipped.text or ""
        cases.append(case)
    return cases


def write(path: Path, name: str, cases: Iterable[Case]) -> None:
    """Writes the dialect that CI tools agree on: testsuites, testsuite, testcase."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case)
    everything = [case for group in groups.values() for case in group]
    root = ElementTree.Element("testsuites", {"name": name, **_attributes(everything)})
    for group, members in groups.items():
        suite = ElementTree.SubElement(root, "testsuite", {"name": _text(group),
                                                           **_attributes(members)})
        for case in members:
            element = ElementTree.SubElement(suite, "testcase", {
                "classname": _text(group), "name": _text(case.name),
                "time": f"{case.seconds:.3f}"})
            if case.outcome is Outcome.FAILED:
                first = case.message.strip().splitlines()[:1] or ["failed"]
                failure = ElementTree.SubElement(element, "failure", {"message": _text(first[0])})
                failure.text = _text(case.message)
            elif case.outcome is Outcome.SKIPPED:
                ElementTree.SubElement(element, "skipped",
                                       {"message": _text(case.message.strip())})
    ElementTree.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_of(path)
    ElementTree.ElementTree(root).write(partial, encoding="utf-8", xml_declaration=True)
    partial.replace(path)


def _attributes(cases: list[Case]) -> dict[str, str]:
    counts = count(cases)
    return {"tests": str(counts.total), "failures": str(counts.failed), "errors": "0",
            "skipped": str(counts.skipped), "time": f"{sum(c.seconds for c in cases):.3f}"}


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
