# SPDX-License-Identifier: Apache-2.0
"""Shell scripts are clean under shellcheck."""

import json
import shutil
import subprocess

from tree import Finding, Skip


# SC2187: ash, the guest's shell, is checked as dash.
OPTIONS = ("--external-sources", "--source-path=SCRIPTDIR", "--exclude=SC2187", "--format=json")


def check(tree):
    if shutil.which("shellcheck") is None:
        raise Skip("no shellcheck is installed")
    paths = tree.shell_paths()
    if not paths:
        return
    result = subprocess.run(["shellcheck", *OPTIONS, *paths],
                            cwd=tree.root, check=False, capture_output=True, text=True)
    for comment in json.loads(result.stdout):
        yield Finding(comment["file"], comment["line"],
                      f"SC{comment['code']}: {comment['message']}")
