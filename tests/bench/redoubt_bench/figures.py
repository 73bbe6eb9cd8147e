# SPDX-License-Identifier: Apache-2.0
"""The figures, what they should reach, and how they are shown."""

from dataclasses import asdict, dataclass

UNPROTECTED_TO_PEER = 0.16
PROTECTED_TO_UNPROTECTED = 1.5
INSTRUCTIONS_TO_FIRST_RUN = 8_000_000
RESIDENT_KIB = 4096
BINARY_BYTES = 4 << 20


@dataclass(frozen=True)
class Figure:
    """One line of the table. No target: told for comparison. `at_least`: more is better."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False

    @property
    def reached(self):
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


def _number(value, unit):
    if unit == "ratio":
        return f"{value:.3f}"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"


def table(figures):
    rows = [("figure", "value", "unit", "target", "")]
    for figure in figures:
        sign = "≥ " if figure.at_least else "≤ "
        limit = "" if figure.target is None else sign + _number(figure.target, figure.unit)
        verdict = {None: "", True: "reached", False: "MISSED"}[figure.reached]
        rows.append((figure.name, _number(figure.value, figure.unit), figure.unit, limit, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  "
        f"{row[3]:>{widths[3]}}  {row[4]}".rstrip() for row in rows)


def as_json(figures):
    return [{**asdict(figure), "reached": figure.reached} for figure in figures]
