# SPDX-License-Identifier: Apache-2.0
"""The stages of ./check: what each builds, runs and counts."""

import os
import subprocess
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from redoubt_board import junit, prepare
from redoubt_board.junit import Case, Outcome
from redoubt_board.paths import BOARD, BUILD, ROOT

# The tests handle faults themselves; the sanitizers must leave those signals alone.
_SIGNALS = "handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1"


class Log:
    """Where the output of a stage's commands goes."""

    def __init__(self, path: Path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")

    def run(self, *command: str | Path, environment: dict[str, str] | None = None) -> int:
        """The exit status. The command is gone when this returns, also by an exception."""
        with self.path.open("ab") as output:
            process = subprocess.Popen([str(word) for word in command], cwd=ROOT,
                                       stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT,
                                       env={**os.environ, **(environment or {})})
            try:
                return process.wait()
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()

    def need(self, *command: str | Path) -> None:
        """For what later work stands on."""
        if status := self.run(*command):
            words = " ".join(str(word) for word in command)
            raise RuntimeError(f"{words}: exit status {status}")

    def text(self) -> str:
        return self.path.read_text(errors="replace")


@dataclass(frozen=True)
class Stage:
    name: str
    what: str
    run: Callable[[Log], list[Case]]


def _build_board(log: Log) -> list[Case]:
    log.need("setup/sysroot")
    log.need("setup/host-kernel", "stock")
    log.need("guest/build")
    for command in prepare.program_commands():
        log.need(*command)
    return [Case("build", "arm64", Outcome.PASSED)]


def _python(log: Log) -> list[Case]:
    cases = []
    for folder, pattern in ((BOARD / "unit", "*_test.py"), (ROOT / "tests" / "bench", "test_*.py")):
        loader = unittest.TestLoader()
        tests = loader.discover(str(folder), pattern, str(folder))
        result = _PythonResult(f"python.{folder.relative_to(ROOT / 'tests')}".replace("/", "-"))
        tests.run(result)
        cases += result.cases
        log.path.write_text(log.text() + "".join(f"{c.group} {c.name}: {c.outcome.value}\n"
                                                 f"{c.message}" for c in result.cases))
    return cases


class _PythonResult(unittest.TestResult):
    def __init__(self, group: str):
        super().__init__()
        self._group = group
        self.cases: list[Case] = []

    def _add(self, test: unittest.TestCase, outcome: Outcome, message: str = "") -> None:
        name = ".".join(test.id().split(".")[-2:])
        self.cases.append(Case(self._group, name, outcome, 0.0, message))

    def addSuccess(self, test: unittest.TestCase) -> None:
        self._add(test, Outcome.PASSED)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self._add(test, Outcome.SKIPPED, reason)

    def addFailure(self, test: unittest.TestCase, err: object) -> None:
        super().addFailure(test, err)  # type: ignore[arg-type]
        self._add(test, Outcome.FAILED, self.failures[-1][1])

    def addError(self, test: unittest.TestCase, err: object) -> None:
        super().addError(test, err)  # type: ignore[arg-type]
        self._add(test, Outcome.FAILED, self.errors[-1][1])


def _style(log: Log) -> list[Case]:
    report = log.path.with_suffix(".xml")
    return _reported(log, None, report, "tests/style/run", "--xml", report)


def _docs(log: Log) -> list[Case]:
    report = log.path.with_suffix(".xml")
    return _reported(log, None, report, "tests/docs/run", "--junit", report)


def _unit(name: str, sanitize: str, wrapper: tuple[str, ...] = ()) -> Callable[[Log], list[Case]]:
    """The unit tests built for this machine, with or without sanitizers."""
    def run(log: Log) -> list[Case]:
        build = BUILD / name
        log.need("cmake", "-S", ROOT, "-B", build, "-G", "Ninja", f"-DREDOUBT_SANITIZE={sanitize}")
        log.need("cmake", "--build", build, "--target", "redoubt-unit-tests")
        report = log.path.with_suffix(".xml")
        return _reported(log, name, report, *wrapper, build / "redoubt-unit-tests",
                         "--gtest_color=no", f"--gtest_output=xml:{report}", environment={
                             "ASAN_OPTIONS": _SIGNALS,
                             "TSAN_OPTIONS": f"{_SIGNALS}:halt_on_error=1",
                             "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"})
    return run


def _reported(log: Log, suite: str | None, report: Path, *command: str | Path,
              environment: dict[str, str] | None = None) -> list[Case]:
    """Runs what writes a report of its own. A status that the report does not explain counts."""
    report.unlink(missing_ok=True)
    status = log.run(*command, environment=environment)
    cases = junit.parse(report.read_bytes(), suite) if report.exists() else []
    if status and not any(case.outcome is Outcome.FAILED for case in cases):
        end = "\n".join(log.text().splitlines()[-30:])
        cases.append(Case(suite or log.path.stem, "ends_by_itself", Outcome.FAILED, 0.0,
                          f"exit status {status}\n{end}"))
    return cases


def _board(cpu: str, *arguments: str) -> Callable[[Log], list[Case]]:
    def run(log: Log) -> list[Case]:
        directory = f"stock-{cpu}" + ("-bundle" if "--bundle" in arguments else "")
        report = BUILD / "board" / directory / "results.xml"
        return _reported(log, f"board-{directory}", report, "tests/board/run", "--no-build",
                         "--cpu", cpu, *arguments)
    return run


def _bench(log: Log) -> list[Case]:
    """That the benchmark runs; its figures are of use on a quiet machine only."""
    status = log.run(*"tests/bench/run boot --smoke".split())
    outcome = Outcome.FAILED if status else Outcome.PASSED
    message = "\n".join(log.text().splitlines()[-20:]) if status else ""
    return [Case("bench", "boot", outcome, 0.0, message)]


def _demo(log: Log) -> list[Case]:
    """What a user does: the demo, and its shell."""
    cases = []
    for name, command in (("demo", ("./demo", "--emulated")),
                          ("shell", ("python3", BOARD / "demo-shell-test"))):
        status = log.run(*command)
        last = (log.text().splitlines() or [""])[-1]
        good = status == 0 and last == "demo: ok"
        message = f"exit status {status}, last line: {last}"
        cases.append(Case("demo", name, Outcome.PASSED if good else Outcome.FAILED, 0.0,
                          "" if good else message))
    return cases


STAGES = (
    Stage("style", "the rules of the house", _style),
    Stage("python", "the runner's own tests", _python),
    Stage("native", "unit tests on this machine", _unit("native", "")),
    Stage("asan", "unit tests under ASan and UBSan", _unit("asan", "address,undefined")),
    # With gcc 12 the thread sanitizer cannot map its shadow on kernels that randomize widely.
    Stage("tsan", "unit tests under TSan",
          _unit("tsan", "thread", ("setarch", os.uname().machine, "-R"))),
    Stage("build", "arm64 programs, guest, board", _build_board),
    Stage("board", "all suites on the emulated board", _board("cortex-a72")),
    Stage("board-max", "unit and contract on the CPU max", _board("max", "unit", "contract")),
    Stage("bundle", "the bundle, unpacked on the board",
          _board("cortex-a72", "--bundle", "contract")),
    Stage("docs", "the README's build commands, in a copy of the tree", _docs),
    Stage("bench", "the benchmark, one round", _bench),
    Stage("demo", "the demo and its shell", _demo),
)
