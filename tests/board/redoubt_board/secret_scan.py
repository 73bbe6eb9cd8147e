# SPDX-License-Identifier: Apache-2.0
"""tests/board/secret-scan: looks from outside of the board for what guests keep to themselves."""

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from redoubt_board import initramfs, junit, kernel_log, modules, payload, prepare
from redoubt_board.initramfs import PAYLOAD, Job
from redoubt_board.interrupt import stop_on_signals
from redoubt_board.junit import Case, Outcome
from redoubt_board.paths import BOARD, OUT
from redoubt_board.qemu import CPUS, Board, Machine
from redoubt_board.secret import SIZE, Copy, Memory, MemoryFile, Scanner, is_whole
from redoubt_board.session import Limits, watch

_SCRIPT = "secret-on-board.sh"
_SAYS = "secret-scan: "
_MEMORY_MIB = 1024
_MOST_OF_A_CORE = 16 << 20
# How redoubt ends, and what its guest then says of the secret: each way to die.
_ENDS = {"off": "0 kept", "kill": "137", "core": "134", "read": "70", "swap": "0 kept",
         "control": "0 kept"}
_QUIET_SECONDS = 120


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/board/secret-scan",
        description="Protected guests make secrets of 64 KiB on the emulated board, and live and "
                    "die there: they power off, redoubt is killed or dumps core, their memory is "
                    "read through the kernel, the host is short of memory and swaps. The whole "
                    "memory of the board is scanned from outside, each time while the guest runs "
                    "and when it is gone. 32 bytes of a secret in a row, anywhere but in the "
                    "guest's own pages, fail the run.",
        epilog="The report goes to build/board/KERNEL-CPU-secret-scan/results.xml. Exit status: 0 "
               "when nothing failed, 1 when something did, 2 for wrong usage.")
    parser.add_argument("--lifecycles", type=int, default=100, metavar="N",
                        help="so many protected guests, one after the other (default: "
                             "%(default)s; ./check has five, one for each way to die)")
    parser.add_argument("--kernel", choices=prepare.VARIANTS, default="stock",
                        help="the board's own kernel (default: %(default)s, the distribution's)")
    parser.add_argument("--cpu", choices=tuple(CPUS), default="cortex-a72",
                        help="the processor QEMU emulates (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=Limits.total, metavar="SECONDS",
                        help="stop after this time (default: %(default)s)")
    parser.add_argument("--no-build", action="store_true",
                        help="take the programs and the guest as they are")
    options = parser.parse_args(arguments)
    if options.lifecycles < 1:
        parser.error("--lifecycles: at least one")
    return options


@dataclass
class Story:
    """What the board says, what is found in its memory at each pause, and what to think of it."""

    memory: Memory
    scanner: Scanner = field(default_factory=Scanner)
    cases: list[Case] = field(default_factory=list)
    lives: int = 0
    residue: int = 0  # bytes of the unprotected guest's secret that were found
    _way: str = ""
    _number: str = ""
    _seed: int = 0
    _began: float = 0.0

    def hear(self, line: str) -> bool:
        """True if the board waits for an order to go on."""
        word, _, rest = line.partition(" ")
        match word:
            case "life":
                self._number, self._way = rest.split()
                self._began = time.monotonic()
            case "seed":
                self._seed = int(rest, 16)
                self.scanner.learn(self._seed)
            case "pause":
                self._look(rest)
                return True
            case "ended":
                self._judge("redoubt_ends_as_it_should", rest.strip() == _ENDS[self._way],
                            f"ended with {rest.strip()!r}, not {_ENDS[self._way]!r}")
                self.lives += self._way != "control"
            case "core":
                self._judge("core_is_small", 0 < int(rest) < _MOST_OF_A_CORE, f"{rest} bytes")
            case "swapped":
                self._judge("host_has_swapped", int(rest.split()[0]) > 0, rest)
        return False

    def _look(self, moment: str) -> None:
        copies = self.scanner.scan(self.memory)
        mine = [copy for copy in copies if copy.seed == self._seed]
        match moment:
            case "running":  # also the positive control: the scanner finds what there is
                self._judge("guests_pages_have_the_secret_and_nothing_else_has",
                            is_whole(copies, self._seed), _describe(copies))
            case "looked-at" | "gone":
                self._judge(f"nothing_is_left_when_{moment}", not copies, _describe(copies))
            case "copied":
                self.residue = sum(copy.length for copy in mine)
                self._judge("copy_made_by_the_host_is_found",
                            self.residue >= 2 * SIZE and mine == copies, _describe(copies))

    def _judge(self, what: str, good: bool, message: str) -> None:
        now = time.monotonic()
        name = f"{what}.life_{self._number}"
        if any(case.name == name and case.group.endswith(self._way) for case in self.cases):
            name += "_again"
        self.cases.append(Case(f"secret-scan.{self._way}", name,
                               Outcome.PASSED if good else Outcome.FAILED, now - self._began,
                               "" if good else message))
        self._began = now


