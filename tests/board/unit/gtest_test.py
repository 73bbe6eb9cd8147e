# SPDX-License-Identifier: Apache-2.0
"""Following the output of a run."""

import unittest

from redoubt_board.gtest import Follower
from redoubt_board.junit import Outcome


def follow(*lines: str) -> Follower:
    follower = Follower()
    for line in lines:
        follower.feed(line)
    return follower


class Follow(unittest.TestCase):
    def test_a_finished_test_is_counted_with_its_time(self):
        case, = follow("==== suite boot", "[ RUN      ] G.t", "[       OK ] G.t (1500 ms)").cases
        self.assertEqual((case.suite, case.test, case.outcome, case.seconds),
                         ("boot", "G.t", Outcome.PASSED, 1.5))

    def test_what_a_failed_test_printed_is_its_message(self):
        case, = follow("==== suite boot", "[ RUN      ] G.t", "a.cc:1: Failure", "why",
                       "[  FAILED  ] G.t (0 ms)").cases
        self.assertEqual(case.message, "a.cc:1: Failure\nwhy")

    def test_text_before_the_verdict_on_its_line_does_no_harm(self):
        follower = follow("==== suite boot", "[ RUN      ] G.t", "noise[       OK ] G.t (1 ms)")
        self.assertEqual(len(follower.cases), 1)

    def test_the_parameter_of_a_failed_test_is_not_its_name(self):
        case, = follow("==== suite boot", "[ RUN      ] P/G.t/0",
                       "[  FAILED  ] P/G.t/0, where GetParam() = 4 (2 ms)").cases
        self.assertEqual(case.test, "P/G.t/0")

    def test_the_closing_summary_counts_nothing(self):
        follower = follow("==== suite boot", "[  FAILED  ] 1 test, listed below:",
                          "[  FAILED  ] G.t", "[  SKIPPED ] G.u")
        self.assertEqual(follower.cases, [])

    def test_a_test_that_has_begun_is_running(self):
        follower = follow("==== suite boot", "[ RUN      ] G.t", "some output")
        self.assertEqual((follower.running.suite, follower.running.test), ("boot", "G.t"))

    def test_a_test_that_run_suites_killed_has_failed(self):
        follower = follow("==== suite boot", "[ RUN      ] G.t",
                          "run-suites: boot: G.t: hung: no output for 8 seconds, killed")
        self.assertIsNone(follower.running)
        self.assertEqual(follower.cases[0].outcome, Outcome.FAILED)
        self.assertIn("hung", follower.cases[0].message)

    def test_the_end_of_a_suite_is_kept_with_its_reason(self):
        follower = follow("==== suite boot", "==== suite boot ended: complete")
        self.assertEqual(follower.ended_suites, {"boot": "complete"})

    def test_a_suite_that_prints_without_end_does_not_fill_memory(self):
        follower = follow("==== suite boot", "[ RUN      ] G.t", *["line"] * 10000)
        self.assertLess(len(follower.running.output), 1000)


if __name__ == "__main__":
    unittest.main()
