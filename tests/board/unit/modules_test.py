# SPDX-License-Identifier: Apache-2.0
"""The modules of the board: all that is needed, in the order to load them."""

import lzma
import tempfile
import unittest
from pathlib import Path

from redoubt_board import modules


class ModulesTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.kernel = Path(temporary.name)
        self.tree = self.kernel / "lib" / "modules" / "7.2"
        self.tree.mkdir(parents=True)

    def module(self, path: str, needs: str = "") -> None:
        file = self.tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        content = file.name.encode()
        file.write_bytes(lzma.compress(content) if path.endswith(".xz") else content)
        with (self.tree / "modules.dep").open("a") as dep:
            dep.write(f"{path}: {needs}\n")

    def names(self, *wanted: str) -> list[str]:
        return [name for name, _ in modules.collect(self.kernel, wanted)]

    def test_what_a_module_needs_is_loaded_before_it(self):
        self.module("kernel/vhost_net.ko", "kernel/tun.ko kernel/vhost.ko kernel/iotlb.ko")
        self.module("kernel/vhost.ko", "kernel/iotlb.ko")
        self.module("kernel/iotlb.ko")
        self.module("kernel/tun.ko")
        self.assertEqual(self.names("vhost_net"), ["iotlb", "vhost", "tun", "vhost_net"])

    def test_no_module_comes_twice(self):
        self.module("a.ko", "b.ko")
        self.module("b.ko")
        self.assertEqual(self.names("b", "a"), ["b", "a"])

    def test_contents_are_unpacked(self):
        self.module("a.ko.xz")
        self.assertEqual(modules.collect(self.kernel, ("a",)), [("a", b"a.ko.xz")])

    def test_hyphens_are_underscores_in_names(self):
        self.module("virtio-thing.ko")
        self.assertEqual(self.names("virtio_thing"), ["virtio_thing"])

    def test_a_module_that_is_built_in_is_left_out(self):
        self.module("a.ko")
        self.assertEqual(self.names("a", "builtin"), ["a"])

    def test_a_kernel_without_modules_has_none(self):
        self.assertEqual(modules.collect(self.kernel / "none"), [])


if __name__ == "__main__":
    unittest.main()
