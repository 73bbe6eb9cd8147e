# SPDX-License-Identifier: Apache-2.0
"""`tests/bench/run boot`: what it costs to boot a small Linux guest and power it off."""

import os
import statistics
import subprocess
from pathlib import Path

from redoubt_bench import board, figures, peer, trace
from redoubt_bench.figures import Figure

GUEST_MIB = 256
SUBJECTS = ("qemu", "unprotected", "protected")

# Where the guest's log goes, and how much of it there is. A row of another variant than "pl011"
# is named SUBJECT/VARIANT.
_COMMAND_LINES = {
    "pl011": "console=ttyAMA0 redoubt.mode=off",
    "hvc0": "console=hvc0 redoubt.mode=off",
    "pl011-quiet": "console=ttyAMA0 quiet redoubt.mode=off",
    "hvc0-quiet": "console=hvc0 quiet redoubt.mode=off",
}
VARIANTS = tuple(_COMMAND_LINES)

KERNEL, INITRD, REDOUBT = "bench/Image", "bench/initrd", "bench/redoubt"


def row_of(subject, variant):
    return subject if variant == VARIANTS[0] else f"{subject}/{variant}"


def is_virtio_console(variant):
    return variant.startswith("hvc0")


def config_of(variant):
    text = (f"cpus: 1\nmemory:\n  size: {GUEST_MIB}MiB\nboot:\n  kernel: {Path(KERNEL).name}\n"
            f"  initrd: {Path(INITRD).name}\n  cmdline: {_COMMAND_LINES[variant]}\n")
    if is_virtio_console(variant):
        text += "console: {type: none}\nports:\n  - {name: console, type: stdio}\n"
    return text


def command_of(subject, variant):
    """What is started on the board: the same kernel, initramfs, command line, RAM and vCPUs."""
    if subject == "qemu":
        console = ["-serial", "stdio"]
        if is_virtio_console(variant):
            console = ["-serial", "none", "-global", "virtio-mmio.force-legacy=false",
                       "-device", "virtio-serial-device", "-chardev", "stdio,id=console",
                       "-device", "virtconsole,chardev=console"]
        return [f"/{peer.PROGRAM}", "-M", "virt,accel=kvm,gic-version=3", "-cpu", "host",
                "-smp", "1", "-m", str(GUEST_MIB), "-nographic", "-nodefaults", *console,
                "-kernel", f"/{KERNEL}", "-initrd", f"/{INITRD}",
                "-append", _COMMAND_LINES[variant]]
    protected = "true" if subject == "protected" else "false"
    return [f"/{REDOUBT}", "run", f"/bench/{variant}.yaml", "--set", f"protected={protected}"]


def plan_of(subjects, variants, runs):
    """Every row is run once to warm the caches, then measured `runs` times. What does not depend on
    where the log goes is measured in the first variant."""
    plan = [("prepare", "ldconfig", f"/{peer.LDCONFIG}")] if "qemu" in subjects else []
    for variant in variants:
        for subject in subjects:
            row, command = row_of(subject, variant), command_of(subject, variant)
            plan.append(("warm", row, *command))
            plan += [("time", row, *command)] * runs
            if variant == VARIANTS[0]:
                plan += [("entry", row, *command)] * runs
                plan.append(("memory", row, *command))
    return plan


def is_static(program):
    text = subprocess.run(["readelf", "--wide", "--program-headers", str(program)], check=True,
                          capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    return "INTERP" not in text


def measure(inputs, subjects, variants, runs, out, say):
    """Boots the board once for all subjects. Returns the board's reports."""
    files = {KERNEL: inputs.guest_kernel, INITRD: inputs.guest_initrd}
    texts = {f"bench/{variant}.yaml": config_of(variant) for variant in variants}
    if "qemu" in subjects:
        peer_files, peer_texts = peer.put_on_board(say)
        files.update(peer_files)
        texts.update(peer_texts)
    if set(subjects) - {"qemu"}:
        board.strip(inputs.redoubt, out / "redoubt")
        files[REDOUBT] = out / "redoubt"
    plan = plan_of(subjects, variants, runs)
    board.build(out / "init", "board_init.c")
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


def spans(reports, subject, kind, variant=VARIANTS[0]):
    """The spans of all runs of one kind; `time` ends at the power-off, `entry` in the guest."""
    event = {"time": "kvm_userspace_exit", "entry": "kvm_entry"}[kind]
    row = row_of(subject, variant)
    return [trace.span([words[2] for words in said if words[0] == "trace"],
                       command_of(subject, variant)[0], event)
            for run_kind, name, said in _runs_of(reports) if (run_kind, name) == (kind, row)]


def resident_kib(reports, subject):
    """(beyond guest memory, guest memory), each at its highest."""
    for words in reports:
        if words[0] == "memory" and words[1] == subject:
            other, guest = words[2].split()
            return int(other), int(guest)
    raise board.BenchError(f"the board did not tell the resident memory of {subject}")


def _median(values):
    return int(statistics.median(values))


def _first_variant(reports, subject):
    """What is measured there alone."""
    entries = spans(reports, subject, "entry")
    ours = subject != "qemu"
    return [
        Figure(f"{subject}: exec to first KVM_RUN", _median(s.elapsed for s in entries), "ns",
               figures.INSTRUCTIONS_TO_FIRST_RUN if ours else None),
        Figure(f"{subject}: of these, instructions", _median(s.busy for s in entries), "ns"),
        Figure(f"{subject}: resident beyond guest memory", resident_kib(reports, subject)[0],
               "KiB", figures.RESIDENT_KIB if ours else None),
    ]


def _ratios(variant, off):
    ratios = (("unprotected", "qemu", figures.UNPROTECTED_TO_PEER),
              ("protected", "unprotected", figures.PROTECTED_TO_UNPROTECTED))
    return [Figure(f"{row_of(over, variant)} / {row_of(under, variant)}", off[over] / off[under],
                   "ratio", target)
            for over, under, target in ratios if over in off and under in off]


def summarize(reports, subjects, variants, binary):
    """All figures that these reports give."""
    found = []
    ratios = []
    for variant in variants:
        off = {}
        for subject in subjects:
            times = spans(reports, subject, "time", variant)
            row = row_of(subject, variant)
            off[subject] = _median(span.elapsed for span in times)
            found += [
                Figure(f"{row}: exec to power-off", off[subject], "ns"),
                Figure(f"{row}: of these, instructions", _median(s.busy for s in times), "ns"),
            ]
            if variant == VARIANTS[0]:
                found += _first_variant(reports, subject)
        ratios += _ratios(variant, off)
    if binary is not None:
        found.append(Figure("binary, stripped and static", binary.stat().st_size, "bytes",
                            figures.BINARY_BYTES))
    return found + ratios
