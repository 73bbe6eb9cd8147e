# SPDX-License-Identifier: Apache-2.0
"""Runs hostile programs (guest/bare-metal/evil_program.h) on anything with registers and memory."""

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

_HEADER = Path(__file__).resolve().parents[2] / "guest" / "bare-metal" / "evil_program.h"

_MAGIC = 0x4C495645
_PAGE = 4096
_REGISTERS, _REGISTERS_SIZE, _DEVICES = 0x0A000000, 0x200, 32
_ARENA = 32 * _PAGE
_QUEUES, _MAX_QUEUE_SIZE = 8, 64
_DESCRIPTORS, _AVAILABLE, _USED = 0, 1024, 2048

_DEVICE_FEATURES, _DEVICE_FEATURES_SEL = 0x010, 0x014
_DRIVER_FEATURES, _DRIVER_FEATURES_SEL = 0x020, 0x024
_QUEUE_SEL, _QUEUE_NUM_MAX, _QUEUE_NUM, _QUEUE_READY = 0x030, 0x034, 0x038, 0x044
_QUEUE_NOTIFY, _INTERRUPT_STATUS, _INTERRUPT_ACK, _STATUS = 0x050, 0x060, 0x064, 0x070
_QUEUE_PARTS = ((0x080, _DESCRIPTORS), (0x090, _AVAILABLE), (0x0A0, _USED))
_NEEDS_RESET = 64


class Machine(Protocol):
    """A guest's view of physical memory, devices included; numbers are little-endian."""

    def load(self, address: int, width: int) -> int: ...
    def store(self, address: int, width: int, value: int) -> None: ...
    def zero(self, address: int, size: int) -> None: ...


def operations() -> list[str]:
    """Their names in the order of their numbers, as the header has them."""
    body = re.search(r"enum evil_op \{(.*?)\};", _HEADER.read_text(), re.S)
    assert body is not None
    without_comments = re.sub(r"/\*.*?\*/", "", body[1], flags=re.S)
    names = re.findall(r"EVIL_(\w+)", without_comments)
    return [name.lower() for name in names[:names.index("OPS")]]


