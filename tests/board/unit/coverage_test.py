# SPDX-License-Identifier: Apache-2.0
"""COVERAGE.md is what its tables say, and these name nothing that does not exist."""

import tempfile
import unittest
from pathlib import Path

from redoubt_board import measured
from redoubt_board.coverage import Coverage, read_table, tests_in
from redoubt_board.measured import Figure
from redoubt_board.paths import BOARD, ROOT

BRANCHES = """# SPDX-License-Identifier: Apache-2.0
#
# branch | function | kernels | tests

# First
taken | f | stock | Faults.one Faults.two
not taken | f | stock | -
never | f | none: for a reason | -
"""


class CoverageTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = Path(temporary.name)
        self.write("tests/board/suite/faults_test.cc",
                   "TEST(Faults, one) {}\nTEST_P(Faults,\n       two) {}\nCONTRACT_TEST(C, d) {}\n")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def test_the_page_is_not_stale(self):
        coverage = Coverage(ROOT)
        self.assertEqual(coverage.troubles(), [])
        self.assertEqual((BOARD / "COVERAGE.md").read_text(), coverage.page(),
                         "tests/board/coverage makes it anew")

    def test_what_cannot_be_reached_is_not_counted(self):
        self.write("tests/board/suite/faults_branches.txt", BRANCHES)
        page = Coverage(self.root).page()
        self.assertIn("(#branches-of-the-fault-handler) | 1 | 2 | 1 |", page)
        self.assertIn("### First", page)
        self.assertIn("| ✓ | taken | f | stock | `Faults.one`<br>`Faults.two` |", page)
        self.assertIn("| ✗ | not taken | f | stock | none |", page)
        self.assertIn("| – | never | f | none: for a reason | none |", page)

    def test_a_test_that_does_not_exist_is_told_with_its_place(self):
        self.write("tests/board/suite/cases.txt",
                   "# case | tests\nit | Faults.one Faults.three\nthat | none: it is late\n")
        self.assertEqual(Coverage(self.root).troubles(),
                         ["cases.txt:2: there is no Faults.three"])
        self.assertIn("| – | that | none: it is late |", Coverage(self.root).page())

    def test_a_row_is_split_into_its_cells(self):
        self.write("t.txt", "# branch | function | kernels | tests\n# Pin\n"
                   "hole | pin_user_pages | stock patched | A.b C.d\n"
                   "sea | kvm_handle_guest_sea | none: no such memory | -\n")
        (heading, (hole, sea)), = read_table(self.root / "t.txt", "").sections
        self.assertEqual(heading, "Pin")
        self.assertEqual(hole.cells, ["hole", "pin_user_pages", "stock patched"])
        self.assertEqual(hole.tests, ["A.b", "C.d"])
        self.assertTrue(hole.reachable)
        self.assertEqual(sea.tests, [])
        self.assertFalse(sea.reachable)

    def test_a_row_without_all_cells_is_refused(self):
        for line in ("hole | pin_user_pages | stock", "hole | | stock | A.b", "hole"):
            self.write("t.txt", f"# branch | function | kernels | tests\n{line}\n")
            with self.assertRaises(ValueError):
                read_table(self.root / "t.txt", "")

    def test_tests_are_found_in_the_sources(self):
        self.write("suite/some_test.cc", "CONTRACT_TEST(Group, name) {\n}\n"
                   "TEST(\n    Other, test) {}\n// TEST(Not, one)\n")
        self.assertEqual(tests_in(self.root / "suite"), {"Group.name", "Other.test"})

    def test_figures_of_lines_are_those_in_reach(self):
        source = "arch/arm64/kvm/mmu.c"
        self.write("tests/board/suite/out_of_reach.txt",
                   f"# source | function | why\n{source} | never | it is late\n")
        measured.write(self.root, [Figure(source, "whole", 4, 4), Figure(source, "part", 8, 6),
                                   Figure(source, "not_once", 2, 0), Figure(source, "never", 9, 1)])
        page = Coverage(self.root).page()
        self.assertIn("(#lines-of-the-fault-handler-and-of-el2) | 10 | 14 | 9 |", page)
        self.assertIn("10 of 14 lines, 71.4 %. Of 3 functions 1 ", page)
        self.assertIn("| ✓ | part | 6 | 8 |  |", page)
        self.assertIn("| ✗ | not_once | 0 | 2 |  |", page)
        self.assertIn("| – | never | 1 | 9 | it is late |", page)
        self.assertEqual(Coverage(self.root).troubles(), [])

    def test_figures_of_another_series_are_stale(self):
        self.write("tests/board/suite/out_of_reach.txt", "f.c | g | it is gone\n")
        measured.write(self.root, [Figure("f.c", "h", 1, 1)])
        self.write("kernel-patches/7.2/0001-new.patch", "a patch")
        gone, stale = Coverage(self.root).troubles()
        self.assertIn("has no g of f.c", gone)
        self.assertIn("measured with another series", stale)

    def test_programs_of_hostile_guests_and_rows_of_the_matrix_are_names_too(self):
        self.write("tests/hostile/ring_cases.cc", "REDOUBT_HOSTILE(bad_ring) {}\n")
        self.write("tests/board/suite/isolation_matrix_test.cc", "{OF(user_load),  Segv},\n")
        self.write("tests/board/suite/cases.txt", "# case | tests\nit | bad_ring C.d\n")
        self.write("tests/board/suite/access_rows.txt", "# way | rows\nload | user_load\n")
        self.assertEqual(Coverage(self.root).troubles(), [])

    def test_a_row_of_other_columns_is_refused(self):
        self.write("tests/board/suite/cases.txt", "# case | tests\none | two | Faults.one\n")
        with self.assertRaisesRegex(ValueError, "cases.txt:2: 2 columns are wanted"):
            Coverage(self.root)


if __name__ == "__main__":
    unittest.main()
