# SPDX-License-Identifier: Apache-2.0
"""Files that a document names exist; vmm/ARCHITECTURE.md names no other by any spelling."""

import fnmatch
import posixpath
import re

from tree import Finding

ARCHITECTURE = "vmm/ARCHITECTURE.md"
TOP = r"(?:vmm|devices|guest|kernel-patches|configs|setup|tests)"

_ROOTED = re.compile(rf"(?<![\w./<$-]){TOP}/[\w./*{{}},-]*[\w*}}/]")
_BARE = re.compile(r"(?<![\w./-])[\w./*{},-]*\w*\.(?:\{[\w,]+\}|(?:h|cc|S|py|sh|yaml|config)\b)")


def braces(name):
    """a.{h,cc} -> a.h, a.cc"""
    match = re.search(r"\{([^{}]*)\}", name)
    if not match:
        return [name]
    return [whole for part in match[1].split(",")
            for whole in braces(name[:match.start()] + part + name[match.end():])]


def exists(paths, name, folder):
    """True for a file or folder, from the root or from the document's own folder; * matches."""
    name = name.rstrip("/")
    wanted = {name, posixpath.normpath(posixpath.join(folder, name))}
    return any(fnmatch.fnmatch(path, want) or fnmatch.fnmatch(path, want + "/*")
               for path in paths for want in wanted)


def check(tree):
    paths = tree.paths()
    basenames = {posixpath.basename(path) for path in paths}
    for document in tree.paths(".md"):
        folder = posixpath.dirname(document)
        for number, line in tree.lines(document):
            names = set(_ROOTED.findall(line))
            bare = set(_BARE.findall(line)) - names if document == ARCHITECTURE else set()
            for name in sorted(whole for each in names | bare for whole in braces(each)):
                if exists(paths, name, folder):
                    continue
                if "/" not in name and (name in basenames or fnmatch.filter(basenames, name)):
                    continue
                yield Finding(document, number, f"{name} does not exist")
