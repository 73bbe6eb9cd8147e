# SPDX-License-Identifier: Apache-2.0
"""Every text file that can hold a comment says its licence in its first line."""

import re

from tree import Finding

LICENCES = {"Apache-2.0": "LICENSE", "GPL-2.0-only": "LICENSES/GPL-2.0-only.txt"}
# JSON has no comments; a patch is a mail, and the files it touches carry their own lines.
EXEMPT = re.compile(r".*\.(?:json|patch)|LICENSE|LICENSES/.*")

_TAG = re.compile(r"SPDX-License-Identifier: (\S+)")
# Lines that have to come before everything else: an interpreter, zsh's completion header.
_FIRST = re.compile(r"#!|#compdef\b|<\?xml")


def check(tree):
    for path in tree.text_paths():
        lines = tree.text(path).splitlines()
        if not lines or EXEMPT.fullmatch(path):
            continue
        index = 1 if _FIRST.match(lines[0]) and len(lines) > 1 else 0
        match = _TAG.search(lines[index])
        if not match:
            yield Finding(path, index + 1, "no SPDX-License-Identifier in the first line")
        elif match[1] not in LICENCES:
            yield Finding(path, index + 1, f"{match[1]} is none of {', '.join(LICENCES)}")
        elif LICENCES[match[1]] not in tree:
            yield Finding(path, index + 1, f"{LICENCES[match[1]]}, the licence's text, is missing")
