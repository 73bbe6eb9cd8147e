# SPDX-License-Identifier: Apache-2.0
"""The bundle: what is needed on an arm64 host to run the suites and the demo there.

Names in it are those of the source tree, so that configurations find their kernels by the same
relative paths in a checkout, on the emulated board and in an unpacked bundle.
"""

import os
import shutil
import subprocess
from pathlib import Path

from redoubt_board.paths import BOARD, OUT, ROOT, partial_of

_PROGRAMS = ("redoubt", "redoubt-unit-tests", "redoubt-board-suite", "redoubt-board-report")
_SCRIPTS = ("run-suites", "suites.txt", "host-reports.sh", "host-state.sh", "soak-on-host.sh",
            "debian-on-host.sh", "debian-exec", "demo-on-host.sh", "lava-results")


def collect(programs: tuple[str, ...] = _PROGRAMS) -> dict[str, Path]:
    """Name in the bundle to file of this machine."""
    files = {name: BOARD / name for name in _SCRIPTS}
    for name in programs:
        files[f"build/arm64/{name}"] = _stripped(ROOT / "build" / "arm64" / name)
    for tree in ("configs", "build/guest"):
        for path in sorted((ROOT / tree).rglob("*")):
            if path.is_file():
                files[str(path.relative_to(ROOT))] = path
    return files


def _stripped(program: Path) -> Path:
    """A copy without symbols, remade when the program is newer: a tenth of the size."""
    copy = OUT / "stripped" / program.name
    if not copy.exists() or copy.stat().st_mtime <= program.stat().st_mtime:
        copy.parent.mkdir(parents=True, exist_ok=True)
        strip = "strip" if os.uname().machine == "aarch64" else "aarch64-linux-gnu-strip"
        partial = partial_of(copy)
        if shutil.which(strip):
            subprocess.run([strip, "-o", str(partial), str(program)], check=True)
        else:
            shutil.copy2(program, partial)
        os.utime(partial)
        partial.replace(copy)
    return copy
