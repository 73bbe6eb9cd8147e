# SPDX-License-Identifier: Apache-2.0
import unittest

from redoubt_board import ctest
from redoubt_board.junit import Outcome

TEXT = """\
Test project /somewhere/build
        Start   1: Fdt.is_aligned
  1/5 Test   #1: Fdt.is_aligned ..........................   Passed    0.01 sec
  2/5 Test #1700: Vhost.needs_the_kernel .................***Skipped   0.06 sec
[       OK ] Fdt.is_aligned (0 ms)
 3/5 Test   #3: Faults/SafeAccess.stops/sigbus ...***Failed    1.20 sec
 4/5 Test   #4: Net.crashes ...***Exception: SegFault  0.05 sec
 5/5 Test   #5: Block.hangs ...***Timeout 1500.02 sec
99% tests passed
"""


class CtestTest(unittest.TestCase):
    def test_every_line_of_a_test_is_one_case(self):
        cases = ctest.cases("native", TEXT)
        self.assertEqual([(case.name, case.outcome, case.seconds) for case in cases], [
            ("Fdt.is_aligned", Outcome.PASSED, 0.01),
            ("Vhost.needs_the_kernel", Outcome.SKIPPED, 0.06),
            ("Faults/SafeAccess.stops/sigbus", Outcome.FAILED, 1.2),
            ("Net.crashes", Outcome.FAILED, 0.05),
            ("Block.hangs", Outcome.FAILED, 1500.02)])
        self.assertEqual({case.group for case in cases}, {"native"})

    def test_failure_says_how_the_test_ended(self):
        self.assertEqual([case.message for case in ctest.cases("native", TEXT)],
                         ["", "", "Failed", "Exception: SegFault", "Timeout"])

    def test_other_text_has_no_cases(self):
        self.assertEqual(ctest.cases("native", "no test\n 1/2 Testing\n"), [])


if __name__ == "__main__":
    unittest.main()
