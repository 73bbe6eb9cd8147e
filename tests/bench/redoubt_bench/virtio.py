# SPDX-License-Identifier: Apache-2.0
"""`tests/bench/run virtio`: how fast the virtio devices of a guest are, and what floods cost."""

from dataclasses import dataclass
from pathlib import Path

from redoubt_board import modules
from redoubt_board.cpio import CpioWriter

from redoubt_bench import board, peer, trace
from redoubt_bench.figures import Figure

GUEST_MIB = 256
SUBJECTS = ("qemu", "unprotected", "protected")
KERNEL, INITRD, DISK, REDOUBT = "bench/Image", "bench/load.cpio", "bench/disk", "bench/redoubt"
_MODULES = ("tun", "vhost_net", "vhost_vsock")
_MACS = ("52:54:00:00:00:01", "52:54:00:00:00:02")  # load/main.c tells the taps by them
_CID = 3


@dataclass(frozen=True)
class Size:
    """How much a phase does."""

    requests: int
    mib: int
    flood_seconds: int


FULL = Size(requests=1000, mib=32, flood_seconds=60)
SMOKE = Size(requests=100, mib=4, flood_seconds=2)
DISK_MIB = 64

# What is measured of each subject, and what only Redoubt has: sockets led to unix sockets.
_LOADS = "disk,tap,vhost-tap,vsock"
_UNIX_LOADS = "vsock"

PROTECTED_TO_UNPROTECTED = 0.85
UNPROTECTED_TO_PEER = 1


def command_line(loads, size):
    return (f"console=ttyAMA0 quiet panic=-1 redoubt_load={loads} redoubt_requests={size.requests} "
            f"redoubt_mib={size.mib} redoubt_seconds={size.flood_seconds}")


def config(loads, size, devices):
    return (f"cpus: 1\nmemory:\n  size: {GUEST_MIB}MiB\nboot:\n  kernel: {Path(KERNEL).name}\n"
            f"  initrd: {Path(INITRD).name}\n  cmdline: {command_line(loads, size)}\n{devices}")


TAPS = f"""\
networks:
  - {{name: own, type: tap, tap: tap0, mac: "{_MACS[0]}", vhost: off}}
  - {{name: vhost, type: tap, tap: tap1, mac: "{_MACS[1]}", vhost: on}}
"""
_DEVICES = f"""\
disks:
  - path: {Path(DISK).name}
{TAPS}vsock: {{type: vhost, cid: {_CID}}}
"""
UNIX_DEVICES = f"vsock: {{type: unix, cid: {_CID}, path: vsock.sock}}\n"


def redoubt_command(subject, name):
    protected = "true" if subject == "protected" else "false"
    return [f"/{REDOUBT}", "run", f"/bench/{name}.yaml", "--set", f"protected={protected}"]


def peer_command(size):
    """The same devices with the peer's own defaults, but for the generation of virtio."""
    return [f"/{peer.PROGRAM}", "-M", "virt,accel=kvm,gic-version=3", "-cpu", "host",
            "-smp", "1", "-m", str(GUEST_MIB), "-nographic", "-nodefaults", "-serial", "stdio",
            "-kernel", f"/{KERNEL}", "-initrd", f"/{INITRD}",
            "-append", command_line(_LOADS, size),
            "-global", "virtio-mmio.force-legacy=false",
            "-drive", f"if=none,id=disk,file=/{DISK},format=raw",
            "-device", "virtio-blk-device,drive=disk",
            "-netdev", "tap,id=own,ifname=tap0,script=no,downscript=no,vhost=off",
            "-device", f"virtio-net-device,netdev=own,mac={_MACS[0]}",
            "-netdev", "tap,id=vhost,ifname=tap1,script=no,downscript=no,vhost=on,vhostforce=on",
            "-device", f"virtio-net-device,netdev=vhost,mac={_MACS[1]}",
            "-device", f"vhost-vsock-device,guest-cid={_CID}"]


def plan_of(subjects, size):
    plan = [("prepare", "ldconfig", f"/{peer.LDCONFIG}")] if "qemu" in subjects else []
    plan.append(("prepare", "peer", "/bench/peer", str(DISK_MIB)))
    for subject in subjects:
        if subject == "qemu":
            plan.append(("load", subject, *peer_command(size)))
        else:
            plan.append(("load", subject, *redoubt_command(subject, "devices")))
            plan.append(("load", f"{subject}-unix", *redoubt_command(subject, "unix")))
    return plan


