# SPDX-License-Identifier: Apache-2.0
"""What the style rules look at: the files of the source tree, and how a finding is told."""

import dataclasses
import pathlib
import re
import subprocess

CPP = (".h", ".cc")
C_LIKE = (".h", ".cc", ".c")
SHELLS = ("sh", "bash", "dash", "ash")


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int
    message: str


class Skip(Exception):
    """Raised by a rule that cannot run here; the text says why."""


class Tree:
    """Paths relative to the root, with their contents. Tests build one from a dict."""

    def __init__(self, files, root=None):
        self.root = root
        self._files = files

    @classmethod
    def from_git(cls, root):
        """Everything git tracks or would offer to add: ignored files are not looked at."""
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root, check=True, capture_output=True).stdout
        names = sorted(set(listing.decode().split("\0")) - {""})
        root = pathlib.Path(root)
        return cls({name: (root / name).read_bytes() for name in names
                    if (root / name).is_file() and not (root / name).is_symlink()}, root)

    def paths(self, *suffixes):
        return [path for path in self._files if not suffixes or path.endswith(suffixes)]

    def __contains__(self, path):
        return path in self._files

    def data(self, path):
        return self._files[path]

    def is_text(self, path):
        return b"\0" not in self._files[path]

    def text(self, path):
        return self._files[path].decode(errors="replace")

    def lines(self, path):
        """(number, line) pairs, from 1."""
        return list(enumerate(self.text(path).splitlines(), 1))

    def text_paths(self):
        return [path for path in self._files if self.is_text(path)]

    def interpreter(self, path):
        """The program a script names on its #! line, without path and arguments; else ''."""
        first = self.text(path).partition("\n")[0] if self.is_text(path) else ""
        words = first[2:].split() if first.startswith("#!") else []
        if words and words[0].endswith("/env"):
            words = [word for word in words[1:] if not word.startswith("-")]
        return pathlib.PurePosixPath(words[0]).name if words else ""

    def python_paths(self):
        return [path for path in self.text_paths()
                if path.endswith(".py") or self.interpreter(path).startswith("python")]

    def shell_paths(self):
        return [path for path in self.text_paths()
                if path.endswith((".sh", ".bash")) or self.interpreter(path) in SHELLS]


_COMMENT_OR_STRING = re.compile(r'//.*|/\*.*?\*/|"(?:\\.|[^"\\])*"')


def code_of(line):
    """A line of C or C++ without its comments and the insides of its strings."""
    return _COMMENT_OR_STRING.sub(lambda m: '""' if m[0][0] == '"' else "", line)
