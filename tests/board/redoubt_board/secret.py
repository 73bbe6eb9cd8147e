# SPDX-License-Identifier: Apache-2.0
"""The secrets of guest/bare-metal/secret.c, and where in a board's memory there are copies of them.

The guest tells the seed alone. It is expanded in the guest and here, outside the board, so that
what is found of the expanded secret on the board has come out of the guest's pages.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

SIZE = 64 << 10
# So many bytes of a secret in a row, wherever they begin and wherever they lie, are a copy. Fewer
# are in the registers of a guest, which Linux 7.2 does not keep from the host.
LEAST = 32

_WORDS = 2
_CHUNK = _WORDS * 8  # a copy of LEAST bytes has a whole one
_TAG = 0xe39bc5      # of each
_TAG_BYTES = _TAG.to_bytes(3, "little")
_64_BITS = (1 << 64) - 1
_BLOCK = 16 << 20


def _mix(number: int) -> int:
    number = ((number ^ number >> 30) * 0xbf58476d1ce4e5b9) & _64_BITS
    number = ((number ^ number >> 27) * 0x94d049bb133111eb) & _64_BITS
    return number ^ number >> 31


def expand(seed: int) -> bytes:
    words = []
    for index in range(SIZE // 8):
        word = _mix((seed + (index + 1) * 0x9e3779b97f4a7c15) & _64_BITS)
        if index % _WORDS == 0:
            word = word & ~0xffffff | _TAG
        words.append(word.to_bytes(8, "little"))
    return b"".join(words)


class Memory(Protocol):
    """The board's memory: the file that it lies in, or a piece of it in a test."""

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Start and end of what is not a hole."""

    def read(self, start: int, end: int) -> bytes: ...


class MemoryFile:
    """Of a file descriptor, which stays the caller's."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size

    def ranges(self) -> Iterator[tuple[int, int]]:
        start = 0
        while start < self._size:
            try:
                start = os.lseek(self._descriptor, start, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but a hole from here
                return
            end = os.lseek(self._descriptor, start, os.SEEK_HOLE)
            yield start, end
            start = end

    def read(self, start: int, end: int) -> bytes:
        return os.pread(self._descriptor, end - start, start)


@dataclass(frozen=True)
class Copy:
    """A piece of a secret: where it lies in memory, where it is in the secret, its length."""

    seed: int
    address: int
    offset: int
    length: int


class Scanner:
    """Knows secrets and finds copies of them."""

    def __init__(self) -> None:
        self._secrets: dict[int, bytes] = {}
        self._chunks: dict[bytes, tuple[int, int]] = {}
        self.scanned = 0  # bytes, of all scans together

    def learn(self, seed: int) -> None:
        secret = self._secrets[seed] = expand(seed)
        for offset in range(0, SIZE, _CHUNK):
            self._chunks[secret[offset:offset + _CHUNK]] = (seed, offset)

    def scan(self, memory: Memory) -> list[Copy]:
        """All copies in the order of their addresses."""
        copies: list[Copy] = []
        for start, end in memory.ranges():
            self.scanned += end - start
            for block in range(start, end, _BLOCK):
                # With the beginning of the next one: a chunk may lie on the border.
                data = memory.read(block, min(block + _BLOCK + _CHUNK, end))
                self._scan_block(memory, block, data, (start, end), copies)
        return copies

    def _scan_block(self, memory: Memory, block: int, data: bytes, limits: tuple[int, int],
                    copies: list[Copy]) -> None:
        at = data.find(_TAG_BYTES)
        while at >= 0:
            following = at + 1
            found = self._chunks.get(data[at:at + _CHUNK])
            if found and not (copies and _end(copies[-1]) > block + at):
                copy = self._extend(memory, block + at, *found, limits)
                if copy.length >= LEAST:
                    copies.append(copy)
                following = max(following, copy.address + copy.length - block)
            at = data.find(_TAG_BYTES, following)

    def _extend(self, memory: Memory, address: int, seed: int, offset: int,
                limits: tuple[int, int]) -> Copy:
        """All of the secret that there is around a chunk of it."""
        secret = self._secrets[seed]
        before = min(offset, address - limits[0])
        after = min(SIZE - offset, limits[1] - address)
        around = memory.read(address - before, address + after)
        left = _same(around[:before][::-1], secret[offset - before:offset][::-1])
        right = _same(around[before:], secret[offset:offset + after])
        return Copy(seed, address - left, offset - left, left + right)


def _end(copy: Copy) -> int:
    return copy.address + copy.length


def _same(one: bytes, other: bytes) -> int:
    """The length of what both begin with."""
    return len(os.path.commonprefix([one, other]))


def is_whole(copies: list[Copy], seed: int) -> bool:
    """Whether the copies, taken together, are the secret once: no byte is missing or there twice,
    and nothing is of another secret."""
    reached = 0
    for copy in sorted(copies, key=lambda copy: copy.offset):
        if copy.seed != seed or copy.offset != reached:
            return False
        reached += copy.length
    return reached == SIZE
