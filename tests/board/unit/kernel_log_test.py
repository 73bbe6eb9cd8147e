# SPDX-License-Identifier: Apache-2.0
"""What counts as trouble in a kernel log."""

import unittest

from redoubt_board import kernel_log


class FindTrouble(unittest.TestCase):
    def test_a_quiet_log_has_none(self):
        log = "kvm: protected VMs are experimental and for development only, tainting kernel"
        self.assertEqual(kernel_log.find_trouble(log), "")

    def test_a_warning_is_found_with_what_follows(self):
        log = "fine\nWARNING: mm/gup.c:12 at try_grab_folio+0x8/0x10, CPU#0: x/1\nCall trace:"
        self.assertIn("Call trace:", kernel_log.find_trouble(log))
        self.assertNotIn("fine", kernel_log.find_trouble(log))

    def test_a_refused_donation_is_expected(self):
        log = "WARNING: arch/arm64/kvm/pkvm.c:469 at pkvm_pgtable_stage2_map+0x8/0x10, CPU#1"
        self.assertEqual(kernel_log.find_trouble(log), "")

    def test_an_oops_is_found(self):
        self.assertIn("Oops", kernel_log.find_trouble("Internal error: Oops: 96000004"))


if __name__ == "__main__":
    unittest.main()
