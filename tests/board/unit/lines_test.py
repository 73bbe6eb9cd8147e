# SPDX-License-Identifier: Apache-2.0
"""Lines of a source are found in what QEMU logs of a program."""

import tempfile
import unittest
from pathlib import Path

from redoubt_board.lines import Boot, Program, Unplaced, callees, functions, line_table

SOURCE = "arch/arm64/kvm/mmu.c"

TABLE = """
mmu.c:
File name                            Line number    Starting address    View    Stmt
list.h                                        79            0x400000               x
mmu.c                                         10            0x400004               x
mmu.c                                         11            0x400004       1       x
mmu.c                                         12            0x400010               x

/a/b/include/linux/list.h:
list.h                                        10            0x400014               x

/a/b/arch/arm64/kvm/mmu.c:
mmu.c                                         10            0x400018               x
mmu.c                                          -            0x40001c

/a/b/virt/kvm/mmu.c:
mmu.c                                         99            0x500000               x
mmu.c                                          -            0x500010
"""

CODE = """#include <one.h>

static int first(int a,
                 int b)
{
\tif (a)
\t\treturn second(b); /* unlike
\t\t\t\t   third() */
\treturn 0;
}

/* for (a comment) */
struct nothing {
\tint (*call)(void);
};

int second(int b)
{
\treturn unknown(b);
}

int third(void)
{
\treturn 0;
}
"""


class LineTableTest(unittest.TestCase):
    def test_a_line_has_the_instructions_up_to_the_next_row(self):
        lines = line_table(TABLE, [SOURCE])
        self.assertEqual(lines, {(SOURCE, 11): {0x400004, 0x400008, 0x40000c},
                                 (SOURCE, 12): {0x400010}, (SOURCE, 10): {0x400018}})


class FunctionsTest(unittest.TestCase):
    def test_a_function_reaches_from_its_head_to_its_brace(self):
        found = functions(CODE)
        self.assertEqual([(f.name, f.first, f.last) for f in found],
                         [("first", 3, 10), ("second", 17, 20), ("third", 22, 25)])

    def test_callees_are_followed_among_what_is_known(self):
        self.assertEqual(callees({"first"}, functions(CODE)), {"first", "second"})
        self.assertEqual(callees({"unknown"}, functions(CODE)), set())


class ProgramTest(unittest.TestCase):
    PLACE = 0x8000_00A0_B000
    WORDS = (0xD503201F, 0xAA0003E1, 0xD503201F, 0xD65F03C0)

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.log = Path(temporary.name) / "instructions"
        self.program = Program("p", 0x400000, self.WORDS, {
            (SOURCE, 1): {0x400000}, (SOURCE, 2): {0x400004, 0x400008}, (SOURCE, 3): {0x40000c}})

    def write(self, *instructions: tuple[int, int]) -> None:
        self.log.write_text("----------------\nIN: \n" + "".join(
            f"0x{address:08x}:  {word:08x}  nop      \n" for address, word in instructions))

    def test_a_program_is_found_wherever_it_lies(self):
        self.write((0x1000, 0x12345678), (self.PLACE + 4, 0xAA0003E1),
                   (self.PLACE + 12, 0xD65F03C0))
        self.program.learn(Boot(self.log))
        self.assertEqual([self.program.is_executed(SOURCE, line) for line in (1, 2, 3, 4)],
                         [False, True, True, None])

    def test_boots_add_up(self):
        self.write((self.PLACE + 4, 0xAA0003E1))
        self.program.learn(Boot(self.log))
        self.write((0x4000 + 12, 0xD65F03C0))
        self.program.learn(Boot(self.log))
        self.assertEqual([self.program.is_executed(SOURCE, line) for line in (1, 2, 3)],
                         [False, True, True])

    def test_another_program_at_the_same_place_is_not_taken_for_it(self):
        self.write((self.PLACE + 4, 0xAA0003E1), (self.PLACE + 12, 0xD65F03C0),
                   (self.PLACE, 0xD503201F), (self.PLACE + 4, 1), (self.PLACE + 8, 2))
        self.program.learn(Boot(self.log))
        self.assertEqual([self.program.is_executed(SOURCE, line) for line in (1, 2, 3)],
                         [False, True, True])

    def test_a_log_without_it_is_refused(self):
        self.write((0x1000, 1))
        with self.assertRaises(Unplaced):
            self.program.learn(Boot(self.log))
        self.log.write_bytes(b"")
        with self.assertRaises(Unplaced):
            self.program.learn(Boot(self.log))


if __name__ == "__main__":
    unittest.main()