class Guest:
    """One run of one program. A second CPU, and sharing memory, it does not have."""

    def __init__(self, machine: Machine, looks: int, absent: frozenset[int]):
        """`absent` are the devices that the machine lacks: what is told of them is None."""
        self._machine = machine
        self._looks = looks
        self._absent = absent
        self._in_use = 0  # the device whose work may be in memory
        self._arena = 0
        self._queue_size = _MAX_QUEUE_SIZE
        self.told: list[int | None] = []
        self._table = [getattr(self, f"_{name}", None) for name in operations()]

    def run(self, file: bytes) -> None:
        magic, count, self._arena = struct.unpack_from("<IIQ", file)
        if magic != _MAGIC:
            raise ValueError("not a program")
        program = [struct.unpack_from("<BBHI", file, 16 + 8 * i) for i in range(count)]
        names = operations()
        at, loop_at, rounds = 0, -1, 0
        while at < len(program):
            op, a, b, c = program[at]
            name = names[op % len(names)]
            if name == "end":
                break
            if name == "loop":
                if loop_at != at:
                    loop_at, rounds = at, b
                if rounds:
                    rounds -= 1
                    at -= min(at, a + 1)
                    continue
                loop_at = -1
            elif (execute := self._table[op % len(names)]) is not None:
                execute(a, b, c)
            at += 1

    # --- Where

    def _offset(self, a: int, b: int, width: int) -> int:
        return self._arena + ((b | a >> 4 << 16) & ~(width - 1)) % _ARENA

    @staticmethod
    def _registers(device: int) -> int:
        return _REGISTERS + device % _DEVICES * _REGISTERS_SIZE

    def _register(self, a: int, b: int, device: int) -> tuple[int, int]:
        width = 1 << (a & 3)
        return self._registers(device) + (b % _REGISTERS_SIZE & ~(width - 1)), width

    def _get(self, device: int, offset: int) -> int:
        return self._machine.load(self._registers(device) + offset, 4)

    def _set(self, device: int, offset: int, value: int) -> None:
        self._machine.store(self._registers(device) + offset, 4, value)

    def _part(self, queue: int, part: int) -> int:
        return self._arena + queue % _QUEUES * _PAGE + part

    # --- What

    def _read(self, a: int, b: int, c: int) -> None:
        self._machine.load(*self._register(a, b, c))

    def _tell(self, a: int, b: int, c: int) -> None:
        self._say(c, self._machine.load(*self._register(a, b, c)))

    def _say(self, device: int, number: int) -> None:
        self.told.append(None if device in self._absent else number)

    def _write(self, a: int, b: int, c: int) -> None:
        address, width = self._register(a, b, b // _REGISTERS_SIZE)
        self._machine.store(address, width, c | c << 32)

    def _poke(self, a: int, b: int, c: int) -> None:
        width = 1 << (a & 3)
        self._machine.store(self._offset(a, b, width), width, c | c << 32)

    def _poke_address(self, a: int, b: int, c: int) -> None:
        self._machine.store(self._offset(a, b, 8), 8, self._arena + c)

    def _add(self, a: int, b: int, c: int) -> None:
        address = self._offset(a, b, 2)
        self._machine.store(address, 2, self._machine.load(address, 2) + c)

    def _recall(self, a: int, b: int, _c: int) -> None:
        width = 1 << (a & 3)
        self._say(self._in_use, self._machine.load(self._offset(a, b, width), width))

    def _clear(self, a: int, b: int, _c: int) -> None:
        for page in range(b, b + a + 1):
            self._machine.zero(self._arena + page * _PAGE % _ARENA, _PAGE)

    def _setup(self, a: int, b: int, c: int) -> None:
        self._set(a, _STATUS, 0)
        self._set(a, _STATUS, 1 | 2)
        for half in range(2):
            self._set(a, _DEVICE_FEATURES_SEL, half)
            offered = self._get(a, _DEVICE_FEATURES)
            self._set(a, _DRIVER_FEATURES_SEL, half)
            self._set(a, _DRIVER_FEATURES, offered if half else offered & ~c)
        self._set(a, _STATUS, 1 | 2 | 8)
        size = b % (_MAX_QUEUE_SIZE + 1)
        self._queue_size = size or self._queue_size
        for queue in range(_QUEUES):
            self._set(a, _QUEUE_SEL, queue)
            if self._get(a, _QUEUE_NUM_MAX) == 0:
                break
            self._set(a, _QUEUE_NUM, size)
            for register, part in _QUEUE_PARTS:
                address = self._part(queue, part)
                self._set(a, register, address & 0xFFFFFFFF)
                self._set(a, register + 4, address >> 32)
            self._set(a, _QUEUE_READY, 1)
        self._set(a, _STATUS, 1 | 2 | 8 | 4)

    def _submit(self, _a: int, b: int, c: int) -> None:
        available = self._part(b, _AVAILABLE)
        index = self._machine.load(available + 2, 2)
        self._machine.store(available + 4 + index % self._queue_size * 2, 2, c)
        self._machine.store(available + 2, 2, index + 1)

    def _kick(self, a: int, _b: int, c: int) -> None:
        self._in_use = a
        self._set(a, _QUEUE_NOTIFY, c)

    def _look(self, looks: int, done: Callable[[], bool]) -> None:
        for _ in range(min(looks, self._looks)):
            if done():
                return

    def _wait(self, a: int, _b: int, c: int) -> None:
        def interrupted() -> bool:
            status = self._get(a, _INTERRUPT_STATUS)
            if status:
                self._set(a, _INTERRUPT_ACK, status)
            return bool(status)

        self._look(c, interrupted)

    def _until(self, a: int, b: int, c: int) -> None:
        def used() -> bool:
            if self._get(a, _STATUS) & _NEEDS_RESET:
                return True
            return (self._machine.load(self._part(b, _USED) + 2, 2)
                    == self._machine.load(self._part(b, _AVAILABLE) + 2, 2))

        self._look(c, used)
