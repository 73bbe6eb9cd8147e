# SPDX-License-Identifier: Apache-2.0
"""How setup/lib.sh runs a long command."""

import os
import signal
import subprocess
import tempfile
import unittest

from redoubt_board.paths import ROOT


class Step(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.cache = scratch.name

    def run_step(self, command):
        # To files: what is left behind would keep a pipe open, and with it this test waiting.
        with tempfile.TemporaryFile("w+") as out:
            process = subprocess.Popen(
                ["bash", "-euc", f". setup/lib.sh; step 'build the thing' {command}"], cwd=ROOT,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                env={"PATH": os.environ["PATH"], "REDOUBT_CACHE": self.cache})
            status = process.wait()
            try:
                os.killpg(process.pid, signal.SIGKILL)
                left = True
            except ProcessLookupError:
                left = False
            out.seek(0)
            return status, out.read(), left

    def test_a_command_is_announced_and_its_output_kept_away(self):
        status, text, _ = self.run_step("echo noise")
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"^  build the thing …\n  build the thing: done \(.+\)\n$")

    def test_the_end_of_a_failed_commands_output_and_its_status_are_shown(self):
        status, text, _ = self.run_step("bash -c 'echo no such thing; exit 3'")
        self.assertEqual(status, 3, text)
        self.assertIn("build the thing: failed with status 3", text)
        self.assertIn("    | no such thing\n", text)

    def test_nothing_is_left_behind(self):
        for command in ("true", "false"):
            _, text, left = self.run_step(command)
            self.assertFalse(left, text)


if __name__ == "__main__":
    unittest.main()
