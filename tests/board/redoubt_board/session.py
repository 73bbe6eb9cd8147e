# SPDX-License-Identifier: Apache-2.0
"""Runs suites on the emulated board, over as many boots as hung boards make necessary."""

import io
import shlex
import tarfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from redoubt_board import junit, kernel_log
from redoubt_board.gtest import Follower
from redoubt_board.initramfs import PAYLOAD, Job
from redoubt_board.junit import Case, Outcome
from redoubt_board.qemu import LineReader
from redoubt_board.suites import Hardware, Suite


# What run-suites leaves beside its results.xml, of each boot for itself.
_REPORTS = ("report.html", "results.json", "results.tap", "environment.json")


@dataclass
class Limits:
    """Seconds. run-suites kills a hung test itself; the margin is for a board that cannot."""

    boot: float = 180
    margin: float = 90
    total: float = 2400
    poll: float = 0.2


@dataclass
class Boot:
    """How one boot of the board went."""

    follower: Follower
    ended: bool
    trouble: str
    console: str
    results: dict[str, bytes] = field(default_factory=dict)
    output: list[str] = field(default_factory=list)


class BoardLike(Protocol):
    """What a session needs of a board: qemu.Board, or a fake of it in a test."""

    out: Path

    def running(self) -> bool: ...

    def kill(self) -> None: ...

    def complaint(self) -> str: ...


def watch(board: BoardLike, quiet_limit: Callable[[str | None], float], limits: Limits,
          deadline: float, on_line: Callable[[str, Case | None], None],
          clock: Callable[[], float] = time.monotonic) -> Boot:
    """Follows a board until it powers off, dies, falls silent or runs out of time."""
    reader = LineReader(board.out / "events")
    follower = Follower()
    output: list[str] = []
    trouble = ""
    last_sign = clock()
    limit = limits.boot

    def take_lines() -> None:
        nonlocal last_sign, limit
        for line in reader.lines():
            on_line(line, follower.feed(line))
            output.append(line)
            last_sign = clock()
            limit = quiet_limit(follower.suite) + limits.margin

    while board.running():
        take_lines()
        now = clock()
        if now - last_sign > limit:
            trouble = f"the board hung: nothing heard from it for {now - last_sign:.0f} s"
        elif now > deadline:
            trouble = "the board was still busy when the time for the whole run was over"
        if trouble:
            board.kill()
            break
        time.sleep(limits.poll)
    take_lines()

    console = _read(board.out / "console.log").decode("utf-8", "replace").replace("\r", "")
    results = _unpack(_read(board.out / "results"))
    ended = "exit-status" in results
    if not ended and not trouble:
        trouble = "the board went down before its job was done"
        if complaint := board.complaint():
            trouble += f"; QEMU said: {complaint}"
    return Boot(follower, ended, trouble, console, results, output)


