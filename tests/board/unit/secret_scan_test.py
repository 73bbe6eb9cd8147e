# SPDX-License-Identifier: Apache-2.0
"""What is thought of what is found in the board's memory, and when the board may go on."""

import unittest
from collections.abc import Iterator

from redoubt_board.junit import Case, Outcome
from redoubt_board.secret import SIZE, expand
from redoubt_board.secret_scan import Story

SEED = 0x5eed


class FakeMemory:
    content = b""

    def ranges(self) -> Iterator[tuple[int, int]]:
        yield 0, len(self.content)

    def read(self, start: int, end: int) -> bytes:
        return self.content[start:end]


class StoryTest(unittest.TestCase):
    def setUp(self):
        self.memory = FakeMemory()
        self.story = Story(self.memory)

    def begin(self, way: str) -> None:
        self.story.hear(f"life 1 {way}")
        self.story.hear(f"seed {SEED:#x}")

    def look(self, moment: str, content: bytes) -> Case:
        self.memory.content = content
        self.assertTrue(self.story.hear(f"pause {moment}"))
        return self.story.cases[-1]

    def test_the_guests_own_pages_are_all_there_may_be_while_it_runs(self):
        self.begin("off")
        whole = expand(SEED)
        self.assertEqual(self.look("running", whole).outcome, Outcome.PASSED)
        for content in (b"", whole[:-1], whole + bytes(9) + whole[64:96]):
            case = self.look("running", content)
            self.assertEqual(case.outcome, Outcome.FAILED)
        self.assertIn("2 pieces", case.message)

    def test_nothing_may_be_left_when_it_is_gone(self):
        self.begin("kill")
        self.assertEqual(self.look("gone", bytes(SIZE)).outcome, Outcome.PASSED)
        case = self.look("gone", bytes(4096) + expand(SEED)[4096:8192])
        self.assertEqual(case.outcome, Outcome.FAILED)
        self.assertIn("bytes 4096 to 8192 at 0x1000", case.message)

    def test_what_is_left_of_a_guest_is_seen_in_the_time_of_another(self):
        self.begin("off")
        rest = expand(SEED)[:64]
        self.story.hear("seed 0x1")
        self.assertEqual(self.look("running", expand(1)).outcome, Outcome.PASSED)
        self.assertEqual(self.look("running", expand(1) + rest).outcome, Outcome.FAILED)

    def test_the_copy_of_an_unprotected_guest_has_to_be_found(self):
        self.begin("control")
        whole = expand(SEED)
        self.assertEqual(self.look("copied", whole).outcome, Outcome.FAILED)
        self.assertEqual(self.look("copied", whole + whole).outcome, Outcome.PASSED)

    def test_each_way_to_die_has_its_end(self):
        for way, end, other in (("off", "0 kept", "0 changed"), ("kill", "137", "0 kept"),
                                ("core", "134", "139"), ("read", "70", "0 kept")):
            self.begin(way)
            self.story.hear(f"ended {end} ")
            self.assertEqual(self.story.cases[-1].outcome, Outcome.PASSED, way)
            self.story.hear(f"ended {other} ")
            self.assertEqual(self.story.cases[-1].outcome, Outcome.FAILED, way)

    def test_the_board_waits_only_where_it_says_so(self):
        for line in ("life 1 swap", f"seed {SEED:#x}", "swapped 12 kB", "ended 0 kept"):
            self.assertFalse(self.story.hear(line), line)


if __name__ == "__main__":
    unittest.main()
