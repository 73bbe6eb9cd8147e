# SPDX-License-Identifier: Apache-2.0
"""tests/board/lines: which lines of the host's kernel the suites execute."""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from redoubt_board import measured, prepare
from redoubt_board.interrupt import stop_on_signals
from redoubt_board.lines import Boot, Program, Unplaced, callees, functions, words_of
from redoubt_board.measured import TABLE, Figure
from redoubt_board.paths import BOARD, OUT, ROOT
from redoubt_board.qemu import CPUS

_KVM = "arch/arm64/kvm/"
_PROGRAMS = {"hypervisor.elf": [_KVM + "hyp/nvhe/mem_protect.c", _KVM + "hyp/nvhe/pkvm.c"],
             "mmu.elf": [_KVM + "mmu.c"], "pkvm.elf": [_KVM + "pkvm.c"]}
# Of the kernel at EL1 only the handler of protected guests' faults, and what that calls.
_HANDLER = "pkvm_mem_abort"
_HYPERVISOR = "/hyp/"
_SUITES = ("contract", "donate", "faults", "isolation", "lifecycle", "hostile")


@dataclass(frozen=True)
class Executed:
    figure: Figure
    missed: dict[int, str]  # line number: text


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/board/lines",
        description="Runs suites on emulated boards with the patched host kernel and tells which "
                    "lines they execute of the handler of protected guests' faults "
                    f"({_HANDLER}() and what it calls) and of mem_protect.c and pkvm.c at EL2. "
                    "QEMU logs the instructions as it translates them, line tables lead from "
                    "those to the source.",
        epilog=f"Takes some ten minutes. With --write the figures go to {TABLE}, and "
               "tests/board/coverage puts them on the page COVERAGE.md.")
    parser.add_argument("--cpu", choices=tuple(CPUS), action="append", metavar="CPU",
                        help="a processor to run the suites on; may be said again (default: "
                             f"{' and '.join(CPUS)})")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE}")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--at-least", type=float, default=0, metavar="PERCENT",
                        help="fail if so many of the lines in reach are not executed")
    parser.add_argument("--no-build", action="store_true",
                        help="take the programs and the guest as they are")
    parser.add_argument("--no-run", action="store_true",
                        help="take what the last run has left behind")
    parser.add_argument("suite", nargs="*", metavar="SUITE",
                        help=f"default: {' '.join(_SUITES)}")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    cpus = options.cpu or list(CPUS)
    with stop_on_signals():
        try:
            lines = prepare.lines("patched")
            good = options.no_run or all([
                _run(cpu, *(["--no-build"] if options.no_build else []),
                     *(options.suite or _SUITES)) for cpu in cpus])
            kernel = prepare.host_kernel("patched")
            found = measure(lines, kernel, [log for cpu in cpus for log in _logs(cpu)])
        except (subprocess.CalledProcessError, FileNotFoundError, Unplaced) as error:
            print(f"tests/board/lines: {error}", file=sys.stderr)
            return 1
    if options.write:
        measured.write(ROOT, [one.figure for one in found])
    print(as_json(found) if options.json else report(found))
    if not good:
        print("tests/board/lines: tests failed, see above", file=sys.stderr)
    executed, reachable, _ = measured.of(ROOT, [one.figure for one in found]).sums()
    share = 100 * executed / reachable
    print(f"{executed} of {reachable} lines in reach executed, {share:.1f} %", file=sys.stderr)
    return 0 if good and share >= options.at_least else 1


def _out(cpu: str) -> Path:
    return OUT / f"patched-{cpu}-lines"


def _logs(cpu: str) -> list[Path]:
    logs = sorted(_out(cpu).glob("boot-*/instructions"))
    if not logs:
        raise FileNotFoundError(f"no instructions in {_out(cpu)}: run without --no-run")
    return logs


def _run(cpu: str, *arguments: str) -> bool:
    """Without the programs' own output on stdout, which is for the figures."""
    return subprocess.run([BOARD / "run", "--kernel", "patched", "--cpu", cpu, "--name", "lines",
                           "--instructions", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL,
                          stdout=sys.stderr).returncode == 0


def measure(lines: Path, kernel: Path, logs: list[Path]) -> list[Executed]:
    """`lines` is what setup/host-kernel --lines made, `kernel` the Image."""
    texts = {source: (lines / "source" / source).read_text()
             for sources in _PROGRAMS.values() for source in sources}
    known = {source: functions(text) for source, text in texts.items()}
    handler = callees({_HANDLER}, [function for source, of_it in known.items()
                                   if _HYPERVISOR not in source for function in of_it])
    linked = words_of(kernel)
    programs = {name: Program.read(lines / name, sources, linked)
                for name, sources in _PROGRAMS.items()}
    for log in logs:
        boot = Boot(log)
        for program in programs.values():
            program.learn(boot)
    found = []
    for name, sources in _PROGRAMS.items():
        program = programs[name]
        for source in sources:
            text = texts[source].splitlines()
            for function in known[source]:
                if _HYPERVISOR not in source and function.name not in handler:
                    continue
                states = {number: program.is_executed(source, number)
                          for number in range(function.first, function.last + 1)}
                counted = [number for number, state in states.items() if state is not None]
                missed = {number: text[number - 1].strip() for number in counted
                          if not states[number]}
                if counted:
                    figure = Figure(source, function.name, len(counted), len(counted) - len(missed))
                    found.append(Executed(figure, missed))
    return found


def as_json(found: list[Executed]) -> str:
    return json.dumps([{**asdict(one.figure), "missed": one.missed} for one in found], indent=1)


def report(found: list[Executed]) -> str:
    """The functions with lines that were not executed, and the sums."""
    rows = []
    for source in dict.fromkeys(one.figure.source for one in found):
        of_it = [one for one in found if one.figure.source == source]
        rows.append(f"{source}: {sum(one.figure.executed for one in of_it)} of "
                    f"{sum(one.figure.lines for one in of_it)} lines executed")
        for one in of_it:
            if one.missed:
                rows.append(f"  {one.figure.function}: {one.figure.executed} of {one.figure.lines}")
                rows += [f"    {number:5}  {text}" for number, text in one.missed.items()]
    return "\n".join(rows)
