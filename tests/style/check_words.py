# SPDX-License-Identifier: Apache-2.0
"""The project speaks of itself alone: no paths of one machine, no tickets, no notes to oneself."""

import re

from tree import Finding

# Each pattern is written so that it does not match itself.
WORDS = (
    (re.compile(r"(?<![\w.})-])/(?:work|Users)/|(?<![\w.})-])/(?:root|home)/\w"),
     "a path of one machine"),
    (re.compile(r"\b(?:this|that|last|next|previous|earlier|later) s[e]ssions?\b"
                r"|\bsub-?a[g]ent|\bcl[a]ude\b|\bchat-?g[p]t\b|\bopen-?a[i]\b|\banthr[o]pic\b"
                r"|\bthe b[r]ief\b|\bw[o]rkplace\b", re.I),
     "speaks of how the work was done, not of the project"),
    (re.compile(r"\b(?:issue|ticket|fixes|closes|resolves) [#]?\d+\b|\bthe i[s]sue's\b", re.I),
     "names a ticket: say the thing itself"),
    (re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b"),
     "a note to oneself: do it, or write it in vmm/DECISIONS.md"),
)
EXEMPT = re.compile(r".*\.patch|LICENSE|LICENSES/.*")


def faults(text):
    return [(match[0], why) for pattern, why in WORDS for match in pattern.finditer(text)]


def check(tree):
    for path in tree.text_paths():
        if EXEMPT.fullmatch(path):
            continue
        for number, line in tree.lines(path):
            for found, why in faults(line):
                yield Finding(path, number, f"'{found}': {why}")
