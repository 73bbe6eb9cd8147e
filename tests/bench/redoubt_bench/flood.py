# SPDX-License-Identifier: Apache-2.0
"""What floods of a guest cost its VMM in memory: the second half of `tests/bench/run virtio`."""

from redoubt_bench import board, trace, virtio
from redoubt_bench.figures import Figure

FLOODS = ("serial", "console", "net", "vsock", "rng", "kicks")
SUBJECT = "protected"
GROWTH = 0.01  # of what the VMM has resident beyond guest memory

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
    texts = {"bench/flood.yaml": virtio.config(",".join(FLOODS), size, _DEVICES)}
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
    for phase in virtio.phases_of(reports, SUBJECT).values():
        end = phase.start + phase.span.elapsed
        before = [kib for time, kib in samples if time < phase.start]
        during = [kib for time, kib in samples if phase.start <= time <= end]
        if not before or not during:
            raise board.BenchError(f"no sample of the memory before or during flood {phase.name}")
        found += [
            Figure(f"flood {phase.name}: resident beyond guest memory, before", before[-1], "KiB"),
            Figure(f"flood {phase.name}: {phase.count} s later, at most", max(during), "KiB"),
            Figure(f"flood {phase.name}: growth", max(during) / before[-1] - 1, "ratio", GROWTH),
        ]
    return found
