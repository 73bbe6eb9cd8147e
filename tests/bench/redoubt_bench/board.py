# SPDX-License-Identifier: Apache-2.0
"""The emulated board as a measuring instrument: one boot that runs a plan and counts instructions.

With `-icount shift=0` the board's clock advances by 1 ns for each instruction that its one CPU
executes, whatever the speed of the machine it runs on; with `sleep=off` an idle CPU jumps to its
next timer. The board's kernel traces its idle times, so that they can be told from instructions.
"""

import os
import selectors
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE.parent / "board"))
# pylint: disable=wrong-import-position
from redoubt_board.cpio import CpioWriter  # noqa: E402

MEMORY_MIB = 4096
COMMAND_LINE = "console=ttyAMA0 kvm-arm.mode=protected panic=-1 quiet rdinit=/init"
# Of silence, in wall time: even the slowest step is done in a small part of it.
PATIENCE_SECONDS = 300


class BenchError(Exception):
    """A measurement that could not be made; the text says why."""


def compiler():
    for name in ("aarch64-linux-gnu-gcc", "gcc") if os.uname().machine != "aarch64" else ("gcc",):
        if shutil.which(name):
            return name
    raise BenchError("no C compiler for arm64: install gcc-aarch64-linux-gnu")


def build(out, *sources):
    """A static program from sources of this folder."""
    subprocess.run([compiler(), "-O2", "-static", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wshadow",
                    "-Werror", "-o", str(out), *(str(HERE / name) for name in sources)], check=True)


def strip(program, out):
    tool = "strip" if os.uname().machine == "aarch64" else "aarch64-linux-gnu-strip"
    if shutil.which(tool) is None:
        raise BenchError(f"no {tool} is installed: install binutils-aarch64-linux-gnu")
    subprocess.run([tool, "-o", str(out), str(program)], check=True)


def write_initramfs(out, init, plan, files, texts):
    """`files` and `texts` map names on the board to files of this machine and to contents."""
    with out.open("wb") as stream:
        archive = CpioWriter(stream)
        for name in ("dev", "proc", "sys", "tmp"):
            archive.directory(name)
        archive.device("dev/console", 5, 1)
        archive.file("init", init)
        for name, source in files.items():
            archive.file(name, source)
        lines = ["\t".join(words) for words in plan]
        for name, text in {**texts, "bench/plan": "\n".join(lines) + "\n"}.items():
            archive.data(name, text.encode())
        archive.finish()


def command(kernel, initramfs, cpu, shift=0):
    # setpriv: should this process be killed outright, the board goes with it.
    return ["setpriv", "--pdeathsig", "KILL",
            "qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3",
            "-cpu", cpu, "-smp", "1", "-m", str(MEMORY_MIB), "-accel", "tcg,thread=single",
            "-icount", f"shift={shift},sleep=off", "-nographic", "-nodefaults", "-no-reboot",
            "-serial", "stdio", "-kernel", str(kernel), "-initrd", str(initramfs),
            "-append", COMMAND_LINE]


def _console_lines(process, log):
    """Complete lines of the board's console, as they come; each is written to `log` too."""
    rest = b""
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    heard = time.monotonic()
    while True:
        if selector.select(timeout=1):
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                return
            heard = time.monotonic()
            log.write(data)
            *lines, rest = (rest + data).split(b"\n")
            yield from (line.decode(errors="replace").rstrip("\r") for line in lines)
        elif time.monotonic() - heard > PATIENCE_SECONDS:
            raise BenchError(f"the board has been silent for {PATIENCE_SECONDS} s")


def run(kernel, initramfs, cpu, log_path, on_begin, shift=0):
    """Boots, and returns what board_init.c told: lists of words. Raises BenchError.

    An instruction takes 2**shift nanoseconds: 0 to count them, more to let time pass sooner.
    """
    reports = []
    with log_path.open("wb", buffering=0) as log, subprocess.Popen(
            command(kernel, initramfs, cpu, shift), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            for line in _console_lines(process, log):
                if not line.startswith("bench: "):
                    continue
                words = line.removeprefix("bench: ").split(" ", 2)
                if words[0] == "begin":
                    on_begin(words[1], words[2])
                reports.append(words)
        except BenchError as error:
            raise BenchError(f"{error}; its console is in {log_path}") from error
        finally:
            if process.poll() is None and ["done"] not in reports:
                process.kill()
    failures = [" ".join(words[1:]) for words in reports if words[0] == "failed"]
    if failures:
        raise BenchError("; ".join(failures) + f"; its console is in {log_path}")
    if ["done"] not in reports:
        raise BenchError(f"the board ended early; its console is in {log_path}")
    return reports
