# SPDX-License-Identifier: Apache-2.0
"""Tests of how counts of two kernels become a table: `tests/bench/test_donate.py`."""

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "board")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from redoubt_bench import donate  # noqa: E402

# Of 32 MiB, as the suite counts.
STOCK = {"2m.faults": 8192, "4k.faults": 8192, "4k.calls": 8192, "4k.reclaims": 8192,
         "2m.charged": 32, "2m.immovable": 16384, "2m.reclaims": 8192}
PATCHED = {"2m.faults": 16, "4k.faults": 8193, "4k.calls": 8192, "4k.reclaims": 8192,
           "2m.charged": 512, "2m.immovable": 512, "2m.reclaims": 16}


class Summarize(unittest.TestCase):
    def setUp(self):
        self.rows = {row.name.strip(): row for row in donate.summarize(STOCK, PATCHED)}

    def test_counts_are_told_per_gib(self):
        row = self.rows["guest stage-2 faults per GiB, huge pages"]
        self.assertEqual((262_144, 512), (row.stock, row.patched))
        self.assertTrue(row.reached)

    def test_small_pages_must_not_be_worse_than_stock(self):
        rows = [row for row in donate.summarize(STOCK, PATCHED) if row.limit == 262_144]
        self.assertEqual([False, True, True], [row.reached for row in rows])

    def test_ratio_has_to_be_large(self):
        row = self.rows["charged ÷ immovable, huge pages, dense"]
        self.assertEqual(1, row.patched)
        self.assertLess(row.stock, 1)
        self.assertTrue(row.reached)

    def test_figure_that_the_patched_kernel_did_not_give_is_missed(self):
        row = self.rows["huge pages, in advance"]
        self.assertIsNone(row.patched)
        self.assertFalse(row.reached)
        self.assertIn("MISSED", donate.table([row]))

    def test_json_has_every_row(self):
        rows = donate.summarize(STOCK, PATCHED)
        self.assertEqual(len(rows), len(donate.as_json(rows)))


if __name__ == "__main__":
    unittest.main()
