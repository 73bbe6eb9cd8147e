# SPDX-License-Identifier: Apache-2.0
"""Writes and reads initramfs archives in the kernel's "newc" format.

An own writer, because modes, owners and device numbers must be right without being root.
Format: Documentation/driver-api/early-userspace/buffer-format.rst in the kernel's tree.
"""

import shutil
import stat
from pathlib import Path
from typing import BinaryIO


class CpioWriter:
    """Streams one archive. Parents of an entry are made as needed; every owner is root."""

    def __init__(self, out: BinaryIO):
        self._out = out
        self._offset = 0
        self._inode = 0
        self._directories: set[str] = set()

    def directory(self, name: str, mode: int = 0o755) -> None:
        name = name.strip("/")
        if name and name not in self._directories:
            self._parents_of(name)
            self._directories.add(name)
            self._header(name, stat.S_IFDIR | mode, 0)

    def data(self, name: str, content: bytes, mode: int = 0o644) -> None:
        name = name.strip("/")
        self._parents_of(name)
        self._header(name, stat.S_IFREG | mode, len(content))
        self._write(content)
        self._pad()

    def file(self, name: str, source: Path) -> None:
        """Copies one file; it is executable in the archive if its owner may execute it."""
        name = name.strip("/")
        self._parents_of(name)
        info = source.stat()
        if info.st_size >= 1 << 32:
            raise ValueError(f"{source}: too large for an initramfs ({info.st_size} bytes)")
        mode = 0o755 if info.st_mode & stat.S_IXUSR else 0o644
        self._header(name, stat.S_IFREG | mode, info.st_size)
        with source.open("rb") as content:
            shutil.copyfileobj(content, self._out, 1 << 20)
            copied = content.tell()
        if copied != info.st_size:
            raise OSError(f"{source}: changed while it was being copied")
        self._offset += copied
        self._pad()

    def symlink(self, name: str, target: str) -> None:
        name = name.strip("/")
        self._parents_of(name)
        content = target.encode()
        self._header(name, stat.S_IFLNK | 0o777, len(content))
        self._write(content)
        self._pad()

    def device(self, name: str, major: int, minor: int, mode: int = 0o600) -> None:
        """A character device."""
        name = name.strip("/")
        self._parents_of(name)
        self._header(name, stat.S_IFCHR | mode, 0, major, minor)

    def finish(self) -> None:
        self._header("TRAILER!!!", 0, 0)
        # The kernel reads concatenated archives only when each is a multiple of four bytes.
        self._write(b"\0" * (-self._offset % 512))

    def _parents_of(self, name: str) -> None:
        if "/" in name:
            self.directory(name.rsplit("/", 1)[0])

    def _header(self, name: str, mode: int, size: int, major: int = 0, minor: int = 0) -> None:
        self._inode += 1
        encoded = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, len(encoded), 0)
        self._write(b"070701" + b"".join(b"%08X" % field for field in fields) + encoded)
        self._pad()

    def _write(self, content: bytes) -> None:
        self._out.write(content)
        self._offset += len(content)

    def _pad(self) -> None:
        self._write(b"\0" * (-self._offset % 4))


def extract(archive: bytes, name: str) -> bytes:
    """The content of one file. Throws KeyError when the archive does not have it."""
    at = 0
    while archive[at:at + 6] == b"070701":
        size = int(archive[at + 54:at + 62], 16)
        name_size = int(archive[at + 94:at + 102], 16)
        found = archive[at + 110:at + 110 + name_size - 1].decode().lstrip("/")
        content = at + (110 + name_size + 3) // 4 * 4
        if found == name:
            return archive[content:content + size]
        at = content + (size + 3) // 4 * 4
    raise KeyError(f"no {name} in the archive")
