# SPDX-License-Identifier: Apache-2.0
"""No registry, mirror or server is named: where things come from is the machine's choice."""

import re

from tree import C_LIKE, Finding

# Names that identify something and are never fetched from, and documents that are cited.
ALLOWED = re.compile(
    r"(?:.*\.)?example(?:\.(?:com|org|net))?|localhost|127\.\d+\.\d+\.\d+|json-schema\.org|"
    r"www\.(?:apache|gnu)\.org|docs\.kernel\.org|docs\.oasis-open\.org|developer\.arm\.com")
# A patch is a mail with its own addresses; a licence is somebody else's text.
EXEMPT = re.compile(r".*\.patch|LICENSE|LICENSES/.*")

_URL = re.compile(r"\b(?:https?|ftp|git|ssh|rsync)://([\w.-]+)")
_TOP_LEVEL = r"(?:org|com|net|io|dev|cloud)"
_BARE = re.compile(rf"(?<![\w.@/-])((?:[a-z0-9-]+\.)+{_TOP_LEVEL})(?![\w(-])(?!\.\w)", re.I)
# In code `a.net` is a member; only names of three parts look like a host there.
_BARE_IN_CODE = re.compile(rf"(?<![\w.@/-])((?:[a-z0-9-]+\.){{2,}}(?:org|com))(?![\w(-])", re.I)


def check(tree):
    for path in tree.text_paths():
        if EXEMPT.fullmatch(path):
            continue
        code = path.endswith(C_LIKE) or path in tree.python_paths()
        bare = _BARE_IN_CODE if code else _BARE
        for number, line in tree.lines(path):
            hosts = {*_URL.findall(line), *bare.findall(line)}
            for host in sorted(host for host in hosts if not ALLOWED.fullmatch(host.rstrip("."))):
                yield Finding(path, number, f"names the host {host}")
