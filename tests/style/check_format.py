# SPDX-License-Identifier: Apache-2.0
"""C and C++ are formatted as .clang-format says."""

import re
import shutil
import subprocess

from tree import C_LIKE, Finding, Skip

# Versions format differently; this one is on Debian 12, and packaged as clang-format-14 elsewhere.
VERSION = 14

_WARNING = re.compile(r"(?m)^(.+?):(\d+):\d+: (?:error|warning): .*\[-Wclang-format-violations\]")


def find_program():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        program = shutil.which(name)
        if program is None:
            continue
        text = subprocess.run([program, "--version"], check=True, capture_output=True,
                              text=True).stdout
        if re.search(rf"version {VERSION}\.", text):
            return program
    raise Skip(f"no clang-format {VERSION} is installed")


def check(tree):
    program = find_program()
    paths = tree.paths(*C_LIKE)
    if not paths:
        return
    result = subprocess.run([program, "--dry-run", *paths], cwd=tree.root, check=True,
                            capture_output=True, text=True)
    first = {}
    for path, line in _WARNING.findall(result.stderr):
        first.setdefault(path, int(line))
    for path, line in first.items():
        yield Finding(path, line, f"not formatted: run `clang-format -i {path}`")
