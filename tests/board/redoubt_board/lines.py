# SPDX-License-Identifier: Apache-2.0
"""Which lines of the host's kernel a board has executed: QEMU's log of what it translated (`-d
in_asm`), against the line tables of programs that are parts of that kernel.

QEMU translates a run of instructions without a branch when it is first about to execute it. So a
line counts as executed when one of its instructions was translated.
"""

import array
import collections
import mmap
import operator
import re
import shutil
import struct
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_LOGGED = re.compile(rb"^0x([0-9a-f]+):  ([0-9a-f]{8}) ", re.MULTILINE)
_ROW = re.compile(r"^(\S+) +(\d+|-) +0x([0-9a-f]+)")
_OBJDUMP = "aarch64-linux-gnu-objdump"

# Of the words of a program so many are in the kernel's image as the compiler left them. The others
# hold addresses, which are not known before the kernel is linked.
_LEAST_ALIKE = 0.6

# A run of instructions is taken for the program's with so many of its words: the kernel patches
# some at boot, and the kernels of guests have other instructions at the same addresses.
_LEAST_OF_A_RUN = 0.75

# ELF64.
_SHF_EXECINSTR = 4
_SHT_PROGBITS = 1


class Unplaced(Exception):
    """The program is not in the kernel's image, or nothing of it in the log."""


