# SPDX-License-Identifier: Apache-2.0
"""Nothing built or downloaded is in the tree: every file is text."""

from tree import Finding


def check(tree):
    for path in tree.paths():
        if not tree.is_text(path):
            yield Finding(path, 1, "is binary: make it when it is needed")
