# SPDX-License-Identifier: Apache-2.0
"""Makes the archive that runs the suites on a real arm64 host."""

import gzip
import tarfile
from pathlib import Path

from redoubt_board.paths import BOARD, OUT

TOP = "redoubt-board-suite"
# gzip and not zstd: every host can unpack it, the smallest busybox too.
ARCHIVE = OUT / f"{TOP}.tar.gz"


def make(files: dict[str, Path]) -> Path:
    """The same files give the same archive, byte for byte."""
    contents = {**files, "README.md": BOARD / "README.md"}
    ARCHIVE.parent.mkdir(parents=True, exist_ok=True)
    partial = ARCHIVE.with_name(ARCHIVE.name + ".partial")
    with (partial.open("wb") as raw,
          gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as stream,
          tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT,
                       dereference=True) as archive):
        for name, source in sorted(contents.items()):
            info = archive.gettarinfo(source, f"{TOP}/{name}")
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            info.mtime = 0
            info.mode = 0o755 if info.mode & 0o100 else 0o644
            with source.open("rb") as content:
                archive.addfile(info, content)
    partial.replace(ARCHIVE)
    return ARCHIVE
