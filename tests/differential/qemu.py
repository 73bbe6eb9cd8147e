# SPDX-License-Identifier: Apache-2.0
"""QEMU's `virt` machine whose processor is off: its devices, driven through the qtest protocol."""

import socket
import subprocess
import tempfile
from collections import deque
from pathlib import Path
from types import TracebackType

PROGRAM = "qemu-system-aarch64"
_CPU = "cortex-a57"
_DISK_BYTES = 1 << 20
_MOST_UNANSWERED = 100


def _on_slot(slot: int, device: str) -> str:
    return f"{device},bus=virtio-mmio-bus.{slot},iommu_platform=on"


# In the slots of the hostile guest's devices (tests/hostile/program.h). QEMU has no vsock of its
# own.
ABSENT = frozenset({3})
_DEVICES = (
    ("-drive", "if=none,id=disk,format=raw,file={folder}/disk"),
    ("-device", _on_slot(0, "virtio-blk-device,drive=disk,serial=hostile,queue-size=256")),
    ("-device", _on_slot(1, "virtio-net-device")),
    ("-chardev", "null,id=port"),
    ("-device", _on_slot(2, "virtio-serial-device,max_ports=1")),
    ("-device", "virtconsole,chardev=port"),
    ("-device", _on_slot(4, "virtio-rng-device")),
)


class Qemu:
    """A context; within it, physical memory and registers as evil.Machine has them."""

    def __enter__(self) -> "Qemu":
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        with (folder / "disk").open("wb") as disk:
            disk.truncate(_DISK_BYTES)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "qtest"))
            listener.listen(1)
            listener.settimeout(30)
            command = [PROGRAM, "-M", "virt", "-m", "64M", "-cpu", _CPU, "-display", "none",
                       # Not every QEMU has the accelerator `qtest`; this one never runs.
                       "-global", f"{_CPU}-arm-cpu.start-powered-off=on", "-nodefaults",
                       "-qtest", f"unix:{folder}/qtest", "-qtest-log", "none",
                       "-global", "virtio-mmio.force-legacy=false"]
            for option, value in _DEVICES:
                command += [option, value.format(folder=folder)]
            # Its complaints about what the programs do are of no interest.
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                self._socket, _ = listener.accept()
            except OSError:
                self._end()
                raise
        self._answers = self._socket.makefile("r")
        self._unanswered: deque[str] = deque()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._answers.close()
        self._socket.close()
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def _send(self, command: str) -> None:
        self._socket.sendall(command.encode() + b"\n")
        self._unanswered.append(command)

    def _answer(self) -> str:
        """Of the last command. Stores are not waited for one by one: that makes many quick."""
        answer = ""
        while self._unanswered:
            answer = self._answers.readline()
            if not answer:
                raise EOFError(f"at or behind: {self._unanswered[0]}")
            if answer.startswith("IRQ"):
                continue
            command = self._unanswered.popleft()
            if not answer.startswith("OK"):
                raise ValueError(f"{command}: {answer.strip()}")
        return answer[2:].strip()

    def load(self, address: int, width: int) -> int:
        self._send(f"read{_letter(width)} {address:#x}")
        return int(self._answer(), 16)

    def store(self, address: int, width: int, value: int) -> None:
        self._send(f"write{_letter(width)} {address:#x} {value & (1 << 8 * width) - 1:#x}")
        if len(self._unanswered) == _MOST_UNANSWERED:
            self._answer()

    def zero(self, address: int, size: int) -> None:
        self._send(f"memset {address:#x} {size:#x} 0x0")


def _letter(width: int) -> str:
    return {1: "b", 2: "w", 4: "l", 8: "q"}[width]
