# SPDX-License-Identifier: Apache-2.0
"""The scheduler of ./check: order, dependencies, lanes, and the way out."""

import threading
import unittest
from dataclasses import dataclass

from redoubt_board import lanes
from redoubt_board.lanes import Begin, End, Skip, Tick

SECONDS = 20


@dataclass(frozen=True)
class Step:
    name: str
    after: frozenset[str] = frozenset()


def step(name: str, *after: str) -> Step:
    return Step(name, frozenset(after))


class LanesTest(unittest.TestCase):
    def run_all(self, steps, lane_count=2, work=lambda task: True, stop=lambda: None):
        return list(lanes.run(steps, lane_count, work, lambda result: result, stop, tick=0.01))

    @staticmethod
    def names(events, kind) -> list[str]:
        return [event.task.name for event in events if isinstance(event, kind)]

    def test_everything_runs_once(self):
        events = self.run_all([step("a"), step("b"), step("c")])
        self.assertEqual(self.names(events, Begin), ["a", "b", "c"])
        self.assertEqual(sorted(self.names(events, End)), ["a", "b", "c"])

    def test_no_more_run_at_a_time_than_there_are_lanes(self):
        lock = threading.Lock()
        running, most = 0, 0

        def work(_task):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            with lock:
                running -= 1
            return True
        self.run_all([step(str(number)) for number in range(20)], 3, work)
        self.assertLessEqual(most, 3)

    def test_lanes_work_at_the_same_time(self):
        both = threading.Barrier(2)

        def work(_task):
            both.wait(SECONDS)  # throws unless the other one comes
            return True
        events = self.run_all([step("a"), step("b")], 2, work)
        self.assertEqual(len(self.names(events, End)), 2)

    def test_a_task_waits_for_what_it_is_after(self):
        over = []

        def work(task):
            over.append(task.name)
            return True
        self.run_all([step("last", "second"), step("second", "first"), step("first")], 2, work)
        self.assertEqual(over, ["first", "second", "last"])

    def test_a_lane_is_not_kept_by_a_task_that_waits(self):
        first_may_end = threading.Event()

        def work(task):
            if task.name == "first":
                return first_may_end.wait(SECONDS)
            if task.name == "other":
                first_may_end.set()
            return True
        events = self.run_all([step("first"), step("waits", "first"), step("other")], 2, work)
        self.assertEqual(self.names(events, Begin), ["first", "other", "waits"])

    def test_what_waits_for_a_failure_is_skipped_and_what_waits_for_that_too(self):
        events = self.run_all([step("a"), step("b", "a"), step("c", "b"), step("d")], 1,
                              lambda task: task.name != "a")
        self.assertEqual(self.names(events, Skip), ["b", "c"])
        self.assertEqual([e.because for e in events if isinstance(e, Skip)], ["a", "b"])
        self.assertEqual(self.names(events, End), ["a", "d"])

    def test_a_task_that_is_not_there_is_not_waited_for(self):
        events = self.run_all([step("b", "a")])
        self.assertEqual(self.names(events, End), ["b"])

    def test_tasks_that_wait_for_one_another_are_an_error(self):
        with self.assertRaisesRegex(ValueError, "a, b"):
            self.run_all([step("a", "b"), step("b", "a")])

    def test_it_ticks_while_nothing_happens(self):
        release = threading.Event()
        events = []
        for event in lanes.run([step("slow")], 1, lambda task: release.wait(SECONDS),
                               lambda result: result, lambda: None, tick=0.01):
            events.append(event)
            if isinstance(event, Tick):
                self.assertEqual([task.name for task, _ in event.running], ["slow"])
                release.set()
        self.assertTrue(any(isinstance(event, Tick) for event in events))

    def test_leaving_early_stops_what_runs_and_begins_nothing_more(self):
        stopped = threading.Event()
        worked = []

        def work(task):
            worked.append(task.name)
            return stopped.wait(SECONDS)
        with self.assertRaises(KeyboardInterrupt):
            for event in lanes.run([step("a"), step("b"), step("c")], 2, work,
                                   lambda result: result, stopped.set, tick=0.01):
                if isinstance(event, Tick):
                    raise KeyboardInterrupt
        self.assertTrue(stopped.is_set())
        self.assertEqual(sorted(worked), ["a", "b"])

    def test_nothing_to_do_is_done_at_once(self):
        self.assertEqual(self.run_all([]), [])


if __name__ == "__main__":
    unittest.main()
