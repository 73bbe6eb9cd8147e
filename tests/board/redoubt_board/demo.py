# SPDX-License-Identifier: Apache-2.0
"""The demo on the emulated board: starts it, shows what demo-on-host.sh says there."""

import argparse
import os
import shutil
import sys
import termios
import time

from redoubt_board import initramfs, kernel_log, payload, prepare
from redoubt_board.initramfs import PAYLOAD, Job
from redoubt_board.interrupt import Stopped, stop_on_signals
from redoubt_board.paths import OUT
from redoubt_board.qemu import Board, Machine
from redoubt_board.session import Boot, Limits, watch

_DIRECTORY = OUT / "demo"
_MEMORY_MIB = 2048


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("--shell", action="store_true")
    options = parser.parse_args(arguments)
    _DIRECTORY.mkdir(parents=True, exist_ok=True)
    environment = "DEMO_VERDICT=/results/verdict"
    if sys.stdout.isatty():
        environment += " DEMO_COLOUR=1"
    script = f"cd {PAYLOAD} && {environment} ./demo-on-host.sh"
    if options.shell:
        columns, lines = shutil.get_terminal_size()
        script = f"stty rows {lines} cols {columns}; {script} --shell"
    initrd = _DIRECTORY / "initrd.cpio"
    initramfs.write(initrd, prepare.busybox(), payload.collect(("redoubt",)),
                    Job(script, interactive=options.shell))
    machine = Machine(prepare.host_kernel("stock"), prepare.qemu(), memory_mib=_MEMORY_MIB)
    print("Starting the emulated board, an arm64 host with pKVM active …", flush=True)
    try:
        with stop_on_signals():
            if options.shell:
                boot = _with_terminal(machine)
            else:
                with Board(machine, initrd, _DIRECTORY) as board:
                    boot = watch(board, lambda suite: 120, Limits(), time.monotonic() + 600, _show)
    except Stopped as stopped:
        print("demo: failed: interrupted")
        return stopped.exit_status
    return _verdict(boot)


def _show(line: str, _case: object) -> None:
    print(line, flush=True)


def _with_terminal(machine: Machine) -> Boot:
    """QEMU sets the terminal raw; it is put back here however QEMU ends."""
    terminal = sys.stdin.fileno()
    saved = termios.tcgetattr(terminal) if os.isatty(terminal) else None
    try:
        with Board(machine, _DIRECTORY / "initrd.cpio", _DIRECTORY, interactive=True) as board:
            board.wait()
            return watch(board, lambda suite: 0, Limits(), time.monotonic(), _show)
    finally:
        if saved:
            termios.tcsetattr(terminal, termios.TCSADRAIN, saved)


def _verdict(boot: Boot) -> int:
    verdict = boot.results.get("verdict", b"").decode().strip()
    if not boot.ended:
        print(kernel_log.tail(boot.console))
        verdict = f"demo: failed: {boot.trouble}"
    print(verdict or "demo: failed: the board's script ended without a verdict")
    return 0 if verdict == "demo: ok" else 1
