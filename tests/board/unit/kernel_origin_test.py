# SPDX-License-Identifier: Apache-2.0
"""Which Linux setup/lib.sh takes, of suites that have this and that."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from redoubt_board.paths import ROOT

# Knows the lines "SUITE PACKAGE" of a file. Asked of another suite it fails, as the real one does.
SUITE_APT = r"""#!/bin/sh
packages=$(dirname "$0")/packages
grep -q "^$1 " "$packages" || exit 1
sed -n "s/^$1 //p" "$packages" | grep -Ex -- "$5" || true
"""


class KernelOrigin(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.setup = Path(scratch.name) / "setup"
        self.setup.mkdir()
        (self.setup / "lib.sh").write_bytes((ROOT / "setup" / "lib.sh").read_bytes())
        (self.setup / "suite-apt").write_text(SUITE_APT)
        (self.setup / "suite-apt").chmod(0o755)

    def have(self, *packages):
        (self.setup / "packages").write_text("".join(f"{package}\n" for package in packages))

    @staticmethod
    def linux(suite, series):
        return (f"{suite} linux-source-{series}",
                f"{suite} linux-binary-unsigned-{series}.1+deb13-cloud-arm64")

    def ask(self, **environment):
        return subprocess.run(
            ["bash", "-c", ". lib.sh; series=$(kernel_series); echo $series of $(kernel_suite)"],
            cwd=self.setup, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "REDOUBT_CACHE": str(self.setup / "cache"),
                 "REDOUBT_KERNEL_SERIES": "7.2 7.3", "REDOUBT_KERNEL_SUITES": "stable next",
                 **environment})

    def expect(self, answer, **environment):
        result = self.ask(**environment)
        self.assertEqual((result.stdout.strip(), result.returncode), (answer, 0), result.stderr)

    def test_the_first_series_is_taken_where_a_suite_has_it(self):
        self.have(*self.linux("stable", "7.3"), *self.linux("next", "7.2"))
        self.expect("7.2 of next")

    def test_the_next_series_is_taken_when_no_suite_has_the_first_any_more(self):
        self.have(*self.linux("stable", "7.3"), *self.linux("next", "7.4"))
        self.expect("7.3 of stable")

    def test_a_series_without_a_kernel_to_run_does_not_count(self):
        self.have("stable linux-source-7.2", *self.linux("stable", "7.3"))
        self.expect("7.3 of stable")

    def test_a_number_that_only_begins_the_same_is_another_series(self):
        self.have(*self.linux("stable", "7.20"), *self.linux("stable", "7.3"))
        self.expect("7.3 of stable")

    def test_without_any_it_says_what_was_looked_for_and_where(self):
        self.have(*self.linux("stable", "7.4"))
        result = self.ask()
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("none of the suites 'stable next' has one of the kernel series '7.2 7.3'",
                      result.stderr)
        self.assertFalse((self.setup / "cache" / "kernel-origin").exists())

    def test_what_was_found_stands_until_something_else_is_asked_for(self):
        self.have(*self.linux("stable", "7.2"))
        self.expect("7.2 of stable")
        self.have(*self.linux("stable", "7.3"))
        self.expect("7.2 of stable")
        self.expect("7.3 of stable", REDOUBT_KERNEL_SERIES="7.3")


if __name__ == "__main__":
    unittest.main()
