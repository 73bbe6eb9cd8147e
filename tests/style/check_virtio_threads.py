# SPDX-License-Identifier: Apache-2.0
"""A virtio device lives on its loop thread: no mutex and no thread in devices/virtio."""

import re

from tree import CPP, Finding, code_of

_WORDS = re.compile(r"<(?:mutex|shared_mutex|thread|condition_variable)>|\bpthread_\w+"
                    r"|\bstd::(?:\w*mutex|j?thread|lock_guard|unique_lock|scoped_lock"
                    r"|shared_lock|condition_variable\w*)\b")


def check(tree):
    for path in tree.paths(*CPP):
        if not path.startswith("devices/virtio/"):
            continue
        for number, line in tree.lines(path):
            match = _WORDS.search(code_of(line))
            if match:
                yield Finding(path, number, f"{match[0]}: a device lives on its loop thread")
