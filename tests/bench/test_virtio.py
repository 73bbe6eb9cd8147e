# SPDX-License-Identifier: Apache-2.0
"""Tests of how the marks of loaded guests become figures: `tests/bench/test_virtio.py`."""

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "board")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from redoubt_bench import board, flood, virtio  # noqa: E402


def mark(microseconds, value):
    return (f"redoubt-9 [000] ..... 1.{microseconds:06}: kvm_mmio: "
            f"mmio write len 4 gpa 0x9010004 val {value:#x}")


def load_reports(subject, microseconds):
    """One phase of 100 requests that takes so long."""
    return [["begin", "load", subject], ["trace", subject, mark(0, 2)],
            ["trace", subject, mark(microseconds, 3)],
            ["load", subject, "1 read-4k-1 100"], ["load", subject, "done"]]


class Virtio(unittest.TestCase):
    def figures_of(self, **microseconds):
        reports = []
        for subject, time in microseconds.items():
            reports += load_reports(subject, time) + load_reports(f"{subject}-unix", time)
        return {figure.name: figure for figure in virtio.summarize(reports, list(microseconds))}

    def test_marks_and_counts_become_rates(self):
        found = self.figures_of(protected=1000)
        self.assertEqual(100_000, found["read-4k-1: protected"].value)
        self.assertEqual(10_000, found["read-4k-1: protected, instructions for each"].value)

    def test_ratios_are_of_rates_and_have_to_be_large(self):
        found = self.figures_of(qemu=1000, unprotected=800, protected=1000)
        self.assertEqual(1.25, found["read-4k-1: unprotected / qemu"].value)
        self.assertTrue(found["read-4k-1: unprotected / qemu"].reached)
        self.assertEqual(0.8, found["read-4k-1: protected / unprotected"].value)
        self.assertFalse(found["read-4k-1: protected / unprotected"].reached)

    def test_count_without_marks_is_an_error(self):
        reports = [report for report in load_reports("qemu", 10) if report[0] != "trace"]
        with self.assertRaisesRegex(board.BenchError, "no mark of read-4k-1"):
            virtio.phases_of(reports, "qemu")

    def test_guest_that_measured_nothing_is_an_error(self):
        with self.assertRaisesRegex(board.BenchError, "measured nothing"):
            virtio.phases_of([["load", "qemu", "done"]], "qemu")

    def test_guest_that_did_not_come_to_its_end_is_an_error(self):
        with self.assertRaisesRegex(board.BenchError, "end"):
            virtio.phases_of(load_reports("qemu", 10)[:-1], "qemu")

    def test_every_subject_gets_the_same_load(self):
        line = virtio.peer_command(virtio.FULL)
        self.assertIn(virtio.command_line("disk,tap,vhost-tap,vsock", virtio.FULL), line)

    def test_no_word_of_the_plan_holds_its_separator(self):
        plan = virtio.plan_of(virtio.SUBJECTS, virtio.FULL) + flood.plan_of()
        words = [word for step in plan for word in step]
        self.assertFalse([word for word in words if "\t" in word or "\n" in word])


class Flood(unittest.TestCase):
    def reports_of(self, *kib, floods=flood.FLOODS):
        """Memory before, in the middle and at the end of floods, and after them."""
        subject = flood.SUBJECT
        samples = [["sample", subject, f"{1_000_000_000 + at} {value} 9"]
                   for at, value in zip((50_000, 200_000, 300_000, 900_000), kib)]
        reports = []
        for number, name in enumerate(floods, start=1):
            reports += [["trace", subject, mark(100, number * 2)],
                        ["trace", subject, mark(400, number * 2 + 1)],
                        ["load", subject, f"{number} {name} 60"]]
        return [*reports, ["load", subject, "done"], *samples]

    def figures_of(self, *kib):
        return {figure.name: figure for figure in flood.summarize(self.reports_of(*kib))}

    def test_growth_is_measured_from_before_the_flood_to_its_highest(self):
        found = self.figures_of(1000, 1040, 1010, 5000)
        self.assertAlmostEqual(0.04, found["flood rng: growth meanwhile"].value)
        self.assertFalse(found["flood rng: growth meanwhile"].reached)

    def test_memory_that_stays_reaches_the_target(self):
        found = self.figures_of(1000, 1005, 1008, 5000)
        self.assertTrue(found["flood rng: growth meanwhile"].reached)

    def test_growth_that_stays_is_measured_after_the_flood(self):
        found = self.figures_of(1000, 5000, 5000, 1020)
        self.assertAlmostEqual(0.02, found["flood rng: growth that stays"].value)
        self.assertFalse(found["flood rng: growth that stays"].reached)

    def test_flood_without_samples_is_an_error(self):
        with self.assertRaisesRegex(board.BenchError, "no sample"):
            self.figures_of(1000)

    def test_flood_that_was_not_made_is_an_error(self):
        reports = self.reports_of(1000, 1000, 1000, 1000, floods=("serial", "net"))
        with self.assertRaisesRegex(board.BenchError, "no flood of console, kicks, rng, vsock"):
            flood.summarize(reports)


if __name__ == "__main__":
    unittest.main()
