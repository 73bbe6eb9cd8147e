# SPDX-License-Identifier: Apache-2.0
"""tests/board/run: its arguments, and the order of the work."""

import argparse
import itertools
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from redoubt_board import (bundle, initramfs, junit, kernel_log, modules, payload, prepare,
                           suites)
from redoubt_board.initramfs import PAYLOAD, Job
from redoubt_board.interrupt import stop_on_signals
from redoubt_board.paths import OUT
from redoubt_board.qemu import CPUS, Board, Disk, Machine
from redoubt_board.session import Limits, Session, watch
from redoubt_board.suites import Hardware

EXIT_FAILED = 1
EXIT_USAGE = 2


def parse(arguments: list[str]) -> argparse.Namespace:
    names = [suite.name for suite in suites.load()]
    parser = argparse.ArgumentParser(
        prog="tests/board/run",
        description="Boots the emulated board, an arm64 host under QEMU with pKVM active, and runs "
                    "suites on it. Builds and fetches what is missing first.",
        epilog=f"Suites: {', '.join(names)}. The report goes to build/board/KERNEL-CPU/results.xml "
               "and the board's whole console to boot-N/console.log beside it. Exit status: 0 "
               "when nothing failed, 1 when something did, 2 for wrong usage.")
    parser.add_argument("--kernel", choices=prepare.VARIANTS, default="stock",
                        help="the board's own kernel (default: %(default)s, the distribution's)")
    parser.add_argument("--cpu", choices=tuple(CPUS), default="cortex-a72",
                        help="the processor QEMU emulates (default: %(default)s); max has VHE, "
                             "forced write-back and pointer authentication")
    parser.add_argument("--list", action="store_true", help="list suites and tests, run nothing")
    parser.add_argument("--filter", metavar="GLOB",
                        help="only the tests among these that match (a --gtest_filter)")
    parser.add_argument("--shard", metavar="I/N", default="1/1",
                        help="only the Ith of N parts of each suite; the other parts can run on "
                             "other boards at the same time, each under its own --name")
    parser.add_argument("--name", metavar="NAME",
                        help="write to build/board/KERNEL-CPU-NAME")
    parser.add_argument("--bundle", action="store_true",
                        help="run the suites from the archive that tests/board/bundle makes, "
                             "unpacked on the board")
    parser.add_argument("--all-rounds", action="store_true",
                        help="have tests that repeat themselves do it as often as on a real board")
    parser.add_argument("--instructions", action="store_true",
                        help="write the instructions that the board executes to "
                             "boot-N/instructions, as QEMU translates them; tests/board/lines "
                             "makes source lines of them")
    parser.add_argument("--limit", type=float, default=Limits.total, metavar="SECONDS",
                        help="stop after this time (default: %(default)s)")
    parser.add_argument("--no-build", action="store_true",
                        help="take the programs and the guest as they are")
    parser.add_argument("suite", nargs="*", metavar="SUITE", help="default: all of them")
    options = parser.parse_args(arguments)
    for name in options.suite:
        if name not in names:
            parser.error(f"no suite \"{name}\"; there are: {', '.join(names)}")
    shard = re.fullmatch("([1-9][0-9]*)/([1-9][0-9]*)", options.shard)
    if not shard or int(shard[1]) > int(shard[2]):
        parser.error(f"--shard {options.shard}: say I/N with I from 1 to N")
    if options.name and not re.fullmatch("[A-Za-z0-9.-]+", options.name):
        parser.error(f"--name {options.name}: letters, digits, dots and hyphens only")
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    chosen = [s for s in suites.load() if not options.suite or s.name in options.suite]
    out = OUT / f"{options.kernel}-{options.cpu}"
    if options.name or options.bundle:
        out = out.with_name(f"{out.name}-{options.name or 'bundle'}")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        kernel = prepare.host_kernel(options.kernel)
        program = prepare.qemu()
        if not options.no_build:
            prepare.guest()
            prepare.programs()
        busybox = prepare.busybox()
        files = payload.collect()
        disks = [Disk("scratch", prepare.scratch())]
        if options.bundle:
            files = {bundle.ARCHIVE.name: bundle.make(files, prepare.debian())}
        elif any(suite.needs_debian for suite in chosen):
            debian = prepare.debian()
            disks += [Disk("debian", debian, readonly=True), Disk("debian-disk", debian)]
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        print(f"tests/board/run: cannot prepare the board: {error}", file=sys.stderr)
        return EXIT_FAILED

    board_modules = modules.collect(kernel.parent)
    numbers = itertools.count(1)

    def start(hardware: Hardware, job: Job) -> Board:
        directory = out / f"boot-{next(numbers)}"
        directory.mkdir()
        if (config := kernel.parent / "config").exists():
            job.files["kernel-config"] = config
        initramfs.write(out / "initrd.cpio", busybox, files, job, board_modules)
        machine = Machine(kernel, program, options.cpu, hardware.cpus, zones=hardware.zones,
                          disks=tuple(disks), instructions=options.instructions)
        return Board(machine, out / "initrd.cpio", directory)

    with stop_on_signals():
        if options.list:
            return list_tests(start, [s.name for s in chosen], options)
        return run_suites(start, chosen, options, out)


def list_tests(start: Callable[[Hardware, Job], Board], names: list[str],
               options: argparse.Namespace) -> int:
    """Only the board can execute the programs, so it is asked; that takes one boot."""
    arguments = ["./run-suites", "--list", "--shard", options.shard]
    arguments += ["--filter", options.filter] if options.filter else []
    job = Job(f"cd {PAYLOAD} && {shlex.join(arguments + names)}")
    with start(Hardware(2), job) as board:
        boot = watch(board, lambda suite: 60, Limits(), time.monotonic() + 300,
                     lambda line, case: None)
    if boot.results.get("exit-status", b"").strip() != b"0":
        print(f"tests/board/run: cannot list: {boot.trouble}\n" + "\n".join(boot.output[-20:]) +
              "\n" + kernel_log.tail(boot.console), file=sys.stderr)
        return EXIT_FAILED
    for line in boot.output:
        print(line.removeprefix("==== suite "))
    return 0


def run_suites(start: Callable[[Hardware, Job], Board], chosen: list[suites.Suite],
               options: argparse.Namespace, out: Path) -> int:
    begin = time.monotonic()

    def say(line: str) -> None:
        print(line, flush=True)

    enter = f"cd {PAYLOAD}"
    if options.bundle:
        enter = (f"mkdir /tmp/unpacked && tar -xzf {PAYLOAD}/{bundle.ARCHIVE.name} -C /tmp/unpacked"
                 f" && cd /tmp/unpacked/{bundle.TOP}")
    if options.all_rounds:
        enter = f"unset REDOUBT_FEWER_ROUNDS && {enter}"
    session = Session(start, Limits(total=options.limit), say, options.filter, enter,
                      options.shard)
    try:
        session.run(chosen)
    finally:
        junit.write(out / "results.xml", f"board {options.kernel} {options.cpu}", session.cases)
    counts = junit.count(session.cases)
    if not session.cases:
        say("no test matched the filter")
        counts.failed = 1
    say(f"report: {out / 'results.xml'} ({time.monotonic() - begin:.0f} s)")
    say(str(counts))
    return EXIT_FAILED if counts.failed else 0
