# SPDX-License-Identifier: Apache-2.0
"""./check: runs the stages side by side, shows how they go, counts."""

import argparse
import os
import sys
import time
from dataclasses import dataclass, field

from redoubt_board import junit, lanes
from redoubt_board.commands import Commands, Interrupted, Log
from redoubt_board.interrupt import Stopped, stop_on_signals
from redoubt_board.junit import Case, Outcome
from redoubt_board.paths import BUILD
from redoubt_board.stages import STAGES, Stage

_OUT = BUILD / "check"
_HEARTBEAT_SECONDS = 30
_SHOWN_LINES = 30


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    if options.list:
        print(_list())
        return 0
    chosen = [stage for stage in STAGES if not options.stage or stage.name in options.stage]
    check = Check(Display(sys.stdout.isatty()))
    try:
        with stop_on_signals():
            check.run(chosen, options.lanes)
    except Stopped as stopped:
        check.display.say(f"./check: stopped by {stopped}")
        check.cases.append(Case("check", "runs_to_its_end", Outcome.FAILED, 0.0, "stopped"))
        print(junit.count(check.cases), flush=True)
        return stopped.exit_status
    junit.write(_OUT / "results.xml", "check", check.cases)
    for case in check.cases:
        if case.outcome is Outcome.FAILED:
            print(f"failed: {case.group}.{case.name}")
    print(f"report: {_OUT / 'results.xml'} ({duration(time.monotonic() - check.begin)})")
    counts = junit.count(check.cases)
    print(counts, flush=True)
    return 1 if counts.failed else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    names = [stage.name for stage in STAGES]
    parser = argparse.ArgumentParser(
        prog="./check", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Sets this machine up, builds everything and runs every test.",
        epilog="Stages:\n" + _list() + "\n\nThe output of each is in build/check/STAGE.log, the "
               "report of all in build/check/results.xml.")
    parser.add_argument("--list", action="store_true", help="list the stages, run nothing")
    parser.add_argument("--lanes", type=int, metavar="N", default=lanes.count(),
                        help="run so many stages side by side (default here: %(default)s)")
    parser.add_argument("stage", nargs="*", metavar="STAGE", help="default: all of them")
    options = parser.parse_args(arguments)
    if options.lanes < 1:
        parser.error("at least one lane is needed")
    for name in options.stage:
        if name not in names:
            parser.error(f"no stage \"{name}\"; there are: {', '.join(names)}")
    return options


def _list() -> str:
    return "\n".join(f"  {stage.name:10} {stage.what}" for stage in STAGES)


class Display:
    """What a person sees. Only the main thread speaks, in whole lines: stages never mix."""

    def __init__(self, live: bool):
        self._live = live
        self._next = time.monotonic() + _HEARTBEAT_SECONDS

    def say(self, text: str) -> None:
        print(("\r\033[K" if self._live else "") + text, flush=True)

    def moving(self, running: list[tuple[str, float, str]]) -> None:
        """Name, seconds and last line of each running stage: on a terminal one line that moves,
        else a line for each now and then."""
        if self._live:
            width = os.get_terminal_size().columns
            each = max(10, (width - 1) // max(1, len(running)) - 3)
            shown = [f"{name} {duration(seconds)} {last}"[:each] for name, seconds, last in running]
            print("\r\033[K" + " | ".join(shown)[:width - 1], end="", flush=True)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + _HEARTBEAT_SECONDS
            for name, seconds, last in running:
                print(f"   {name:10} {duration(seconds)}  {last[:100]}")
            sys.stdout.flush()


@dataclass
class Check:
    """One run of the stages."""

    display: Display
    cases: list[Case] = field(default_factory=list)
    begin: float = field(default_factory=time.monotonic)
    logs: dict[str, Log] = field(default_factory=dict)

    def run(self, stages: list[Stage], lane_count: int) -> None:
        commands = Commands()
        self.logs = {stage.name: Log(_OUT / f"{stage.name}.log", commands) for stage in stages}
        for event in lanes.run(stages, lane_count, self._work, _all_good, commands.stop):
            match event:
                case lanes.Begin(stage):
                    self.display.say(f"== {stage.name}: {stage.what}")
                case lanes.End(stage, cases, seconds):
                    self._ended(stage, cases, seconds)
                case lanes.Skip(stage, because):
                    self._ended(stage, [_failed(stage, f"not run: {because} failed")], 0)
                case lanes.Tick(running):
                    self.display.moving([(stage.name, seconds, self.logs[stage.name].last_line())
                                         for stage, seconds in running])

    def _work(self, stage: Stage) -> list[Case]:
        """On a thread of its own. Whatever goes wrong with a stage is a failed test of it."""
        try:
            cases = stage.run(self.logs[stage.name])
            return cases or [_failed(stage, "no test ran")]
        except Interrupted:
            return [_failed(stage, "stopped")]
        except Exception as error:  # noqa: BLE001
            return [_failed(stage, f"{type(error).__name__}: {error}")]

    def _ended(self, stage: Stage, cases: list[Case], seconds: float) -> None:
        self.cases += cases
        lines = []
        for case in cases:
            if case.outcome is Outcome.FAILED:
                lines.append(f"   FAILED {case.group}.{case.name}")
                lines += [f"      | {line}" for line in case.message.splitlines()[:_SHOWN_LINES]]
            elif case.outcome is Outcome.SKIPPED and case.name == "runs":
                lines.append(f"   skipped: {case.message}")
        if any(case.group == stage.name and case.name == "runs" and
               case.outcome is Outcome.FAILED for case in cases):
            log = self.logs[stage.name]
            lines.append(f"   the end of {log.path}:")
            lines += [f"      | {line}" for line in log.text().splitlines()[-_SHOWN_LINES:]]
        counts = junit.count(cases)
        self.display.say("\n".join([*lines, f"   {stage.name}: {counts} ({duration(seconds)})"]))


def _all_good(cases: list[Case]) -> bool:
    return not any(case.outcome is Outcome.FAILED for case in cases)


def _failed(stage: Stage, why: str) -> Case:
    return Case(stage.name, "runs", Outcome.FAILED, 0.0, why)


def duration(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
