# SPDX-License-Identifier: Apache-2.0
"""Kernel options that drop or weaken isolation are set in *debug* fragments only."""

import posixpath
import re

from tree import Finding

# PKVM_DISABLE_STAGE2_ON_PANIC opens guest memory to the host when EL2 panics; NVHE_EL2_DEBUG turns
# EL2 warnings into panics and selects tracing; the others print or walk EL2's tables.
OPTIONS = ("NVHE_EL2_DEBUG", "NVHE_EL2_TRACING", "PKVM_DISABLE_STAGE2_ON_PANIC",
           "PKVM_STACKTRACE", "PTDUMP_STAGE2_DEBUGFS")

_ANY = "|".join(OPTIONS)
_SET = re.compile(rf"(?<!# )\bCONFIG_({_ANY})=[ym]|(?:-e|--enable) ({_ANY})\b")


def check(tree):
    for path in tree.text_paths():
        name = posixpath.basename(path)
        if "debug" in name or name.endswith((".md", ".patch", ".cc")):
            continue
        for number, line in tree.lines(path):
            match = _SET.search(line)
            if match:
                yield Finding(path, number, f"{match[1] or match[2]} belongs in a debug fragment")
