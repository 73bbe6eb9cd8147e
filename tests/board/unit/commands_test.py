# SPDX-License-Identifier: Apache-2.0
"""Commands end when they are told to, with all that they have started."""

import os
import tempfile
import threading
import time
import unittest
from pathlib import Path

from redoubt_board.commands import Commands, Interrupted, Log

SECONDS = 20
# Says which processes it consists of, then waits for ever.
STAYS = "echo $$; sleep 600 & echo $!; echo ready; wait"


class CommandsTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.commands = Commands(grace=0.2)
        self.path = Path(temporary.name) / "log"
        self.log = Log(self.path, self.commands)
        self.outcome = None

    def start(self, script: str) -> threading.Thread:
        """Runs a script on another thread, and waits for its "ready"."""
        def work():
            try:
                self.outcome = self.log.run("sh", "-c", script)
            except Interrupted as interrupted:
                self.outcome = interrupted
        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(SECONDS * 100):
            if "ready" in self.log.text():
                return thread
            thread.join(0.01)
        self.fail("the command did not start")

    def stop(self, thread: threading.Thread) -> None:
        self.commands.stop()
        thread.join(SECONDS)
        self.assertIsInstance(self.outcome, Interrupted)
        for process in map(int, self.log.text().split("ready")[0].split()):
            self.assertTrue(self.goes(process), process)

    @staticmethod
    def goes(process: int) -> bool:
        """Is gone, or dead and waiting for init to notice. A kill takes a moment to arrive."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                stat = Path(f"/proc/{process}/stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                return True
            if stat.rpartition(")")[2].split()[0] == "Z":
                return True
        return False

    def test_output_and_status_are_kept(self):
        self.assertEqual(self.log.run("sh", "-c", "echo out; echo err >&2; exit 3"), 3)
        self.assertEqual(self.log.text(), "out\nerr\n")

    def test_the_environment_is_added_to(self):
        self.log.run("sh", "-c", "echo $REDOUBT_WORD; test -n \"$PATH\"",
                     environment={"REDOUBT_WORD": "yes"})
        self.assertEqual(self.log.text(), "yes\n")

    def test_what_is_needed_and_fails_is_an_error_that_names_it(self):
        with self.assertRaisesRegex(RuntimeError, "false: exit status 1"):
            self.log.need("false")

    def test_the_last_line_is_the_last_with_something_in_it(self):
        self.log.run("printf", "one\\n  two \\n\\n \\n")
        self.assertEqual(self.log.last_line(), "two")

    def test_stop_ends_a_command_and_its_children(self):
        self.stop(self.start(STAYS))

    def test_stop_ends_what_does_not_want_to_end(self):
        self.stop(self.start("trap '' TERM; " + STAYS))

    def test_children_that_do_not_want_to_end_do_not_survive_their_parent(self):
        self.stop(self.start("(trap '' TERM; sh -c 'echo $$ ready; exec sleep 600') & wait"))

    def test_nothing_starts_after_stop(self):
        self.commands.stop()
        with self.assertRaises(Interrupted):
            self.log.run("touch", self.path.with_name("started"))
        self.assertFalse(self.path.with_name("started").exists())

    def test_commands_are_not_in_the_group_of_this_process(self):
        self.log.run("sh", "-c", "ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat")
        self.assertNotEqual(int(self.log.text()), os.getpgid(0))


if __name__ == "__main__":
    unittest.main()
