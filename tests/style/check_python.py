# SPDX-License-Identifier: Apache-2.0
"""Python compiles."""

import warnings

from tree import Finding


def check(tree):
    for path in tree.python_paths():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                compile(tree.text(path), path, "exec")
        except (SyntaxError, ValueError) as error:
            yield Finding(path, getattr(error, "lineno", None) or 1, str(error))
