# SPDX-License-Identifier: Apache-2.0
"""Every header of the product opens with its contract in a comment and guards itself once."""

from tree import Finding


def check(tree):
    for path in tree.paths(".h"):
        if not path.startswith(("vmm/", "devices/")):
            continue
        lines = tree.text(path).splitlines()
        if "#pragma once" not in lines:
            yield Finding(path, 1, "no #pragma once")
            continue
        head = lines[:lines.index("#pragma once")]
        said = [line.lstrip("/* ") for line in head if line.startswith(("//", "/*", " *"))]
        if not any(text for text in said if not text.startswith("SPDX-")):
            yield Finding(path, 2, "no comment above #pragma once says what this header is for")
