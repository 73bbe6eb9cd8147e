# SPDX-License-Identifier: Apache-2.0
"""The stages of ./check: what each builds, runs and counts."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from redoubt_board import ctest, junit, payload, prepare
from redoubt_board.commands import Log
from redoubt_board.junit import Case, Outcome
from redoubt_board.paths import BOARD, BUILD, ROOT

# The tests handle faults themselves; the sanitizers must leave those signals alone.
_SIGNALS = "handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1"


@dataclass(frozen=True)
class Stage:
    name: str
    what: str
    run: Callable[[Log], list[Case]]
    after: frozenset[str] = frozenset()


def _build_board(log: Log) -> list[Case]:
    log.need("setup/sysroot")
    log.need("setup/board-qemu")
    log.need("setup/host-kernel", "stock")
    log.need("guest/build")
    for command in prepare.program_commands():
        log.need(*command)
    log.need("setup/debian-rootfs")
    prepare.busybox()
    prepare.scratch()
    payload.collect()
    return [Case("build", "arm64", Outcome.PASSED)]


def _python(log: Log) -> list[Case]:
    report = log.path.with_suffix(".xml")
    return _reported(log, None, report, sys.executable, BOARD / "python-tests", report)


def _style(log: Log) -> list[Case]:
    report = log.path.with_suffix(".xml")
    return _reported(log, None, report, "tests/style/run", "--xml", report)


def _native(log: Log) -> list[Case]:
    """What the README says to type on an arm64 Debian builds and tests on any machine."""
    report = log.path.with_suffix(".xml")
    cases = _reported(log, None, report, "tests/docs/run", "--junit", report)
    tests = ctest.cases("native", log.text())
    return cases + (tests or [Case("native", "runs", Outcome.FAILED, 0.0, "ctest ran no test")])


def _unit(name: str, sanitize: str, wrapper: tuple[str, ...] = (),
          more_environment: dict[str, str] | None = None) -> Callable[[Log], list[Case]]:
    """The unit tests built for this machine with sanitizers, by clang, which takes less time for it
    than gcc and warns of other things."""
    def run(log: Log) -> list[Case]:
        build = BUILD / name
        log.need("cmake", "-S", ROOT, "-B", build, "-G", "Ninja",
                 "-DCMAKE_CXX_COMPILER=clang++", f"-DREDOUBT_SANITIZE={sanitize}")
        log.need("cmake", "--build", build, "--target", "redoubt-unit-tests")
        report = log.path.with_suffix(".xml")
        return _reported(log, name, report, *wrapper, build / "redoubt-unit-tests",
                         "--gtest_color=no", f"--gtest_output=xml:{report}", environment={
                             "ASAN_OPTIONS": _SIGNALS,
                             "TSAN_OPTIONS": f"{_SIGNALS}:halt_on_error=1",
                             "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
                             **(more_environment or {})})
    return run


def _differential(log: Log) -> list[Case]:
    """Compares with QEMU what the devices, as they were built with sanitizers, tell."""
    build = BUILD / "asan"
    log.need("cmake", "--build", build, "--target", "hostile")
    report = log.path.with_suffix(".xml")
    return _reported(log, None, report, "tests/differential/run", "--tool", build / "hostile",
                     "--junit", report)


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


def _board(name: str, *arguments: str, kernel: str = "stock", cpu: str = "cortex-a72"
           ) -> Callable[[Log], list[Case]]:
    """A run on a board of its own, reported as `KERNEL-CPU` with all others on such a board."""
    def run(log: Log) -> list[Case]:
        report = BUILD / "board" / f"{kernel}-{cpu}-{name}" / "results.xml"
        return _reported(log, f"board-{kernel}-{cpu}", report, "tests/board/run", "--no-build",
                         "--kernel", kernel, "--cpu", cpu, "--name", name, *arguments)
    return run


def _patched(log: Log) -> list[Case]:
    """A kernel takes as long to build as all the rest, so it is not begun here."""
    match log.run("setup/host-kernel", "--if-built", "patched"):
        case 0:
            report = BUILD / "board" / "patched-cortex-a72-lines" / "results.xml"
            return _reported(log, "board-patched-cortex-a72", report, "tests/board/lines",
                             "--no-build", "--cpu", "cortex-a72", "--at-least", "90", "contract",
                             "donate", "faults", "isolation", "zones")
        case 3:
            return [Case("patched", "runs", Outcome.SKIPPED, 0.0,
                         "no patched host kernel here: setup/host-kernel patched builds it")]
        case status:
            return [Case("patched", "runs", Outcome.FAILED, 0.0,
                         f"setup/host-kernel --if-built ended with status {status}")]


def _secret_scan(log: Log) -> list[Case]:
    """Each way to die once; the command has more without an option."""
    report = BUILD / "board" / "stock-cortex-a72-secret-scan" / "results.xml"
    return _reported(log, None, report, "tests/board/secret-scan", "--no-build", "--lifecycles=5")


def _bench(log: Log) -> list[Case]:
    """That the benchmarks run; no figure decides."""
    cases = []
    for command in ("tests/bench/run boot", "tests/bench/run virtio"):
        status = log.run(*command.split(), "--smoke")
        outcome = Outcome.FAILED if status else Outcome.PASSED
        message = "\n".join(log.text().splitlines()[-20:]) if status else ""
        cases.append(Case("bench", command.split()[-1], outcome, 0.0, message))
    return cases


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


def _remote(log: Log) -> list[Case]:
    """The bundle, taken to a board by ssh."""
    log.need("setup/ssh-server")
    report = log.path.with_suffix(".xml")
    return _reported(log, None, report, sys.executable, BOARD / "remote-test", report)


_BUILT = frozenset({"build"})

# Atomic instructions, memory order, faults and their signal handler: what another CPU may do
# otherwise. All else has run on the first board, as have two long tests of a table's size and of
# where the host's free memory lies.
_OF_THE_PROCESSOR = ("*Contract*:Faults*:*SafeAccess*:GuestMemory*:Virtqueue*:Revocation*:"
                     "ThreadsTest*-*.vm_beyond_the_255th_of_the_host_is_enomem:"
                     "*.page_in_cma_is_migrated_first")

# In the order they start. What takes long is early, so that no lane ends much before the others.
STAGES = (
    Stage("style", "the rules of the house", _style),
    Stage("build", "arm64 programs, guest, board", _build_board),
    Stage("python", "the runner's own tests", _python),
    Stage("boot-1", "suite boot on the emulated board, first half",
          _board("boot-1", "--shard=1/2", "boot"), _BUILT),
    Stage("boot-2", "suite boot on another one, second half",
          _board("boot-2", "--shard=2/2", "boot"), _BUILT),
    Stage("virtio-1", "suite virtio on the emulated board, first half",
          _board("virtio-1", "--shard=1/2", "virtio"), _BUILT),
    Stage("virtio-2", "suite virtio on another one, second half",
          _board("virtio-2", "--shard=2/2", "virtio"), _BUILT),
    Stage("hostile", "suite hostile on a board of its own", _board("hostile", "hostile"), _BUILT),
    Stage("board", "unit, contract and donate on the emulated board",
          _board("board", "unit", "contract", "donate"), _BUILT),
    Stage("faults", "faults, isolation and lifecycle on a board of their own, zones on another",
          _board("faults", "faults", "isolation", "lifecycle", "zones"), _BUILT),
    Stage("secrets", "the board's memory, scanned from outside for guests' secrets",
          _secret_scan, _BUILT),
    Stage("patched", "what the series changes, and how much of EL2 the suites reach, where the "
          "patched host kernel has been built", _patched, _BUILT),
    Stage("bench", "the benchmarks, one short round", _bench, _BUILT),
    Stage("board-max", "contract, faults and what leans on the processor, on the CPU max",
          _board("board", "--filter", _OF_THE_PROCESSOR, "unit", "contract", "faults", cpu="max"),
          _BUILT),
    Stage("native", "the README's build commands in a copy of the tree: unit tests here", _native),
    Stage("asan", "unit tests under ASan and UBSan", _unit("asan", "address,undefined")),
    # The thread sanitizer of Debian 12 cannot map its shadow on kernels that randomize widely.
    Stage("tsan", "unit tests under TSan",
          _unit("tsan", "thread", ("setarch", os.uname().machine, "-R"),
                {"REDOUBT_FEWER_ROUNDS": "1"})),
    Stage("differential", "hostile programs against QEMU's devices and ours", _differential,
          frozenset({"asan"})),
    Stage("remote", "the bundle by ssh, on an emulated board with an ssh server", _remote, _BUILT),
    Stage("demo", "the demo and its shell", _demo, _BUILT),
    Stage("bundle", "the bundle, unpacked on the board",
          _board("bundle", "--bundle", "contract"), _BUILT),
)
