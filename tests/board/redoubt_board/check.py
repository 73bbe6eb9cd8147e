# SPDX-License-Identifier: Apache-2.0
"""./check: runs the stages, shows how they go, counts."""

import argparse
import sys
import threading
import time

from redoubt_board import junit
from redoubt_board.interrupt import Stopped, stop_on_signals
from redoubt_board.junit import Case, Outcome
from redoubt_board.paths import BUILD
from redoubt_board.stages import STAGES, Log, Stage

_OUT = BUILD / "check"
_HEARTBEAT_SECONDS = 30
_SHOWN_LINES = 30


def main(arguments: list[str]) -> int:
    names = [stage.name for stage in STAGES]
    parser = argparse.ArgumentParser(
        prog="./check", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Sets this machine up, builds everything and runs every test.",
        epilog="Stages:\n" + _list() + "\n\nThe output of each is in build/check/STAGE.log, the "
               "report of all in build/check/results.xml.")
    parser.add_argument("--list", action="store_true", help="list the stages, run nothing")
    parser.add_argument("stage", nargs="*", metavar="STAGE", help="default: all of them")
    options = parser.parse_args(arguments)
    for name in options.stage:
        if name not in names:
            parser.error(f"no stage \"{name}\"; there are: {', '.join(names)}")
    if options.list:
        print(_list())
        return 0
    chosen = [stage for stage in STAGES if not options.stage or stage.name in options.stage]
    cases: list[Case] = []
    begin = time.monotonic()
    try:
        with stop_on_signals():
            for stage in chosen:
                cases += _run(stage)
    except Stopped as stopped:
        print(f"./check: stopped by {stopped}")
        cases.append(Case("check", "runs_to_its_end", Outcome.FAILED, 0.0, "stopped"))
        print(junit.count(cases))
        return stopped.exit_status
    junit.write(_OUT / "results.xml", "check", cases)
    for case in cases:
        if case.outcome is Outcome.FAILED:
            print(f"failed: {case.group}.{case.name}")
    print(f"report: {_OUT / 'results.xml'} ({_duration(time.monotonic() - begin)})")
    counts = junit.count(cases)
    print(counts, flush=True)
    return 1 if counts.failed else 0


def _list() -> str:
    return "\n".join(f"  {stage.name:10} {stage.what}" for stage in STAGES)


def _run(stage: Stage) -> list[Case]:
    print(f"== {stage.name}: {stage.what}", flush=True)
    begin = time.monotonic()
    log = Log(_OUT / f"{stage.name}.log")
    try:
        with _Ticker(log, begin):
            cases = stage.run(log)
        why = "no test ran" if not cases else ""
    except (RuntimeError, OSError, ValueError) as error:
        cases, why = [], str(error)
    if why:
        cases = [*cases, Case(stage.name, "runs", Outcome.FAILED, 0.0, why)]
    counts = junit.count(cases)
    for case in cases:
        if case.outcome is Outcome.FAILED:
            print(f"   FAILED {case.group}.{case.name}")
            for line in case.message.splitlines()[:_SHOWN_LINES]:
                print(f"      | {line}")
    if why:
        print(f"   the end of {log.path}:")
        for line in log.text().splitlines()[-_SHOWN_LINES:]:
            print(f"      | {line}")
    print(f"   {counts} ({_duration(time.monotonic() - begin)})", flush=True)
    return cases


class _Ticker:
    """Shows that a stage moves: on a terminal the last line of its log, else one now and then."""

    def __init__(self, log: Log, begin: float):
        self._log = log
        self._begin = begin
        self._live = sys.stdout.isatty()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *unused: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._live:
            print("\r\033[K", end="", flush=True)

    def _tick(self) -> None:
        while not self._stop.wait(1 if self._live else _HEARTBEAT_SECONDS):
            last = next((line.strip() for line in reversed(self._log.text().splitlines())
                         if line.strip()), "")
            elapsed = _duration(time.monotonic() - self._begin)
            if self._live:
                print(f"\r\033[K   {elapsed}  {last[:64]}", end="", flush=True)
            else:
                print(f"   {elapsed}  {last[:100]}", flush=True)


def _duration(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
