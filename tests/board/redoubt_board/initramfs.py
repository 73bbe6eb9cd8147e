# SPDX-License-Identifier: Apache-2.0
"""Puts together what the emulated board boots into: busybox, the payload and one job."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from redoubt_board.cpio import CpioWriter
from redoubt_board.paths import BOARD, partial_of

# The payload appears on the board under this name.
PAYLOAD = "/redoubt"


@dataclass
class Job:
    """What the board does between boot and power-off: the script and the files it wants."""

    script: str
    files: dict[str, bytes | Path] = field(default_factory=dict)
    interactive: bool = False


def write(out: Path, busybox: Path, payload: dict[str, Path], job: Job,
          modules: Iterable[tuple[str, bytes]] = ()) -> None:
    """Writes the archive, uncompressed: the board boots 40 MB as fast as it boots 2 MB.

    `payload` maps names below /redoubt to files of this machine. `modules` are loaded in their
    order, before everything else.
    """
    partial = partial_of(out)
    with partial.open("wb") as stream:
        archive = CpioWriter(stream)
        for directory in ("bin", "dev", "proc", "sys", "etc", "job"):
            archive.directory(directory)
        # The kernel opens it before devtmpfs is mounted.
        archive.device("dev/console", 5, 1)
        archive.file("bin/busybox", busybox)
        archive.data("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"
                                   b"nobody:x:65534:65534:nobody:/:/bin/false\n")
        archive.data("etc/group", b"root:x:0:\ntty:x:5:\nnogroup:x:65534:\n")
        archive.data("init", (BOARD / "board-init.sh").read_bytes(), 0o755)
        for number, (name, content) in enumerate(modules):
            archive.data(f"modules/{number:02}-{name}.ko", content)
        for name, source in sorted(payload.items()):
            archive.file(f"{PAYLOAD}/{name}", source)
        archive.data("job/run", f"#!/bin/sh\n{job.script}\n".encode(), 0o755)
        if job.interactive:
            archive.data("job/interactive", b"")
        for name, content in sorted(job.files.items()):
            if isinstance(content, Path):
                archive.file(f"job/{name}", content)
            else:
                archive.data(f"job/{name}", content)
        archive.finish()
    partial.replace(out)
