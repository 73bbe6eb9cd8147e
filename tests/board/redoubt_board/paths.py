# SPDX-License-Identifier: Apache-2.0
"""Where things are, relative to the top of the source tree."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BOARD = ROOT / "tests" / "board"
BUILD = ROOT / "build"
OUT = BUILD / "board"
