# SPDX-License-Identifier: Apache-2.0
"""The suites of the board, as suites.txt lists them."""

from dataclasses import dataclass
from pathlib import Path

from redoubt_board.paths import BOARD


@dataclass(frozen=True)
class Hardware:
    """What a suite wants of the emulated board."""

    cpus: int
    zones: bool = False  # two memory nodes, each with a ZONE_MOVABLE


@dataclass(frozen=True)
class Suite:
    name: str
    hardware: Hardware
    quiet_seconds: int
    program: str
    needs_debian: bool = False


def load(path: Path = BOARD / "suites.txt") -> list[Suite]:
    suites = []
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, cpus, quiet, program, _filter, needs, memory = line.split()
            hardware = Hardware(int(cpus), memory == "zones")
            suites.append(Suite(name, hardware, int(quiet), program, needs == "debian"))
    return suites
