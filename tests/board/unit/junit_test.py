# SPDX-License-Identifier: Apache-2.0
"""Reading, counting and writing of test reports."""

import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from redoubt_board import junit
from redoubt_board.junit import Case, Counts, Outcome

GTEST = b"""<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="4" failures="1" disabled="0" errors="0" time="0.1" name="AllTests">
  <testsuite name="Group" tests="4" failures="1" disabled="0" skipped="1" errors="0" time="0.1">
    <testcase name="good" status="run" result="completed" time="0.25" classname="Group" />
    <testcase name="bad" status="run" result="completed" time="0" classname="Group">
      <failure message="a.cc:1&#x0A;first" type=""><![CDATA[a.cc:1
first]]></failure>
      <failure message="a.cc:2&#x0A;second" type=""><![CDATA[a.cc:2
second]]></failure>
    </testcase>
    <testcase name="absent" status="run" result="skipped" time="0" classname="Group">
      <skipped message="a.cc:3&#x0A;no KVM"><![CDATA[a.cc:3
no KVM]]></skipped>
    </testcase>
    <testcase name="other" status="notrun" result="suppressed" time="0" classname="Group" />
  </testsuite>
</testsuites>
"""


class Parse(unittest.TestCase):
    def test_every_outcome_of_googletest_is_understood(self):
        cases = junit.parse(GTEST, "boot")
        self.assertEqual([(c.group, c.name, c.outcome) for c in cases], [
            ("boot.Group", "good", Outcome.PASSED),
            ("boot.Group", "bad", Outcome.FAILED),
            ("boot.Group", "absent", Outcome.SKIPPED)])
        self.assertEqual(cases[0].seconds, 0.25)
        self.assertIn("first", cases[1].message)
        self.assertIn("second", cases[1].message)
        self.assertIn("no KVM", cases[2].message)

    def test_two_failures_in_a_test_are_one_failed_test(self):
        self.assertEqual(junit.count(junit.parse(GTEST)), Counts(1, 1, 1))

    def test_bytes_that_no_xml_holds_do_not_lose_the_report(self):
        broken = GTEST.replace(b"no KVM", b"\x01\xff")
        self.assertEqual(len(junit.parse(broken)), 3)

    def test_a_report_cut_short_is_refused(self):
        with self.assertRaises(ValueError):
            junit.parse(GTEST[:-20])


class Write(unittest.TestCase):
    def written(self, cases: list[Case]) -> bytes:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "deep" / "results.xml"
            junit.write(path, "a name", cases)
            return path.read_bytes()

    def test_what_is_written_can_be_read(self):
        cases = [Case.of("boot", "Group.one", Outcome.PASSED, 1.5),
                 Case.of("boot", "Group.two", Outcome.FAILED, 0.0, "first line\n<second>"),
                 Case.of("unit", "P/Group.three/0", Outcome.SKIPPED, 0.0, "no \"KVM\"")]
        self.assertEqual(junit.parse(self.written(cases)), cases)

    def test_totals_are_on_every_level(self):
        cases = [Case.of("boot", "G.one", Outcome.FAILED), Case.of("boot", "H.two", Outcome.PASSED)]
        root = ElementTree.fromstring(self.written(cases))
        self.assertEqual((root.get("tests"), root.get("failures")), ("2", "1"))
        suites = {s.get("name"): s.get("failures") for s in root.iter("testsuite")}
        self.assertEqual(suites, {"boot.G": "1", "boot.H": "0"})

    def test_control_characters_are_replaced(self):
        written = self.written([Case.of("s", "G.t", Outcome.FAILED, 0.0, "a\x00b\x1b[0m")])
        self.assertIn("a\ufffdb", written.decode())

    def test_names_go_there_and_back(self):
        case = Case.of("unit", "P/Group.test/0", Outcome.PASSED)
        self.assertEqual((case.suite, case.test), ("unit", "P/Group.test/0"))


if __name__ == "__main__":
    unittest.main()
