# SPDX-License-Identifier: Apache-2.0
"""Every reinterpret_cast and inline asm has a `// SAFETY:` comment within three lines above."""

import re

from tree import C_LIKE, Finding, code_of

REACH = 3
# What runs inside a guest can harm nothing but the guest.
EXEMPT = "guest/"

_DANGER = re.compile(r"\breinterpret_cast\s*<|\b(?:asm|__asm__)\b\s*(?:volatile|goto|inline|\()")


def is_comment(line):
    return line.lstrip().startswith(("//", "*", "/*"))


def has_safety(lines, index):
    """Looks at the line and REACH lines above it, and at all of a comment that reaches there."""
    top = max(index - REACH, 0)
    while top > 0 and is_comment(lines[top]):
        top -= 1
    return any("// SAFETY:" in line for line in lines[top:index + 1])


def check(tree):
    for path in tree.paths(*C_LIKE):
        if path.startswith(EXEMPT):
            continue
        lines = tree.text(path).splitlines()
        for index, line in enumerate(lines):
            if _DANGER.search(code_of(line)) and not has_safety(lines, index):
                yield Finding(path, index + 1, "no `// SAFETY:` comment says why this is right")
