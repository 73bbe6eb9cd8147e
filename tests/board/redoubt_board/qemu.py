# SPDX-License-Identifier: Apache-2.0
"""One boot of the emulated board: a QEMU process and the files it writes."""

import functools
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

# The names users give to --cpu. What is left out of "max" is not what the suites are about, and
# makes every VM cost ten times as much to emulate: 52-bit addresses, vectors, and the architected
# algorithm of pointer authentication (software cannot tell it from the implementation-defined one).
CPUS = {"cortex-a72": "cortex-a72", "max": "max,pauth-impdef=on,lpa2=off,sve=off,sme=off"}

# Older QEMUs do not apply TLBI VAE2IS to the EL2&0 regime that hVHE uses: the hypervisor then goes
# on writing through stale translations, and pages are not zeroed at teardown. nVHE is right there.
# QEMU 7.2 was seen to be wrong and 10.0 to be right.
_FIRST_QEMU_WITH_HVHE = 10
_NVHE = " arm64_sw.hvhe=0 id_aa64mmfr1.vh=0"

# Everything the kernel says goes to the console; a panic ends QEMU (-no-reboot) at once. No CPU
# here needs page tables of the kernel's own, which a kernel with KASLR makes all the same; QEMU
# empties its TLB at each change between them, and that is at each system call.
_COMMAND_LINE = ("console=ttyAMA0 kvm-arm.mode=protected kpti=off panic=-1 ignore_loglevel "
                 "log_buf_len=4M rdinit=/init")


@dataclass(frozen=True)
class Disk:
    """A disk that the board finds by its serial number. What it writes there is gone with it."""

    serial: str
    image: Path
    readonly: bool = False


@dataclass(frozen=True)
class Machine:
    kernel: Path
    program: str  # the QEMU that emulates it
    cpu: str = "cortex-a72"
    cpus: int = 2
    memory_mib: int = 4096
    zones: bool = False  # two memory nodes, each with a ZONE_MOVABLE
    disks: tuple[Disk, ...] = ()
    # A port of this machine's loopback that leads to the board's port 22; the board is 10.0.2.15.
    ssh_port: int | None = None
    # A file for its memory, to be looked at from outside.
    memory_file: Path | None = None
    # PATH.in and PATH.out are FIFOs: what is written to the first, the job reads as redoubt.orders.
    orders: Path | None = None
    # Instructions go to the file `instructions` when they are first about to be executed.
    instructions: bool = False


@functools.cache
def qemu_version(program: str) -> int:
    """The major version of a QEMU."""
    result = subprocess.run([program, "--version"], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, text=True, check=True)
    match = re.search(r"version (\d+)\.", result.stdout)
    if not match:
        raise OSError(f"{program} tells no version: {result.stdout.strip()}")
    return int(match[1])


def kernel_command_line(cpu: str, version: int) -> str:
    if cpu != "cortex-a72" and version < _FIRST_QEMU_WITH_HVHE:
        return _COMMAND_LINE + _NVHE
    return _COMMAND_LINE


def command(machine: Machine, initrd: Path, out: Path, interactive: bool = False) -> list[str]:
    """The QEMU command line. Console, events and results become files in `out`."""
    arguments = [
        machine.program,
        "-M", "virt,virtualization=on,gic-version=3" + (",memory-backend=ram" if machine.memory_file
                                                         else ""),
        "-cpu", CPUS[machine.cpu],
        "-smp", str(machine.cpus), "-m", str(machine.memory_mib),
        "-nographic", "-nodefaults", "-no-reboot",
        "-kernel", str(machine.kernel), "-initrd", str(initrd),
        "-append", kernel_command_line(machine.cpu, qemu_version(machine.program)) +
                   (f" movablecore={machine.memory_mib // 8}M" if machine.zones else ""),
        "-serial", f"file:{out / 'console.log'}",
        "-device", "virtio-serial-pci",
    ]
    for port in ("events", "results"):
        arguments += ["-chardev", f"file,id={port},path={out / port}",
                      "-device", f"virtserialport,chardev={port},name=redoubt.{port}"]
    if machine.memory_file:
        arguments += ["-object", f"memory-backend-file,id=ram,size={machine.memory_mib}M,"
                                 f"mem-path={machine.memory_file},share=on"]
    for node in range(2 if machine.zones else 0):
        size = f"{machine.memory_mib // 2}M"
        arguments += ["-object", f"memory-backend-ram,id=node{node},size={size}",
                      "-numa", f"node,nodeid={node},memdev=node{node}"]
    if machine.orders:
        arguments += ["-chardev", f"pipe,id=orders,path={machine.orders}",
                      "-device", "virtserialport,chardev=orders,name=redoubt.orders"]
    for disk in machine.disks:
        # unsafe: a flush need not reach this machine's disk, since nothing outlives the board.
        access = "readonly=on" if disk.readonly else "snapshot=on,discard=unmap"
        arguments += ["-drive", f"if=none,id={disk.serial},file={disk.image},format=raw,"
                                f"cache=unsafe,{access}",
                      "-device", f"virtio-blk-pci,drive={disk.serial},serial={disk.serial}"]
    if machine.ssh_port:
        arguments += ["-netdev", "user,id=net,restrict=on,"
                                 f"hostfwd=tcp:127.0.0.1:{machine.ssh_port}-:22",
                      "-device", "virtio-net-pci,netdev=net,romfile="]
    if machine.instructions:
        arguments += ["-d", "in_asm", "-D", str(out / "instructions")]
    if interactive:
        arguments += ["-chardev", "stdio,id=terminal,signal=off",
                      "-device", "virtconsole,chardev=terminal"]
    return arguments


class Board:
    """A running board. A context manager: leaving it leaves no QEMU behind."""

    def __init__(self, machine: Machine, initrd: Path, out: Path, interactive: bool = False,
                 keep_open: tuple[int, ...] = ()):
        """QEMU inherits the descriptors of `keep_open`, under their numbers."""
        self.out = out
        for name in ("console.log", "events", "results"):
            (out / name).unlink(missing_ok=True)
        # setpriv: should this process be killed outright, QEMU goes with it. A session of its own
        # keeps the terminal's Ctrl-C for us: we stop the board, in order.
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL",
             *command(machine, initrd, out, interactive)],
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=None if interactive else subprocess.DEVNULL,
            stderr=(out / "qemu.log").open("wb"),
            pass_fds=keep_open,
            start_new_session=not interactive)

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *unused: object) -> None:
        self.kill()

    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> None:
        self._process.wait()

    def kill(self) -> None:
        if self.running():
            self._process.kill()
        self._process.wait()

    def complaint(self) -> str:
        """What QEMU itself said, for the case that there is no console."""
        return (self.out / "qemu.log").read_text(errors="replace").strip()


class LineReader:
    """Reads the complete lines that have been added to a growing file since the last call."""

    def __init__(self, path: Path):
        self._path = path
        self._offset = 0
        self._rest = b""

    def lines(self) -> list[str]:
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                added = stream.read()
        except FileNotFoundError:
            return []
        self._offset += len(added)
        *complete, self._rest = (self._rest + added).split(b"\n")
        return [line.decode("utf-8", "replace").rstrip("\r") for line in complete]