@dataclass
class Program:
    """A part of the kernel: its instructions, and the source lines that they were made of."""

    name: str
    address: int
    words: tuple[int, ...]  # as they are in the kernel's image
    lines: dict[tuple[str, int], set[int]]  # file and line: addresses of instructions
    executed: set[int] = field(default_factory=set)  # addresses

    @classmethod
    def read(cls, path: Path, sources: list[str], linked: tuple[int, ...]) -> "Program":
        """Knows the lines of those sources, which are told by their paths in the kernel. `linked`
        are the words of the kernel's image."""
        address, words = _text(path.read_bytes())
        place = _place(words, ((4 * index, word) for index, word in enumerate(linked)))
        final = linked[place // 4:place // 4 + len(words)] if place is not None else ()
        if sum(map(operator.eq, words, final)) < _LEAST_ALIKE * len(words):
            raise Unplaced(f"{path.name} is not in the kernel's image")
        table = subprocess.run([_objdump(), "--dwarf=decodedline", path], check=True, text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
        return cls(path.name, address, final, line_table(table, sources))

    def learn(self, boot: "Boot") -> None:
        """Adds what one boot of the board has executed."""
        place = _place(self.words, boot.instructions())
        if place is None:
            raise Unplaced(f"{boot.log} shows nothing of {self.name}")
        for run in _runs(boot.instructions(), place, place + 4 * len(self.words)):
            indices = [(address - place) // 4 for address, _ in run]
            alike = sum(self.words[index] == word for index, (_, word) in zip(indices, run))
            if alike >= _LEAST_OF_A_RUN * len(run):
                self.executed.update(self.address + 4 * index for index in indices)

    def is_executed(self, source: str, line: int) -> bool | None:
        """None if nothing was made of that line."""
        addresses = self.lines.get((source, line))
        return None if addresses is None else not self.executed.isdisjoint(addresses)


def words_of(image: Path) -> tuple[int, ...]:
    content = image.read_bytes()
    return struct.unpack_from(f"<{len(content) // 4}I", content)


def _objdump() -> str:
    """Only the one for arm64 reads these, which on arm64 is called by the plain name."""
    return _OBJDUMP if shutil.which(_OBJDUMP) else "objdump"


class Boot:
    """What one boot of the board has translated, as its log tells. Takes 12 bytes for each."""

    def __init__(self, log: Path):
        self.log = log
        self._addresses = array.array("Q")
        self._words = array.array("I")
        if log.stat().st_size:
            with log.open("rb") as stream, \
                    mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
                for found in _LOGGED.finditer(text):
                    self._addresses.append(int(found[1], 16))
                    self._words.append(int(found[2], 16))

    def instructions(self) -> Iterator[tuple[int, int]]:
        """Address and instruction, some of them more than once."""
        return zip(self._addresses, self._words)


def _runs(instructions: Iterable[tuple[int, int]], begin: int, end: int
          ) -> Iterator[list[tuple[int, int]]]:
    """Those between the addresses that were translated one after the other."""
    run: list[tuple[int, int]] = []
    for address, word in instructions:
        if begin <= address < end:
            if run and address != run[-1][0] + 4:
                yield run
                run = []
            run.append((address, word))
    if run:
        yield run


def _place(words: tuple[int, ...], where: Iterable[tuple[int, int]]) -> int | None:
    """The address of the first of the words, by those that occur among them once."""
    times = collections.Counter(words)
    offsets = {word: 4 * index for index, word in enumerate(words) if times[word] == 1}
    met = {(address, word) for address, word in where if word in offsets}
    votes = collections.Counter(address - offsets[word] for address, word in met)
    return votes.most_common(1)[0][0] if votes else None


def _text(elf: bytes) -> tuple[int, tuple[int, ...]]:
    """Address and words of the largest section of instructions."""
    (table,) = struct.unpack_from("<Q", elf, 0x28)
    size, count = struct.unpack_from("<HH", elf, 0x3A)
    best = (0, 0, 0)
    for index in range(count):
        _, kind, flags, address, offset, length = struct.unpack_from("<IIQQQQ", elf,
                                                                     table + index * size)
        if kind == _SHT_PROGBITS and flags & _SHF_EXECINSTR and length > best[0]:
            best = (length, address, offset)
    length, address, offset = best
    return address, struct.unpack_from(f"<{length // 4}I", elf, offset)


def line_table(text: str, sources: list[str]) -> dict[tuple[str, int], set[int]]:
    """What `objdump --dwarf=decodedline` prints. A line's instructions reach to the next row."""
    by_name = {Path(source).name: source for source in sources}
    lines: dict[tuple[str, int], set[int]] = collections.defaultdict(set)
    path = ""
    last: tuple[str, int, int] | None = None  # source, line, address
    for row in text.splitlines():
        if row.endswith(":"):
            path = row[:-1]
        elif found := _ROW.match(row):
            name, number, address = found[1], found[2], int(found[3], 16)
            if last and last[0]:
                lines[last[0], last[1]].update(range(last[2], address, 4))
            source = by_name.get(name, "")
            # The heading names a folder only where the file changes within a unit.
            if "/" in path and not path.endswith("/" + source):
                source = ""
            last = None if number == "-" else (source, int(number), address)
    return {line: addresses for line, addresses in lines.items() if addresses}


@dataclass(frozen=True)
class Function:
    name: str
    first: int  # lines, both inclusive
    last: int
    body: str


def functions(text: str) -> list[Function]:
    """The functions of a source in the kernel's style: braces of bodies alone in column 0."""
    found = []
    rows = text.splitlines()
    begin = 0
    for index, row in enumerate(rows):
        if row == "{":
            end = next((at for at in range(index, len(rows)) if rows[at].startswith("}")), index)
            head = "\n".join(rows[begin:index])
            if name := re.search(r"(\w+)\(", head):
                found.append(Function(name[1], begin + 1, end + 1, "\n".join(rows[index:end])))
        elif not row or row.startswith(("}", "#", " */", "/*")) or row.endswith(";"):
            begin = index + 1
    return found


def callees(roots: set[str], known: list[Function]) -> set[str]:
    """The functions that those call, and these, among the known ones; the roots among them."""
    bodies = {function.name: re.sub(r"/\*.*?\*/", "", function.body, flags=re.DOTALL)
              for function in known}
    reached: set[str] = set()
    waiting = [root for root in roots if root in bodies]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [word for word in re.findall(r"\b(\w+)\(", bodies[name]) if word in bodies]
    return reached
