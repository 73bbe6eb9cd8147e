# SPDX-License-Identifier: Apache-2.0
"""The list of the branches of the fault handler names tests that there are, and all of them."""

import tempfile
import unittest
from pathlib import Path

from redoubt_board import branches


class BranchesTest(unittest.TestCase):
    def setUp(self):
        self.branches = branches.parse(branches.LIST.read_text())
        self.tests = branches.tests_of_suites()

    def test_every_test_that_is_listed_is_there(self):
        listed = {test for branch in self.branches for test in branch.tests}
        self.assertEqual(sorted(listed - self.tests), [])

    def test_every_test_of_the_suite_is_listed(self):
        listed = {test for branch in self.branches for test in branch.tests}
        of_the_suite = {test for test in self.tests if test.startswith("Faults")}
        self.assertGreater(len(of_the_suite), 0)
        self.assertEqual(sorted(of_the_suite - listed), [])

    def test_every_branch_that_a_kernel_takes_has_a_test(self):
        self.assertEqual([b.name for b in self.branches if b.is_taken and not b.tests], [])

    def test_every_branch_is_listed_once(self):
        names = [branch.name for branch in self.branches]
        self.assertEqual(sorted(names), sorted(set(names)))

    def test_every_branch_says_which_kernels_take_it(self):
        for branch in self.branches:
            self.assertRegex(branch.kernels, r"^(stock patched|stock|patched|none: .+)(, .+)?$")


class ParseTest(unittest.TestCase):
    def test_line_is_split_into_its_fields(self):
        branch, = branches.parse("# Pin\nhole | pin_user_pages | stock patched | A.b C.d\n")
        self.assertEqual(branch, branches.Branch("Pin", "hole", "pin_user_pages", "stock patched",
                                                 ("A.b", "C.d")))
        self.assertTrue(branch.is_taken)

    def test_branch_that_cannot_be_taken_needs_no_test(self):
        branch, = branches.parse("sea | kvm_handle_guest_sea | none: no such memory | -\n")
        self.assertEqual(branch.tests, ())
        self.assertFalse(branch.is_taken)

    def test_line_without_all_fields_is_refused(self):
        for line in ("hole | pin_user_pages | stock", "hole | | stock | A.b", "hole"):
            with self.assertRaises(ValueError):
                branches.parse(line)

    def test_tests_are_found_in_the_sources(self):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "some_test.cc"
            source.write_text("CONTRACT_TEST(Group, name) {\n}\nTEST(\n    Other, test) {}\n"
                              "// TEST(Not, one)\n")
            self.assertEqual(branches.tests_of_suites(Path(folder)), {"Group.name", "Other.test"})


if __name__ == "__main__":
    unittest.main()