def _describe(copies: list[Copy]) -> str:
    total = sum(copy.length for copy in copies)
    lines = [f"seed {copy.seed:#x}: bytes {copy.offset} to {copy.offset + copy.length} at "
             f"{copy.address:#x} of the board's memory" for copy in copies[:40]]
    return "\n".join([f"{len(copies)} pieces, {total} bytes of secrets", *lines])


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    out = OUT / f"{options.kernel}-{options.cpu}-secret-scan"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        kernel = prepare.host_kernel(options.kernel)
        if not options.no_build:
            prepare.guest()
            prepare.programs()
        files = payload.collect(("redoubt",))
        files[_SCRIPT] = BOARD / _SCRIPT
        initramfs.write(out / "initrd.cpio", prepare.busybox(), files,
                        Job(f"cd {PAYLOAD} && sh ./{_SCRIPT} {options.lifecycles}"),
                        modules.collect(kernel.parent, ("zram",)))
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        print(f"tests/board/secret-scan: cannot prepare the board: {error}", file=sys.stderr)
        return 1
    begin = time.monotonic()
    with stop_on_signals():
        story = _run(kernel, out, options)
    junit.write(out / "results.xml", f"secret-scan {options.kernel} {options.cpu}", story.cases)
    print(f"{story.lives} lifecycles, {story.scanner.scanned >> 20} MiB of the board's memory "
          f"scanned; of the guest without protection {story.residue} bytes found")
    print(f"report: {out / 'results.xml'} ({time.monotonic() - begin:.0f} s)")
    counts = junit.count(story.cases)
    print(counts)
    return 1 if counts.failed else 0


def _run(kernel: Path, out: Path, options: argparse.Namespace) -> Story:
    # Memory that no name leads to: it is gone with the last process that has it.
    memory = os.memfd_create("board", 0)
    os.truncate(memory, _MEMORY_MIB << 20)
    story = Story(MemoryFile(memory))
    orders = out / "orders"
    for end in ("in", "out"):
        os.mkfifo(f"{orders}.{end}")
    gate = os.open(f"{orders}.in", os.O_RDWR)
    machine = Machine(kernel, prepare.qemu(), options.cpu, memory_mib=_MEMORY_MIB, orders=orders,
                      memory_file=Path(f"/proc/self/fd/{memory}"))

    def hear(line: str, _case: Case | None) -> None:
        if not line.startswith(_SAYS):
            print(line, flush=True)
            return
        known = len(story.cases)
        waits = story.hear(line.removeprefix(_SAYS))
        for case in story.cases[known:]:
            print(f"{case.outcome.value} {case.group}.{case.name} ({case.seconds:.1f} s)",
                  flush=True)
            if case.outcome is Outcome.FAILED:
                print("\n".join(f"    | {text}" for text in case.message.splitlines()))
        if waits:
            os.write(gate, b"go on\n")

    try:
        with Board(machine, out / "initrd.cpio", out, keep_open=(memory,)) as board:
            boot = watch(board, lambda suite: _QUIET_SECONDS, Limits(),
                         time.monotonic() + options.limit, hear)
    finally:
        os.close(gate)
        os.close(memory)
    if not boot.ended or boot.results["exit-status"].strip() != b"0" or \
            story.lives != options.lifecycles or not story.residue:
        trouble = "\n".join([boot.trouble, *boot.output[-10:], kernel_log.tail(boot.console)])
        story.cases.append(Case("secret-scan.board", "tells_its_story_to_the_end", Outcome.FAILED,
                                0.0, trouble))
    if trouble := kernel_log.find_trouble(boot.console):
        story.cases.append(Case("secret-scan.kernel", "log_has_no_warnings", Outcome.FAILED, 0.0,
                                trouble))
    return story
