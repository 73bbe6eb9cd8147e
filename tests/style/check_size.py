# SPDX-License-Identifier: Apache-2.0
"""A source file is about one thing: at most 400 lines."""

from tree import C_LIKE, Finding

LIMIT = 400


def check(tree):
    for path in sorted({*tree.paths(*C_LIKE, ".S"), *tree.python_paths(), *tree.shell_paths()}):
        count = len(tree.lines(path))
        if count > LIMIT:
            yield Finding(path, LIMIT + 1, f"{count} lines; a file has at most {LIMIT}")
