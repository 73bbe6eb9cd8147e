# SPDX-License-Identifier: Apache-2.0
"""Runs the suites on a board over ssh: copies the bundle, follows the run, fetches the reports.

One connection does it all. Its standard input is the bundle, and stays open after that for as long
as the run is wanted: when it ends, for whatever reason, the board stops the run and removes
everything. Its standard error is what the suites print, its standard output the reports, as a tar.
"""

import argparse
import io
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path
from typing import BinaryIO

from redoubt_board import bundle
from redoubt_board.gtest import Follower
from redoubt_board.junit import Outcome
from redoubt_board.paths import OUT

EXIT_USAGE = 2
# ssh's own, and what there is no other status for.
EXIT_CONNECTION = 255
MARK = b"redoubt-board-reports\n"
_CHUNK = 1 << 18
_STOP_SECONDS = 60

# On the board, by its sh. A login shell's files may print anything: MARK says where the reports
# begin. After the bundle there is nothing to read but the end, for which run-suites waits.
_SCRIPT = r"""
cd "$1" && folder=$(mktemp -d "$1/redoubt-board-XXXXXX") ||
  { echo "cannot write to $1" >&2; exit 2; }
trap 'cd / && rm -rf "$folder"' EXIT
trap 'exit 129' HUP PIPE
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$folder" || exit 2
head -c "$2" | tar -xzf - || { echo "cannot unpack the bundle in $folder" >&2; exit 2; }
cd redoubt-board-suite || exit 2
shift 2
echo "==== unpacked" >&2
./run-suites --stop-at-eof --results "$folder/results" "$@" >&2
status=$?
cd "$folder/results" 2>/dev/null || exit "$status"
printf 'redoubt-board-reports\n'
tar -cf - . || status=255
exit "$status"
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/board/remote", usage="%(prog)s [OPTION]... [USER@]BOARD [run-suites OPTION...]",
        description="Runs the suites on a board that ssh reaches, and fetches the reports. Nothing "
                    "is left on the board, however this ends. All that follows BOARD is for "
                    "run-suites, such as --filter GLOB and the names of suites.",
        epilog="Exit status: that of run-suites, 0 when nothing failed; 255 if there is no "
               "connection.")
    parser.add_argument("--bundle", type=Path, metavar="FILE",
                        help="copy this archive (default: make one, as tests/board/bundle does)")
    parser.add_argument("--no-build", action="store_true",
                        help="make the archive of the programs and the guest as they are")
    parser.add_argument("--results", type=Path, metavar="DIR",
                        help="put the reports there (default: build/board/remote-BOARD)")
    parser.add_argument("--directory", default="/var/tmp", metavar="DIR",
                        help="unpack below this on the board; 1.5 GiB with the Debian system "
                             "(default: %(default)s)")
    parser.add_argument("--sudo", action="store_true",
                        help="run the suites as root there, by sudo that asks for no password")
    parser.add_argument("--ssh", default="ssh", metavar="COMMAND",
                        help="how to connect, with options: 'ssh -p 2222' (default: %(default)s)")
    parser.add_argument("board", metavar="[USER@]BOARD")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="run-suites OPTION")
    options = parser.parse_args(arguments)
    if options.board.startswith("-") or not shlex.split(options.ssh):
        parser.error("name a board to connect to, and how")
    if options.results is None:
        name = "".join(c if c.isalnum() or c in ".-" else "-" for c in options.board)
        options.results = OUT / f"remote-{name}"
    return options


def command(options: argparse.Namespace, size: int) -> list[str]:
    there = ["sh", "-c", _SCRIPT, "run-suites", options.directory, str(size), *options.rest]
    if options.sudo:
        there = ["sudo", "-n", *there]
    # Without a terminal there: its end would be a signal and not the end of the input.
    return [*shlex.split(options.ssh), "-T", options.board, shlex.join(there)]


class Progress:
    """What the person sees: a moving line while the bundle is copied, then a line for each test."""

    def __init__(self) -> None:
        self._out = sys.stdout
        self._live = self._out.isatty()
        self._shown = -1

    def copied(self, done: int, size: int) -> None:
        percent = done * 100 // size
        step = 1 if self._live else 25
        if percent // step == self._shown:
            return
        self._shown = percent // step
        line = f"copying the bundle: {percent} % of {size >> 20} MiB"
        end = "" if self._live and done < size else "\n"
        print(f"{chr(13) if self._live else ''}{line}", end=end, file=self._out, flush=True)

    def say(self, line: str) -> None:
        print(line, file=self._out, flush=True)


class Remote:
    """A run on a board: a context manager that, when it is left, has stopped it."""

    def __init__(self, options: argparse.Namespace, archive: Path, progress: Progress):
        self._archive = archive
        self._progress = progress
        self._output = io.BytesIO()
        words = command(options, archive.stat().st_size)
        # Ctrl-C is for us alone, who then end the run in order.
        self._process = subprocess.Popen(
            ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *words],
            bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._readers = [threading.Thread(target=self._follow, daemon=True),
                         threading.Thread(target=self._take_reports, daemon=True)]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> "Remote":
        return self

    def __exit__(self, *unused: object) -> None:
        self.stop()

    def copy(self) -> None:
        """A board that has gone, or does not want it, says so by its exit status."""
        size = self._archive.stat().st_size
        try:
            with self._archive.open("rb") as source:
                while chunk := memoryview(source.read(_CHUNK)):
                    while chunk:
                        chunk = chunk[self._process.stdin.write(chunk):]
                    self._progress.copied(source.tell(), size)
        except BrokenPipeError:
            pass

    def wait(self) -> int:
        """The exit status."""
        return self._process.wait()

    def reports(self) -> bytes:
        """The tar, if there is one. After the end of `with`."""
        return self._output.getvalue().partition(MARK)[2]

    def stop(self) -> None:
        """Ends the input, upon which the board cleans up; does not wait for ever."""
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()
            self._process.wait()
            for reader in self._readers:
                reader.join()
            self._process.stdout.close()
            self._process.stderr.close()

    def _take_reports(self) -> None:
        shutil.copyfileobj(self._process.stdout, self._output)

    def _follow(self) -> None:
        marks = {Outcome.PASSED: "ok  ", Outcome.FAILED: "FAIL", Outcome.SKIPPED: "skip"}
        follower = Follower()
        stream: BinaryIO = self._process.stderr
        while raw := stream.readline():
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if case := follower.feed(line):
                self._progress.say(f"{marks[case.outcome]} {case.suite}: {case.test} "
                                   f"({case.seconds:.1f} s)")
                if case.outcome is Outcome.FAILED:
                    for text in case.message.splitlines():
                        self._progress.say(f"    | {text}")
            elif follower.suite is None or line.startswith("===="):
                self._progress.say(line)


def save(reports: bytes, folder: Path) -> list[str]:
    """Writes the plain files of the tar; what else a board may send is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    with tarfile.open(fileobj=io.BytesIO(reports)) as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if member.isfile() and "/" not in name and name not in ("", ".", ".."):
                content = archive.extractfile(member)
                (folder / name).write_bytes(content.read() if content else b"")
                saved.append(name)
    return sorted(saved)


def run(options: argparse.Namespace, archive: Path) -> int:
    begin = time.monotonic()
    progress = Progress()
    with Remote(options, archive, progress) as remote:
        remote.copy()
        status = remote.wait()
    reports = remote.reports()
    if status < 0:
        status = EXIT_CONNECTION
    if not reports:
        print(f"tests/board/remote: no reports from {options.board} (exit status {status})",
              file=sys.stderr)
        return status or EXIT_CONNECTION
    try:
        names = save(reports, options.results)
    except tarfile.TarError as error:
        print(f"tests/board/remote: the reports of {options.board} are cut short: {error}",
              file=sys.stderr)
        return status or EXIT_CONNECTION
    progress.say(f"fetched {len(names)} files to {os.path.relpath(options.results)} "
                 f"({time.monotonic() - begin:.0f} s)")
    return status


def archive_for(options: argparse.Namespace) -> Path:
    """May build for minutes."""
    if options.bundle:
        return options.bundle
    return bundle.build(options.no_build)
