# SPDX-License-Identifier: Apache-2.0
"""Where things are, relative to the top of the source tree."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BOARD = ROOT / "tests" / "board"
BUILD = ROOT / "build"
OUT = BUILD / "board"


def partial_of(path: Path) -> Path:
    """What a file is called until it is complete; another name in every process."""
    return path.with_name(f"{path.name}.{os.getpid()}.partial")
