# SPDX-License-Identifier: Apache-2.0
"""The list of the branches of the fault handler names tests that there are, and all of them."""

import unittest

from redoubt_board.coverage import read_table, tests_in
from redoubt_board.paths import BOARD


class BranchesTest(unittest.TestCase):
    def setUp(self):
        self.rows = read_table(BOARD / "suite" / "faults_branches.txt", "").rows
        self.tests = tests_in(BOARD / "suite")

    def test_every_test_that_is_listed_is_there(self):
        listed = {test for row in self.rows for test in row.tests}
        self.assertEqual(sorted(listed - self.tests), [])

    def test_every_test_of_the_suite_is_listed(self):
        listed = {test for row in self.rows for test in row.tests}
        of_the_suite = {test for test in self.tests if test.startswith("Faults")}
        self.assertGreater(len(of_the_suite), 0)
        self.assertEqual(sorted(of_the_suite - listed), [])

    def test_every_branch_that_a_kernel_takes_has_a_test(self):
        self.assertEqual([row.cells for row in self.rows if row.reachable and not row.tests], [])

    def test_every_branch_is_listed_once(self):
        names = [row.cells[0] for row in self.rows]
        self.assertEqual(sorted(names), sorted(set(names)))

    def test_every_branch_says_which_kernels_take_it(self):
        for row in self.rows:
            self.assertRegex(row.cells[2], r"^(stock patched|stock|patched|none: .+)(, .+)?$")


if __name__ == "__main__":
    unittest.main()
