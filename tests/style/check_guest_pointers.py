# SPDX-License-Identifier: Apache-2.0
"""Pointers into guest memory stay in vmm/memory; memslots and vhost name them to the kernel."""

import fnmatch
import re

from tree import C_LIKE, Finding, code_of

HOLDERS = ("vmm/memory/*", "tests/unit/memory/*", "vmm/machine*.cc",
           "devices/vhost/vhost_memory.cc")

_NAME = re.compile(r"\bhost_address\b")


def check(tree):
    for path in tree.paths(*C_LIKE):
        if any(fnmatch.fnmatch(path, holder) for holder in HOLDERS):
            continue
        for number, line in tree.lines(path):
            if _NAME.search(code_of(line)):
                yield Finding(path, number, "host_address is for " + ", ".join(HOLDERS))
