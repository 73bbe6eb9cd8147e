# SPDX-License-Identifier: Apache-2.0
"""Makes the archive that runs the suites on a real arm64 host."""

import gzip
import shutil
import tarfile
from pathlib import Path

from redoubt_board import payload, prepare
from redoubt_board.paths import BOARD, OUT, partial_of

TOP = "redoubt-board-suite"
# gzip and not zstd: every host can unpack it, the smallest busybox too.
ARCHIVE = OUT / f"{TOP}.tar.gz"


def build(no_build: bool) -> Path:
    """The archive of this tree, with its programs and guest built first unless told otherwise."""
    if not no_build:
        prepare.guest()
        prepare.programs()
    return make(payload.collect(), prepare.debian())


def make(files: dict[str, Path], debian: Path | None, archive_path: Path = ARCHIVE) -> Path:
    """The same files give the same archive, byte for byte."""
    contents = {**files, "README.md": BOARD / "README.md"}
    if debian:
        contents["debian.ext4.gz"] = _packed(debian)
    archive_path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_of(archive_path)
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
    partial.replace(archive_path)
    return archive_path


def _packed(image: Path) -> Path:
    """The image compressed. That takes a while, so it is kept until there is another image."""
    packed = OUT / f"debian-{image.parent.name}.ext4.gz"
    if not packed.exists():
        for old in OUT.glob("debian-*.ext4.gz"):
            old.unlink()
        packed.parent.mkdir(parents=True, exist_ok=True)
        partial = partial_of(packed)
        with (image.open("rb") as content, partial.open("wb") as raw,
              gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=5,
                            mtime=0) as stream):
            shutil.copyfileobj(content, stream, 1 << 20)
        partial.replace(packed)
    return packed
