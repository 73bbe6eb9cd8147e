# SPDX-License-Identifier: Apache-2.0
"""What floods of a guest cost its VMM in memory: the second half of `tests/bench/run virtio`."""

from redoubt_bench import board, trace, virtio
from redoubt_bench.figures import Figure

FLOODS = ("serial", "console", "net", "vsock", "rng", "kicks")
LOADS = ",".join(f"flood-{name}" for name in FLOODS)  # as load/main.c names them
SUBJECT = "protected"
GROWTH = 0.01  # of what the VMM has resident beyond guest memory

_REST_NS = 3_000_000_000  # after each flood, kRestSeconds of load/flood.c

# The board's clock advances by 32 ns with each instruction: a minute is one of a slow machine, and
# over in a minute or so.
_SHIFT = 5

_DEVICES = f"""\
rng: true
{virtio.TAPS}{virtio.UNIX_DEVICES}ports:
  - {{name: flood, type: file, path: /dev/null}}
"""


def plan_of():
    return [("prepare", "peer", "/bench/peer", "1"),
            ("flood", SUBJECT, *virtio.redoubt_command(SUBJECT, "flood"))]


def measure(inputs, size, out, say):
    """Boots a board of its own for one guest that makes all floods. Returns the board's reports."""
    files = virtio.common_files(inputs, out)
    texts = {"bench/flood.yaml": virtio.config(LOADS, size, _DEVICES)}
    board.write_initramfs(out / "flood.cpio", out / "init", plan_of(), files, texts)
    return board.run(inputs.host_kernel, out / "flood.cpio", inputs.cpu, out / "flood.log",
                     lambda kind, name: say(f"flooding {name}"), shift=_SHIFT)


def _samples(reports):
    """(time, KiB resident beyond guest memory), in order."""
    words = [report[2].split() for report in reports if report[0] == "sample"]
    return [(int(time), int(other)) for time, other, _ in words]


def summarize(reports):
    samples = _samples(reports)
    found = []
    phases = virtio.phases_of(reports, SUBJECT)
    if missing := set(FLOODS) - set(phases):
        raise board.BenchError(f"no flood of {', '.join(sorted(missing))} was made")
    for phase in phases.values():
        end = phase.start + phase.span.elapsed
        before = [kib for time, kib in samples if time < phase.start]
        during = [kib for time, kib in samples if phase.start <= time <= end]
        after = [kib for time, kib in samples if end < time <= end + _REST_NS]
        if not before or not during or not after:
            raise board.BenchError(f"no sample of the memory around flood {phase.name}")
        title = f"flood {phase.name}"
        found += [
            Figure(f"{title}: resident beyond guest memory, before", before[-1], "KiB"),
            Figure(f"{title}: in {phase.count} s, at most", max(during), "KiB"),
            Figure(f"{title}: growth meanwhile", max(during) / before[-1] - 1, "ratio", GROWTH),
            Figure(f"{title}: growth that stays", after[-1] / before[-1] - 1, "ratio", GROWTH),
        ]
    return found
