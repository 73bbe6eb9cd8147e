# SPDX-License-Identifier: Apache-2.0
"""A room includes only what is below it. This file is the authority on who may include what."""

import re

from tree import C_LIKE, Finding

# Room: (rooms below it, libraries of its own). vmm/*.{h,cc} itself may include everything.
ROOMS = {
    "vmm/base": ((), ()),
    "vmm/memory": (("vmm/base",), ()),
    "vmm/fdt": (("vmm/base",), ("libfdt",)),
    "vmm/kvm": (("vmm/base",), ()),
    "devices": (("vmm/base", "vmm/memory", "vmm/fdt"), ("liburing",)),
    "vmm/boot": (("vmm/base", "vmm/memory", "vmm/fdt"), ("zlib", "zstd")),
    "vmm/config": (("vmm/base",), ("yaml-cpp", "nlohmann")),
    "vmm/doctor": (("vmm/base", "vmm/memory", "vmm/kvm", "vmm/config", "vmm/boot"),
                   ("nlohmann", "zlib")),
    "vmm/cli": (("vmm/base", "vmm/config"), ("CLI",)),
}
# The plain structs a configuration is made of live beside their device; config may see them, and
# through VmConfig so may its readers. They may include nothing but base and each other.
OPTIONS = re.compile(r"devices/.*_options\.h$")
OPTIONS_READERS = ("vmm/config", "vmm/doctor", "vmm/cli")

# Part of what base offers to every room: messages and results.
COMMON = ("spdlog", "fmt", "tl")

UAPI = "vmm/kvm/uapi.h"
LIBRARIES = ("spdlog", "tl", "libfdt", "zlib", "zstd", "yaml-cpp", "nlohmann", "CLI", "fmt",
             "gtest", "gmock", "benchmark", "liburing")
SYSTEM = re.compile(r"(?:sys|linux|asm|net|netinet|arpa)/[\w/-]+\.h|[a-z_]+\.h|[a-z_]+")

_INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def room_of(path):
    """The room a file lies in; 'vmm' for the files directly in vmm/, None outside the product."""
    for room in ROOMS:
        if path.startswith(room + "/"):
            return room
    return "vmm" if path.startswith("vmm/") else None


def library_of(name):
    head = name.partition("/")[0].removesuffix(".h")
    return head if head in LIBRARIES else None


def _project_fault(tree, path, room, name):
    if name not in tree:
        return f'"{name}" is no file of this tree; include by the full path from the root'
    target = room_of(name)
    if target is None:
        return f'"{name}" is not part of the product'
    if OPTIONS.match(path):
        allowed = target == "vmm/base" or OPTIONS.match(name)
        return None if allowed else f"an options header may not include {name}"
    if room in ("vmm", target) or target in ROOMS[room][0]:
        return None
    if OPTIONS.match(name) and room in OPTIONS_READERS:
        return None
    return f"{room} may not include {name}"


def _outside_fault(path, room, name):
    if name == "linux/kvm.h" and path != UAPI:
        return f"<linux/kvm.h> is included by {UAPI} alone"
    library = library_of(name)
    if library is not None:
        allowed = room == "vmm" or library in COMMON + ROOMS[room][1]
        return None if allowed else f"{room} may not use {library}"
    return None if SYSTEM.fullmatch(name) else f"<{name}> is of no library known here"


def check(tree):
    for path in tree.paths(*C_LIKE):
        room = room_of(path)
        if room is None:
            continue
        for number, line in tree.lines(path):
            match = _INCLUDE.match(line)
            if not match:
                continue
            if match[1] == '"':
                fault = _project_fault(tree, path, room, match[2])
            else:
                fault = _outside_fault(path, room, match[2])
            if fault:
                yield Finding(path, number, fault)
