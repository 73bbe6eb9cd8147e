# SPDX-License-Identifier: Apache-2.0
"""Tests of how traces become figures, without a board: `tests/bench/test_bench.py`."""

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "board")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from redoubt_bench import boot, figures, trace  # noqa: E402

EXEC = "init-9 [000] ..... 1.000100: sched_process_exec: filename=/bench/redoubt pid=9 old_pid=9"
OFF = "redoubt-9 [000] ..... 1.000900: kvm_userspace_exit: reason KVM_EXIT_SYSTEM_EVENT (24)"
SLEEP = "<idle>-0 [000] d..1. 1.000300: cpu_idle: state=1 cpu_id=0"
WAKE = "<idle>-0 [000] d..1. 1.000500: cpu_idle: state=4294967295 cpu_id=0"


def mark(microseconds, value):
    return (f"redoubt-9 [000] ..... 1.{microseconds:06}: kvm_mmio: "
            f"mmio write len 4 gpa 0x9010004 val {value:#x}")


class Trace(unittest.TestCase):
    def span(self, *lines):
        return trace.span(lines, "/bench/redoubt", "kvm_userspace_exit")

    def test_span_runs_from_exec_to_event(self):
        self.assertEqual(trace.Span(800_000, 800_000), self.span(EXEC, OFF))

    def test_idle_time_is_not_busy(self):
        self.assertEqual(trace.Span(800_000, 600_000), self.span(EXEC, SLEEP, WAKE, OFF))

    def test_what_comes_before_the_exec_does_not_count(self):
        self.assertEqual(trace.Span(800_000, 800_000), self.span(OFF, SLEEP, EXEC, WAKE, OFF))

    def test_exec_of_another_program_is_no_start(self):
        with self.assertRaisesRegex(ValueError, "exec of /bench/redoubt"):
            self.span(EXEC.replace("redoubt", "other"), OFF)

    def test_missing_event_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "kvm_userspace_exit"):
            self.span(EXEC)

    def test_phase_runs_from_mark_to_mark_without_idle_time(self):
        found = trace.phases([mark(100, 2), SLEEP, WAKE, mark(900, 3), mark(950, 4), mark(990, 5)])
        self.assertEqual((1_000_100_000, trace.Span(800_000, 600_000)), found[1])
        self.assertEqual((1_000_950_000, trace.Span(40_000, 40_000)), found[2])

    def test_idle_time_before_a_phase_is_not_its_own(self):
        found = trace.phases([SLEEP, WAKE, mark(600, 2), mark(700, 3)])
        self.assertEqual(trace.Span(100_000, 100_000), found[1][1])

    def test_phase_that_does_not_end_is_none(self):
        self.assertEqual({}, trace.phases([mark(100, 2)]))


class Boot(unittest.TestCase):
    REPORTS = [["begin", "time", "protected"], ["trace", "protected", EXEC],
               ["trace", "protected", OFF], ["elapsed", "protected", "900000"],
               ["begin", "entry", "protected"], ["trace", "protected", EXEC],
               ["trace", "protected", OFF.replace("kvm_userspace_exit", "kvm_entry")],
               ["begin", "memory", "protected"], ["memory", "protected", "3000 70000"], ["done"]]

    def test_reports_become_figures(self):
        found = {figure.name: figure for figure in
                 boot.summarize(self.REPORTS, ["protected"], ["pl011"], None)}
        self.assertEqual(800_000, found["protected: exec to power-off"].value)
        self.assertTrue(found["protected: exec to first KVM_RUN"].reached)
        self.assertEqual(3000, found["protected: resident beyond guest memory"].value)

    def test_each_row_is_warmed_before_it_is_measured(self):
        kinds = [step[0] for step in boot.plan_of(["protected"], ["pl011"], 2)]
        self.assertEqual(["warm", "time", "time", "entry", "entry", "memory"], kinds)

    def test_variants_are_rows_of_their_own(self):
        rows = [step[1] for step in boot.plan_of(["protected"], ["pl011", "hvc0-quiet"], 1)]
        self.assertEqual(["protected"] * 4 + ["protected/hvc0-quiet"] * 2, rows)

    def test_log_goes_to_the_same_kind_of_console_for_all(self):
        for variant in boot.VARIANTS:
            command = boot.command_of("qemu", variant)
            virtio_console = variant.startswith("hvc0")
            with self.subTest(variant):
                self.assertEqual(virtio_console, "virtio-serial-device" in command)
                self.assertEqual(virtio_console, "ports:" in boot.config_of(variant))
                self.assertIn(command[-1], boot.config_of(variant))

    def test_no_word_of_the_plan_holds_its_separator(self):
        words = [word for step in boot.plan_of(boot.SUBJECTS, boot.VARIANTS, 1) for word in step]
        self.assertFalse([word for word in words if "\t" in word or "\n" in word])


class Figures(unittest.TestCase):
    def test_target_is_reached_when_equal(self):
        self.assertTrue(figures.Figure("a", 4096, "KiB", 4096).reached)
        self.assertFalse(figures.Figure("a", 4097, "KiB", 4096).reached)
        self.assertIsNone(figures.Figure("a", 1, "KiB").reached)

    def test_target_that_is_a_lower_bound(self):
        self.assertTrue(figures.Figure("a", 1, "ratio", 1, at_least=True).reached)
        self.assertFalse(figures.Figure("a", 0.9, "ratio", 1, at_least=True).reached)

    def test_table_shows_value_target_and_verdict(self):
        text = figures.table([figures.Figure("a", 0.2, "ratio", 0.16)])
        self.assertRegex(text, r"a\s+0\.200\s+ratio\s+≤ 0\.160\s+MISSED")


if __name__ == "__main__":
    unittest.main()
