# SPDX-License-Identifier: Apache-2.0
"""The table of exit codes in README.md is that of vmm/base/exit_status.{h,cc}."""

import re

from tree import Finding

HEADER, SOURCE, README = "vmm/base/exit_status.h", "vmm/base/exit_status.cc", "README.md"

_VALUE = re.compile(r"^\s+(\w+) = (\d+),")
_TEXT = re.compile(r"case ExitStatus::(\w+):\s*return \"([^\"]*)\"")
_ROW = re.compile(r"^\| (\d+) \| (.*) \|$")


def check(tree):
    values = {match[1]: match[2] for _, line in tree.lines(HEADER) if (match := _VALUE.match(line))}
    texts = dict(_TEXT.findall(tree.text(SOURCE)))
    wanted = {values[name]: texts.get(name, "") for name in values}
    told = {match[1]: (number, match[2])
            for number, line in tree.lines(README) if (match := _ROW.match(line))}
    for code, text in wanted.items():
        if code not in told:
            yield Finding(README, 1, f"exit code {code} is missing: {text}")
        elif told[code][1] != text:
            yield Finding(README, told[code][0], f"exit code {code} is: {text}")
    for code, (number, _) in told.items():
        if code not in wanted:
            yield Finding(README, number, f"there is no exit code {code}")