class Session:
    """Runs suites to the end and collects every test exactly once."""

    def __init__(self, start: Callable[[Hardware, Job], BoardLike], limits: Limits,
                 say: Callable[[str], None], filter_glob: str | None = None,
                 enter: str = f"cd {PAYLOAD}", shard: str = "1/1"):
        """`enter` is the shell command that takes the board to where run-suites is. `shard` is the
        part of each suite to run, I/N."""
        self._start = start
        self._enter = enter
        self._limits = limits
        self._say = say
        self._filter = filter_glob
        self._shard = shard
        self._deadline = time.monotonic() + limits.total
        self.cases: list[Case] = []
        self._boots = 0

    def run(self, suites: Iterable[Suite]) -> None:
        """Suites that want the same processors and memory share a boot."""
        alike: dict[Hardware, list[Suite]] = {}
        for suite in suites:
            alike.setdefault(suite.hardware, []).append(suite)
        for hardware, group in alike.items():
            self._run_group(hardware, group)

    def _run_group(self, hardware: Hardware, group: list[Suite]) -> None:
        waiting = list(group)
        done: dict[str, list[str]] = {}
        while waiting:
            boot = self._boot(hardware, waiting, done)
            known = len(self.cases)
            if boot.ended:
                self._take_report(boot, waiting)
                return
            stuck = boot.follower.running
            self._take_output(boot)
            where = f"{stuck.suite}: {stuck.test}" if stuck else boot.follower.suite or "no suite"
            self._say(f"board: {boot.trouble} ({where})")
            self._say(kernel_log.tail(boot.console))
            for case in self.cases[known:]:
                done.setdefault(case.suite, []).append(case.test)
            waiting = [s for s in waiting if s.name not in boot.follower.ended_suites]
            progress = stuck is not None or boot.follower.cases
            if not progress or time.monotonic() > self._deadline:
                for suite in waiting:
                    self._fail(suite.name, "Suite.runs", self._account(boot))
                return
            self._say("board: going on with the other tests on a fresh boot")

    def _boot(self, hardware: Hardware, suites: list[Suite], done: dict[str, list[str]]) -> Boot:
        arguments = ["./run-suites", "--results", "/results", "--no-kernel-log", "--done", "/job",
                     "--shard", self._shard]
        if self._filter:
            arguments += ["--filter", self._filter]
        script = f"{self._enter} && {shlex.join(arguments + [s.name for s in suites])}"
        files: dict[str, bytes | Path] = {
            f"{name}.done": "".join(f"{test}\n" for test in tests).encode()
            for name, tests in done.items()}
        quiet = {suite.name: suite.quiet_seconds for suite in suites}
        board = self._start(hardware, Job(script, files))
        try:
            boot = watch(board, lambda suite: quiet.get(suite or "", 30), self._limits,
                         self._deadline, self._show)
        finally:
            board.kill()
        self._boots += 1
        for name in _REPORTS:
            if name in boot.results:
                (board.out / name).write_bytes(boot.results[name])
        if trouble := kernel_log.find_trouble(boot.console):
            self._say("board: the host's kernel log has warnings:\n" + trouble)
            name = f"KernelLog.has_no_warnings_in_boot_{self._boots}"
            self._fail("kernel", name, trouble)
        return boot

    def _show(self, line: str, case: Case | None) -> None:
        if case:
            mark = {Outcome.PASSED: "ok  ", Outcome.FAILED: "FAIL", Outcome.SKIPPED: "skip"}
            said = f"{mark[case.outcome]} {case.suite}: {case.test} ({case.seconds:.1f} s)"
            if case.outcome is Outcome.SKIPPED and case.message:
                said += f": {case.message.splitlines()[-1]}"
            self._say(said)
            if case.outcome is Outcome.FAILED:
                self._say("\n".join("    | " + text for text in case.message.splitlines()))
        elif line.startswith(("====", "run-suites:")):
            self._say(line)

    def _take_report(self, boot: Boot, waiting: list[Suite]) -> None:
        """The board's own report; what its output told when the report cannot be read."""
        try:
            self.cases += junit.parse(boot.results["results.xml"])
        except (KeyError, ValueError) as error:  # no report, or a broken one
            self._take_output(boot)
            self._fail("board", "Report.can_be_read", f"{error}\n" + "\n".join(boot.output[-20:]))
        ran = {case.suite for case in self.cases}
        for suite in waiting:
            if suite.name not in ran and not self._filter:
                self._fail(suite.name, "Suite.runs", "no test ran\n" + "\n".join(boot.output[-20:]))

    def _take_output(self, boot: Boot) -> None:
        self.cases += boot.follower.cases
        for suite, how in boot.follower.ended_suites.items():
            if how != "complete" and not any(c.suite == suite and c.outcome is Outcome.FAILED
                                             for c in boot.follower.cases):
                self._fail(suite, "Suite.ends_by_itself", how)
        if stuck := boot.follower.running:
            output = "\n".join(stuck.output)
            self._fail(stuck.suite, stuck.test, f"{boot.trouble}\n{output}\n{self._account(boot)}")

    def _account(self, boot: Boot) -> str:
        return (f"{boot.trouble}\nlast lines of the suites:\n" + "\n".join(boot.output[-20:]) +
                "\nlast lines of the board's console (the host's kernel log):\n" +
                kernel_log.tail(boot.console))

    def _fail(self, suite: str, test: str, message: str) -> None:
        self.cases.append(Case.of(suite, test, Outcome.FAILED, 0.0, message))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _unpack(archive: bytes) -> dict[str, bytes]:
    """The files of a tar; nothing of one that was cut short."""
    files = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                if member.isfile() and (content := tar.extractfile(member)):
                    files[member.name.removeprefix("./")] = content.read()
    except (tarfile.TarError, EOFError):
        return {}
    return files
