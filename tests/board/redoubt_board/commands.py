# SPDX-License-Identifier: Apache-2.0
"""Commands whose output goes to a log, and that are gone when they are told to stop."""

import os
import signal
import subprocess
import threading
from pathlib import Path

from redoubt_board.paths import ROOT

_GRACE_SECONDS = 15.0


class Interrupted(Exception):
    """The command was stopped, or not begun because all are."""


class Commands:
    """Every command that runs at a time, on whatever thread; stop() ends them all.

    Each is the first of a process group, so that what it has started ends with it. A terminal's
    Ctrl-C does not reach it there: whoever gets that calls stop().
    """

    def __init__(self, grace: float = _GRACE_SECONDS):
        self._grace = grace
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._groups: set[int] = set()

    def stop(self) -> None:
        """Asks all to end. The threads that wait for them see to it that they do."""
        with self._lock:
            self._stopped.set()
            for group in self._groups:
                _signal(group, signal.SIGTERM)

    def run(self, command: list[str], output: int, environment: dict[str, str]) -> int:
        """The exit status. Throws Interrupted when stop() has been called."""
        with self._lock:
            if self._stopped.is_set():
                raise Interrupted(command[0])
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True,
                                       env={**os.environ, **environment})
            self._groups.add(process.pid)
        end = threading.Event()
        killer = threading.Thread(target=self._kill_late, args=(process.pid, end), daemon=True)
        killer.start()
        try:
            # Waits without reaping: the process keeps its number until the group is dealt with.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            if self._stopped.is_set():
                _signal(process.pid, signal.SIGKILL)
        finally:
            with self._lock:
                self._groups.discard(process.pid)
            end.set()
            killer.join()
            process.wait()
        if self._stopped.is_set():
            raise Interrupted(command[0])
        return process.returncode

    def _kill_late(self, group: int, end: threading.Event) -> None:
        """Kills a command that was asked to end and has not, when its time is over."""
        while not end.wait(0.5):
            if self._stopped.is_set():
                if not end.wait(self._grace):
                    _signal(group, signal.SIGKILL)
                return


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


class Log:
    """The output of one stage's commands, in a file."""

    def __init__(self, path: Path, commands: Commands):
        self.path = path
        self._commands = commands
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")

    def run(self, *command: str | Path, environment: dict[str, str] | None = None) -> int:
        """The exit status. The command is gone when this returns, also by an exception."""
        with self.path.open("ab") as output:
            return self._commands.run([str(word) for word in command], output.fileno(),
                                      environment or {})

    def need(self, *command: str | Path) -> None:
        """For what later work stands on."""
        if status := self.run(*command):
            words = " ".join(str(word) for word in command)
            raise RuntimeError(f"{words}: exit status {status}")

    def text(self) -> str:
        return self.path.read_text(errors="replace")

    def last_line(self) -> str:
        with self.path.open("rb") as stream:
            stream.seek(max(0, self.path.stat().st_size - 4096))
            lines = stream.read().decode("utf-8", "replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
