# SPDX-License-Identifier: Apache-2.0
"""Commit subjects read `area: do the thing` in 72 columns; messages speak of the project."""

import re
import subprocess

import check_words
from tree import Finding, Skip

LIMIT = 72
_SUBJECT = re.compile(r"[a-z][\w./-]*(?:, [a-z][\w./-]*)*: [a-z0-9].*[^.\s]")


def message_faults(message):
    """What is wrong with one commit message, in words."""
    subject = message.partition("\n")[0]
    if not _SUBJECT.fullmatch(subject):
        yield f"'{subject}' does not read `area: do the thing`"
    if len(subject) > LIMIT:
        yield f"'{subject}' has {len(subject)} columns; {LIMIT} at most"
    for found, why in check_words.faults(message):
        yield f"'{found}': {why}"


def _git(root, *arguments):
    return subprocess.run(["git", *arguments], cwd=root, check=False, capture_output=True,
                          text=True)


def commits(root):
    """The commits this branch adds to the published main branch; on that branch, the newest."""
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode != 0:
        raise Skip("there is no commit yet")
    published = _git(root, "rev-parse", "--verify", "--quiet", "origin/main").returncode == 0
    scope = ["origin/main..HEAD"] if published else ["HEAD"]
    found = _git(root, "rev-list", "--no-merges", *scope).stdout.split()
    return found or _git(root, "rev-list", "--no-merges", "-1", "HEAD").stdout.split()


def check(tree):
    for commit in commits(tree.root):
        message = _git(tree.root, "show", "--no-patch", "--format=%B", commit).stdout
        for fault in message_faults(message):
            yield Finding(f"commit {commit[:12]}", 1, fault)
