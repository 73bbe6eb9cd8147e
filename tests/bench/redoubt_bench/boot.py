# SPDX-License-Identifier: Apache-2.0
"""`tests/bench/run boot`: what it costs to boot a small Linux guest and power it off."""

import os
import shutil
import statistics
import subprocess
from pathlib import Path

from redoubt_bench import board, figures, peer, trace
from redoubt_bench.figures import Figure

GUEST_MIB = 256
GUEST_COMMAND_LINE = "console=ttyAMA0 redoubt.mode=off"
SUBJECTS = ("qemu", "unprotected", "protected")

KERNEL, INITRD, CONFIG, REDOUBT = "bench/Image", "bench/initrd", "bench/vm.yaml", "bench/redoubt"

_CONFIG = f"""\
cpus: 1
memory:
  size: {GUEST_MIB}MiB
boot:
  kernel: {Path(KERNEL).name}
  initrd: {Path(INITRD).name}
  cmdline: {GUEST_COMMAND_LINE}
"""


def command_of(subject):
    """What is started on the board: the same kernel, initramfs, command line, RAM and vCPUs."""
    if subject == "qemu":
        return [f"/{peer.PROGRAM}", "-M", "virt,accel=kvm,gic-version=3", "-cpu", "host",
                "-smp", "1", "-m", str(GUEST_MIB), "-nographic", "-nodefaults",
                "-serial", "stdio", "-kernel", f"/{KERNEL}", "-initrd", f"/{INITRD}",
                "-append", GUEST_COMMAND_LINE]
    protected = "true" if subject == "protected" else "false"
    return [f"/{REDOUBT}", "run", f"/{CONFIG}", "--set", f"protected={protected}"]


def plan_of(subjects, runs):
    """Every subject is run once to warm the caches, then measured `runs` times."""
    plan = [("prepare", "ldconfig", f"/{peer.LDCONFIG}")] if "qemu" in subjects else []
    for subject in subjects:
        command = command_of(subject)
        plan.append(("warm", subject, *command))
        plan += [("time", subject, *command)] * runs
        plan += [("entry", subject, *command)] * runs
        plan.append(("memory", subject, *command))
    return plan


def strip(program, out):
    tool = "strip" if os.uname().machine == "aarch64" else "aarch64-linux-gnu-strip"
    if shutil.which(tool) is None:
        raise board.BenchError(f"no {tool} is installed: install binutils-aarch64-linux-gnu")
    subprocess.run([tool, "-o", str(out), str(program)], check=True)


def is_static(program):
    text = subprocess.run(["readelf", "--wide", "--program-headers", str(program)], check=True,
                          capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    return "INTERP" not in text


def measure(inputs, subjects, runs, out, say):
    """Boots the board once for all subjects. Returns the board's reports."""
    files = {KERNEL: inputs.guest_kernel, INITRD: inputs.guest_initrd}
    texts = {CONFIG: _CONFIG}
    if "qemu" in subjects:
        root, version = peer.fetch()
        say(f"peer: qemu-system-aarch64 {version}")
        files.update(peer.files(root))
        folders = "".join(f"/{folder}\n" for folder in peer.LIBRARY_FOLDERS)
        texts["etc/ld.so.conf"] = folders
    if set(subjects) - {"qemu"}:
        strip(inputs.redoubt, out / "redoubt")
        files[REDOUBT] = out / "redoubt"
    plan = plan_of(subjects, runs)
    board.build_init(out / "init")
    board.write_initramfs(out / "initramfs", out / "init", plan, files, texts)
    steps = iter(range(1, len(plan) + 1))
    return board.run(inputs.host_kernel, out / "initramfs", inputs.cpu, out / "console.log",
                     lambda kind, name: say(f"[{next(steps)}/{len(plan)}] {kind} {name}"))


def _runs_of(reports):
    """(kind, subject, the reports of that run) for each run, in order."""
    runs = []
    for report in reports:
        if report[0] == "begin":
            runs.append((report[1], report[2], []))
        elif runs:
            runs[-1][2].append(report)
    return runs


def spans(reports, subject, kind):
    """The spans of all runs of one kind; `time` ends at the power-off, `entry` in the guest."""
    event = {"time": "kvm_userspace_exit", "entry": "kvm_entry"}[kind]
    return [trace.span([words[2] for words in said if words[0] == "trace"],
                       command_of(subject)[0], event)
            for run_kind, name, said in _runs_of(reports) if (run_kind, name) == (kind, subject)]


def resident_kib(reports, subject):
    """(beyond guest memory, guest memory), each at its highest."""
    for words in reports:
        if words[0] == "memory" and words[1] == subject:
            other, guest = words[2].split()
            return int(other), int(guest)
    raise board.BenchError(f"the board did not tell the resident memory of {subject}")


def _median(values):
    return int(statistics.median(values))


def summarize(reports, subjects, binary):
    """All figures that these reports give."""
    found = []
    off = {}
    for subject in subjects:
        times = spans(reports, subject, "time")
        entries = spans(reports, subject, "entry")
        off[subject] = _median(span.elapsed for span in times)
        ours = subject != "qemu"
        found += [
            Figure(f"{subject}: exec to power-off", off[subject], "ns"),
            Figure(f"{subject}: of these, instructions", _median(s.busy for s in times), "ns"),
            Figure(f"{subject}: exec to first KVM_RUN", _median(s.elapsed for s in entries), "ns",
                   figures.INSTRUCTIONS_TO_FIRST_RUN if ours else None),
            Figure(f"{subject}: of these, instructions", _median(s.busy for s in entries), "ns"),
            Figure(f"{subject}: resident beyond guest memory", resident_kib(reports, subject)[0],
                   "KiB", figures.RESIDENT_KIB if ours else None),
        ]
    if binary is not None:
        found.append(Figure("binary, stripped and static", binary.stat().st_size, "bytes",
                            figures.BINARY_BYTES))
    if {"unprotected", "qemu"} <= set(subjects):
        found.append(Figure("unprotected / qemu", off["unprotected"] / off["qemu"], "ratio",
                            figures.UNPROTECTED_TO_PEER))
    if {"unprotected", "protected"} <= set(subjects):
        found.append(Figure("protected / unprotected", off["protected"] / off["unprotected"],
                            "ratio", figures.PROTECTED_TO_UNPROTECTED))
    return found
