# SPDX-License-Identifier: Apache-2.0
"""`tests/bench/run donate`: what the memory of protected guests costs a stock and a patched host.

The program is the board's suite, which has the measurements as `BenchDonate`. Both kernels are
asked in the same way; what is counted is exact, and is the same on every run. Instructions are
those of everything that runs on the board, as redoubt_bench.board explains.
"""

from dataclasses import dataclass

from redoubt_board import initramfs, prepare
from redoubt_board.paths import BUILD

from redoubt_bench import board

KERNELS = ("stock", "patched")
_SUITE = "redoubt-board-suite"
# The memory that BenchDonate gives away, of which a GiB is made up.
_MEASURED_MIB = 32
_PER_GIB = 1024 // _MEASURED_MIB
_MAPPING_BYTES = 64  # struct pkvm_mapping, in the slab it comes from

_JOB = f"""\
cd /redoubt
./{_SUITE} --gtest_color=no --gtest_filter='BenchDonate.*' 2>&1 |
  sed -e 's/^figure /bench: figure /' -e 's/^.*FAILED.*BenchDonate/bench: failed &/' >/dev/console
echo "bench: done" >/dev/console"""


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure on either kernel, and what it should reach on the patched.

    `limit` is an upper bound, or a lower one where `at_least`; None: told for comparison.
    """

    name: str
    stock: float | None
    patched: float | None
    limit: float | None = None
    at_least: bool = False

    @property
    def reached(self):
        if self.limit is None:
            return None
        if self.patched is None:
            return False
        return self.patched >= self.limit if self.at_least else self.patched <= self.limit


def measure(kernel, name, cpu, out, say):
    """The figures by their names, from one boot."""
    archive = out / f"donate-{name}.cpio"
    initramfs.write(archive, prepare.busybox(), {_SUITE: BUILD / "arm64" / _SUITE},
                    initramfs.Job(_JOB))
    say(f"measuring on the {name} kernel")
    reports = board.run(kernel, archive, cpu, out / f"donate-{name}.log", lambda *words: None)
    return {words[1]: int(words[2]) for words in reports if words[0] == "figure"}


def _per_gib(figures, name):
    return figures[name] * _PER_GIB if name in figures else None


def _ratio(figures, over, under):
    return figures[over] / figures[under] if figures.get(under) else None


def summarize(stock, patched):
    """The rows of the table."""
    def row(name, figure, limit=None):
        return Row(name, figure(stock), figure(patched), limit)

    def count(name, figure, limit=None):
        return row(name, lambda figures: _per_gib(figures, figure), limit)

    def share(name, over, under):
        return Row(name, _ratio(stock, over, under), _ratio(patched, over, under), 1, at_least=True)

    def slab(figures):
        calls = _per_gib(figures, "2m.reclaims")
        return None if calls is None else calls * _MAPPING_BYTES / 1024

    rows = [count("guest stage-2 faults per GiB, huge pages", "2m.faults", 520),
            count("  of a memfd", "memfd-2m.faults", 520),
            count("  folios of 64 KiB", "64k.faults", 16640),
            count("  small pages", "4k.faults", stock["4k.faults"] * _PER_GIB),
            count("  huge pages, in advance", "2m-prefault.faults", 16),
            count("  small pages, in advance", "4k-prefault.faults", 16),
            count("donate hypercalls per GiB, huge pages", "2m.calls", 520),
            count("  folios of 64 KiB", "64k.calls", 16640),
            count("  small pages", "4k.calls", stock["4k.calls"] * _PER_GIB),
            count("teardown hypercalls per GiB, huge pages", "2m.reclaims", 520),
            count("  folios of 64 KiB", "64k.reclaims", 16640),
            count("  small pages", "4k.reclaims", stock["4k.reclaims"] * _PER_GIB),
            share("host blocks of 2 MiB back, of those lent",
                  "2m.host_blocks", "2m.host_blocks_of"),
            share("charged ÷ immovable, huge pages, dense", "2m.charged", "2m.immovable"),
            share("  sparse", "2m-sparse.charged", "2m-sparse.immovable"),
            share("charged ÷ immovable, 64 KiB, dense", "64k.charged", "64k.immovable"),
            share("  sparse", "64k-sparse.charged", "64k-sparse.immovable"),
            row("pkvm_mapping per GiB, huge pages, KiB", slab, 64)]
    for title, name in (("huge pages", "2m"), ("64 KiB", "64k"), ("small pages", "4k")):
        rows.append(count(f"first touch per GiB, instructions, {title}",
                          f"{name}.touch_instructions"))
        rows.append(count(f"teardown per GiB, instructions, {title}",
                          f"{name}.teardown_instructions"))
    return rows


def _number(value):
    if value is None:
        return "-"
    return f"{value:,.3f}" if isinstance(value, float) and value < 100 else f"{value:,.0f}"


def table(rows):
    lines = [("figure", *KERNELS, "to reach", "")]
    for row in rows:
        bound = "" if row.limit is None else ("≥ " if row.at_least else "≤ ") + _number(row.limit)
        verdict = {None: "", True: "reached", False: "MISSED"}[row.reached]
        lines.append((row.name, _number(row.stock), _number(row.patched), bound, verdict))
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        (f"{line[0]:<{widths[0]}}  {line[1]:>{widths[1]}}  {line[2]:>{widths[2]}}  "
         f"{line[3]:>{widths[3]}}  {line[4]}").rstrip() for line in lines)


def as_json(rows):
    return [{"name": row.name.strip(), "stock": row.stock, "patched": row.patched,
             "limit": row.limit, "reached": row.reached} for row in rows]
