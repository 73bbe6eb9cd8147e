# SPDX-License-Identifier: Apache-2.0
"""What CpioWriter writes, read back by cpio(1) and by hand."""

import io
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from redoubt_board.cpio import CpioWriter, extract


def archive(fill) -> bytes:
    out = io.BytesIO()
    writer = CpioWriter(out)
    fill(writer)
    writer.finish()
    return out.getvalue()


@unittest.skipUnless(shutil.which("cpio"), "no cpio is installed")
class Listing(unittest.TestCase):
    def listing(self, content: bytes) -> dict[str, list[str]]:
        result = subprocess.run(["cpio", "-itv", "--quiet"], input=content, check=True,
                                capture_output=True)
        lines = (line.split() for line in result.stdout.decode().splitlines())
        return {line[-3] if "->" in line else line[-1]: line for line in lines}

    def test_modes_and_owners_do_not_depend_on_who_writes(self):
        names = self.listing(archive(lambda w: w.data("bin/tool", b"x", 0o755)))
        self.assertEqual(names["bin"][0], "drwxr-xr-x")
        self.assertEqual(names["bin/tool"][0], "-rwxr-xr-x")
        self.assertEqual(names["bin/tool"][2:4], ["root", "root"])

    def test_a_device_needs_no_root(self):
        line = self.listing(archive(lambda w: w.device("dev/console", 5, 1)))["dev/console"]
        self.assertEqual(line[0], "crw-------")
        self.assertEqual(line[4:6], ["5,", "1"])

    def test_a_symlink_keeps_its_target(self):
        line = self.listing(archive(lambda w: w.symlink("sbin", "bin")))["sbin"]
        self.assertEqual(line[-1], "bin")

    def test_parents_come_once_and_before_what_they_hold(self):
        def fill(writer):
            writer.data("a/b/one", b"1")
            writer.data("a/b/two", b"2")
        self.assertEqual(list(self.listing(archive(fill))), ["a", "a/b", "a/b/one", "a/b/two"])

    def test_contents_of_every_length_survive(self):
        contents = {f"file{size}": bytes(range(size)) for size in range(9)}

        def fill(writer):
            for name, content in contents.items():
                writer.data(name, content)
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run(["cpio", "-i", "--quiet"], input=archive(fill), cwd=directory,
                           check=True)
            for name, content in contents.items():
                self.assertEqual((Path(directory) / name).read_bytes(), content)


class Extract(unittest.TestCase):
    def setUp(self):
        def fill(writer):
            writer.data("bin/one", b"first")
            writer.data("bin/two", b"second!")
        self.archive = archive(fill)

    def test_a_file_comes_back_as_it_went_in(self):
        self.assertEqual(extract(self.archive, "bin/two"), b"second!")

    def test_a_file_that_is_not_there_is_an_error(self):
        with self.assertRaises(KeyError):
            extract(self.archive, "bin/three")


class Format(unittest.TestCase):
    def test_the_length_is_a_multiple_of_512(self):
        self.assertEqual(len(archive(lambda w: w.data("x", b"abc"))) % 512, 0)

    def test_a_copied_file_keeps_only_whether_it_is_executable(self):
        with tempfile.TemporaryDirectory() as directory:
            source = Path(directory) / "tool"
            source.write_bytes(b"content")
            source.chmod(0o700)
            content = archive(lambda w: w.file("tool", source))
        self.assertIn(b"%08X" % 0o100755, content)
        self.assertIn(b"content", content)


if __name__ == "__main__":
    unittest.main()
