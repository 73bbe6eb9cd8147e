# SPDX-License-Identifier: Apache-2.0
"""The kernel modules that the emulated board loads before it does anything."""

import lzma
from pathlib import Path

# Its disks and its swap space; then what devices of guests are made of; then what the tests of
# hypercalls need.
WANTED = ("virtio_blk", "loop", "zram", "tun", "vhost_net", "vhost_vsock", "vsock_loopback",
          "pkvm_hypercall")


def collect(kernel: Path, wanted: tuple[str, ...] = WANTED) -> list[tuple[str, bytes]]:
    """Names and contents of those modules and of what they need, in the order to load them.

    `kernel` is a directory as setup/host-kernel makes it. A module that it does not have is built
    into that kernel, or missed by the suite that needs it.
    """
    trees = sorted((kernel / "lib" / "modules").glob("*/modules.dep"))
    if not trees:
        return []
    tree = trees[-1].parent
    needs = dict(_dependencies(tree / "modules.dep"))
    by_name = {_name(path): path for path in needs}
    order: list[str] = []
    for name in wanted:
        if name in by_name:
            _add(by_name[name], needs, order)
    return [(_name(path), _read(tree / path)) for path in order]


def _add(path: str, needs: dict[str, list[str]], order: list[str]) -> None:
    # modules.dep lists everything a module needs, the most basic last.
    for needed in [*reversed(needs[path]), path]:
        if needed not in order:
            order.append(needed)


def _dependencies(dep_file: Path) -> list[tuple[str, list[str]]]:
    lines = [line.partition(":") for line in dep_file.read_text().splitlines() if ":" in line]
    return [(path, needed.split()) for path, _, needed in lines]


def _name(path: str) -> str:
    return Path(path).name.partition(".")[0].replace("-", "_")


def _read(path: Path) -> bytes:
    """Unpacked, because a module may be loaded before anything that could unpack it."""
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content
