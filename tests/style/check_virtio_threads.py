# SPDX-License-Identifier: Apache-2.0
"""A virtio device lives on its loop thread: mutexes only in its transport, threads nowhere."""

import re

from tree import CPP, Finding, code_of

# Between registers on vCPU threads and devices on the loop thread; its header says which lock is
# for what.
TRANSPORT = "devices/virtio/mmio_transport"

_MUTEX = re.compile(r"<(?:mutex|shared_mutex)>|\bpthread_(?:mutex|rwlock|spin)\w+"
                    r"|\bstd::(?:\w*mutex|lock_guard|unique_lock|scoped_lock|shared_lock)\b")
_THREAD = re.compile(r"<(?:thread|condition_variable)>|\bpthread_(?!mutex|rwlock|spin)\w+"
                     r"|\bstd::(?:j?thread|condition_variable\w*)\b")


def check(tree):
    for path in tree.paths(*CPP):
        if not path.startswith("devices/virtio/"):
            continue
        for number, line in tree.lines(path):
            code = code_of(line)
            match = _THREAD.search(code)
            if not match and not path.startswith(TRANSPORT):
                match = _MUTEX.search(code)
            if match:
                yield Finding(path, number, f"{match[0]}: a device lives on its loop thread")
