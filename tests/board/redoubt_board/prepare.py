# SPDX-License-Identifier: Apache-2.0
"""Builds or fetches what the board needs and does not have. Every step is quick when it has."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

from redoubt_board import cpio
from redoubt_board.paths import BUILD, OUT, ROOT, partial_of

_SCRATCH_BYTES = 2 << 30
VARIANTS = ("stock", "patched", "patched-debug")


def host_kernel(variant: str) -> Path:
    """The Image of the board's own kernel. Its modules, if it has any, are beside it."""
    return Path(_output("setup/host-kernel", variant)) / "Image"


def lines(variant: str) -> Path:
    """What tells the source lines of the instructions of a host kernel that is built here."""
    return Path(_output("setup/host-kernel", "--lines", variant))


def qemu() -> str:
    """The QEMU that emulates the board."""
    return _output("setup/board-qemu")


def debian() -> Path:
    """The image of the Debian system that guests boot and the board takes its tools from."""
    return Path(_output("setup/debian-rootfs")) / "image.ext4"


def ssh_server() -> dict[str, Path]:
    """The files of an arm64 ssh server, by name below its folder."""
    folder = Path(_output("setup/ssh-server"))
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def scratch() -> Path:
    """An empty image: what is written to it lies elsewhere, see qemu.Disk."""
    image = OUT / "scratch.img"
    if not image.exists() or image.stat().st_size != _SCRATCH_BYTES:
        partial = partial_of(image)
        partial.write_bytes(b"")
        os.truncate(partial, _SCRATCH_BYTES)
        partial.replace(image)
    return image


def busybox() -> Path:
    """A static arm64 busybox: the guest's own, out of its initramfs."""
    initramfs = BUILD / "guest" / "initramfs.cpio.gz"
    copy = OUT / "busybox"
    if not copy.exists() or copy.stat().st_mtime <= initramfs.stat().st_mtime:
        copy.parent.mkdir(parents=True, exist_ok=True)
        partial = partial_of(copy)
        partial.write_bytes(cpio.extract(gzip.decompress(initramfs.read_bytes()), "bin/busybox"))
        partial.chmod(0o755)
        partial.replace(copy)
    return copy


def guest() -> None:
    """The guest kernel and initramfs, in build/guest/."""
    _run("guest/build")


def program_commands() -> list[list[str]]:
    """What builds the arm64 programs in build/arm64/: static, to run on any arm64 host."""
    build = str(BUILD / "arm64")
    return [["cmake", "-S", str(ROOT), "-B", build, "-G", "Ninja", "-DBUILD_TESTING=ON",
             f"-DCMAKE_TOOLCHAIN_FILE={ROOT / 'setup' / 'aarch64.cmake'}",
             f"-DREDOUBT_SYSROOT={_output('setup/sysroot')}"],
            ["cmake", "--build", build]]


def programs() -> None:
    for command in program_commands():
        _run(*command)


def _run(*command: str) -> None:
    """Runs a command with its output on our stderr."""
    subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)


def _output(*command: str) -> str:
    """The last line a command prints; by the convention of setup/ the path of what it made."""
    result = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            text=True, check=True)
    return result.stdout.strip().splitlines()[-1]
