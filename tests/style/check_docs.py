# SPDX-License-Identifier: Apache-2.0
"""Every command that a document tells the reader to type is run by a test.

A command is a line that starts with `$ ` in a fenced block. tests/docs/commands.txt lists each as

    COMMAND  <-  FILE

where FILE is the script or test that runs it, and contains its text. Nothing else may be listed.
"""

import re

from tree import Finding

LIST = "tests/docs/commands.txt"

_FENCE = re.compile(r"\s*(```+|~~~+)\s*(\S*)")
_SHELLS = ("sh", "bash", "shell", "zsh")


def squeezed(text):
    return " ".join(text.split())


def commands_of(lines):
    """(line number, command) of each `$ ` line in a fenced block; `\\` at the end continues it."""
    fence = None
    pending = None
    for number, line in lines:
        match = _FENCE.match(line)
        if match and (fence is None or match[1].startswith(fence)):
            fence = match[1] if fence is None else None
            continue
        if fence is None:
            continue
        text = line.strip()
        if pending is not None:
            start, text = pending[0], f"{pending[1]} {text}"
        elif text.startswith("$ "):
            start, text = number, text[2:]
        else:
            continue
        pending = (start, text[:-1]) if text.endswith("\\") else None
        if pending is None:
            yield start, squeezed(text)


def unprompted_shell(lines):
    """Fenced shell blocks would escape the rule: `console` blocks with `$ ` are the form."""
    opened = False
    for number, line in lines:
        match = _FENCE.match(line)
        if match:
            opened = not opened
            if opened and match[2] in _SHELLS:
                yield number


def check(tree):
    listed = {}
    for number, line in tree.lines(LIST) if LIST in tree else []:
        if not line.strip() or line.startswith("#"):
            continue
        command, arrow, runner = (squeezed(part) for part in line.partition("  <-  "))
        listed[command] = number
        if not arrow or runner not in tree or runner.endswith(".md"):
            yield Finding(LIST, number, f"no file '{runner}' that could run '{command}'")
        elif command not in squeezed(tree.text(runner)):
            yield Finding(LIST, number, f"{runner} does not contain '{command}'")

    told = set()
    for path in tree.paths(".md"):
        lines = tree.lines(path)
        for number, command in commands_of(lines):
            told.add(command)
            if command not in listed:
                yield Finding(path, number, f"'{command}' is not in {LIST}: no test runs it")
        for number in unprompted_shell(lines):
            yield Finding(path, number, "write a ```console block, with `$ ` before each command")
    for command, number in listed.items():
        if command not in told:
            yield Finding(LIST, number, f"no document tells '{command}' any more")
