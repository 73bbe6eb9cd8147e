# SPDX-License-Identifier: Apache-2.0
"""Judges the reports of a run: every test in each of them, the page well-formed."""

import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

from redoubt_board import junit
from redoubt_board.junit import Outcome

_VOID = ("meta", "br", "hr", "img", "link", "input")
_LOADS = ("script", "link", "img", "iframe", "object", "embed", "video", "audio", "source", "base")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.trouble: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.rows: list[str] = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag in _LOADS:
            self.trouble.append(f"the page loads something: <{tag}>")
        if tag not in _VOID:
            self.open.append(tag)
        if identity := values.get("id"):
            if identity in self.ids:
                self.trouble.append(f"the id {identity} twice")
            self.ids.add(identity)
            if tag == "tr":
                self.rows.append("")
        if tag == "a":
            self.links.add(values.get("href", ""))

    def handle_startendtag(self, tag, attrs):
        if tag not in _VOID:
            self.trouble.append(f"<{tag}/> is open for a browser")
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.trouble.append(f"</{tag}> in line {self.getpos()[0]} ends another element")
        if tag == "tr" and self.rows:
            self.rows[-1] += "\n"

    def handle_data(self, data):
        if self.rows and not self.rows[-1].endswith("\n"):
            self.rows[-1] += data + "\t"


def troubles(folder: Path) -> list[str]:
    """What is wrong with the reports in a folder; nothing if all is well."""
    try:
        cases = junit.parse((folder / "results.xml").read_bytes())
        page = (folder / "report.html").read_text()
        tap = (folder / "results.tap").read_text().splitlines()
        tests = json.loads((folder / "results.json").read_text())
        ElementTree.fromstring(page)
    except (OSError, ValueError, ElementTree.ParseError) as error:
        return [f"{type(error).__name__}: {error}"]
    wanted = sorted((case.suite, case.test, case.outcome.value) for case in cases)

    found = _Page()
    found.feed(page)
    found.close()
    trouble = found.trouble + [f"<{tag}> is never closed" for tag in found.open]
    trouble += [f"{link} leads nowhere" for link in sorted(found.links)
                if not link.startswith("#") or link[1:] not in found.ids]
    rows = sorted(row.split("\t")[1] + "\t" + row.split("\t")[0].split()[1]
                  for row in found.rows)
    if rows != sorted(f"{test}\t{outcome}" for _, test, outcome in wanted):
        trouble.append("report.html has not the tests of results.xml")

    if sorted((t["suite"], t["test"], t["outcome"]) for t in tests["tests"]) != wanted:
        trouble.append("results.json has not the tests of results.xml")
    trouble += _tap_troubles(tap, wanted)
    return trouble


def _tap_troubles(lines: list[str], wanted: list[tuple[str, str, str]]) -> list[str]:
    told = []
    for line in lines:
        if match := re.match(r"(ok|not ok) \d+ - (\w+)\.((?:[^#\\]|\\.)*?)( # SKIP .*)?$", line):
            outcome = Outcome.FAILED if match[1] == "not ok" else Outcome.PASSED
            told.append((match[2], match[3], (Outcome.SKIPPED if match[4] else outcome).value))
    if lines[:2] != ["TAP version 13", f"1..{len(wanted)}"] or sorted(told) != wanted:
        return ["results.tap has not the tests of results.xml"]
    return []