def _write_load_initrd(out):
    """The guest's initramfs: the load program and nothing else."""
    board.build(out / "load", *(f"load/{name}.c" for name in ("main", "disk", "stream", "flood")))
    with (out / "load.cpio").open("wb") as stream:
        archive = CpioWriter(stream)
        archive.directory("dev")
        archive.device("dev/console", 5, 1)
        archive.file("init", out / "load")
        archive.finish()


def common_files(inputs, out):
    """What the boards of the measurement and of the floods have in common."""
    _write_load_initrd(out)
    board.build(out / "init", "board_init.c")
    board.build(out / "peer", "load/peer.c")
    board.strip(inputs.redoubt, out / "redoubt")
    files = {KERNEL: inputs.guest_kernel, INITRD: out / "load.cpio", REDOUBT: out / "redoubt",
             "bench/peer": out / "peer"}
    (out / "modules").mkdir(exist_ok=True)
    for number, (name, content) in enumerate(modules.collect(inputs.host_kernel.parent, _MODULES)):
        module = out / "modules" / f"{number:02}-{name}.ko"
        module.write_bytes(content)
        files[f"bench/modules/{module.name}"] = module
    return files


def measure(inputs, subjects, size, out, say):
    """Boots one board for all subjects. Returns the board's reports."""
    files = common_files(inputs, out)
    texts = {"bench/devices.yaml": config(_LOADS, size, _DEVICES),
             "bench/unix.yaml": config(_UNIX_LOADS, size, UNIX_DEVICES)}
    if "qemu" in subjects:
        peercommon_files, peer_texts = peer.put_on_board(say)
        files.update(peercommon_files)
        texts.update(peer_texts)
    plan = plan_of(subjects, size)
    board.write_initramfs(out / "virtio.cpio", out / "init", plan, files, texts)
    return board.run(inputs.host_kernel, out / "virtio.cpio", inputs.cpu, out / "virtio.log",
                     lambda kind, name: say(f"measuring {name}"))


@dataclass(frozen=True)
class Phase:
    """One phase of one subject: what it did, how often, and in how much of the board's time."""

    name: str
    count: int
    start: int
    span: trace.Span

    @property
    def rate(self):
        """Per second."""
        return self.count * 1e9 / self.span.elapsed

    @property
    def instructions(self):
        """Per request, round trip or MiB."""
        return self.span.busy / self.count


def phases_of(reports, subject):
    """{name: Phase} of a subject."""
    lines = [words[2] for words in reports if words[0] == "trace" and words[1] == subject]
    spans = trace.phases(lines)
    said = [words[2] for words in reports if words[0] == "load" and words[1] == subject]
    if not said or said[-1] != "done":
        raise board.BenchError(f"{subject}: the load did not come to its end")
    found = {}
    for number, name, count in (text.split() for text in said[:-1]):
        if int(number) not in spans:
            raise board.BenchError(f"{subject}: no mark of {name} in the trace")
        found[name] = Phase(name, int(count), *spans[int(number)])
    if not found:
        raise board.BenchError(f"{subject} measured nothing")
    return found


def _unit(name):
    if "4k" in name:
        return "requests"
    return "round trips" if name.endswith("round-trip") else "MiB"


def summarize(reports, subjects):
    """The figures of all subjects."""
    found = []
    results = {subject: phases_of(reports, subject) for subject in subjects}
    for subject in [subject for subject in subjects if subject != "qemu"]:
        for name, phase in phases_of(reports, f"{subject}-unix").items():
            results[subject][f"unix-{name}"] = phase
    names = list(dict.fromkeys(name for phases in results.values() for name in phases))
    for name in names:
        unit = _unit(name)
        got = {subject: phases[name] for subject, phases in results.items() if name in phases}
        for subject, phase in got.items():
            found.append(Figure(f"{name}: {subject}", round(phase.rate, 1), f"{unit}/s"))
        for subject, phase in got.items():
            found.append(Figure(f"{name}: {subject}, instructions for each", phase.instructions,
                                "ns"))
        found += _ratios(name, got)
    return found


def _ratios(name, got):
    ratios = (("unprotected", "qemu", UNPROTECTED_TO_PEER),
              ("protected", "unprotected", PROTECTED_TO_UNPROTECTED))
    return [Figure(f"{name}: {over} / {under}", got[over].rate / got[under].rate, "ratio", target,
                   at_least=True)
            for over, under, target in ratios if over in got and under in got]
