# SPDX-License-Identifier: Apache-2.0
"""Scripts keep to 100 columns, as C++ does under clang-format."""

from tree import Finding

LIMIT = 100


def check(tree):
    cmake = tree.paths("CMakeLists.txt", ".cmake")
    for path in sorted({*tree.python_paths(), *tree.shell_paths(), *cmake}):
        for number, line in tree.lines(path):
            if len(line) > LIMIT:
                yield Finding(path, number, f"{len(line)} columns; a line has at most {LIMIT}")
