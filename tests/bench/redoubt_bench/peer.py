# SPDX-License-Identifier: Apache-2.0
"""The peer we measure against: the distribution's own arm64 qemu-system-aarch64.

Its packages are fetched by name from this machine's release and unpacked aside; what goes onto
the board is the program, the shared libraries it needs, and ldconfig for their cache.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CACHE = Path(os.environ.get("REDOUBT_CACHE") or Path(
    os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "redoubt")

PACKAGES = ("qemu-system-arm", "libc-bin")
PROGRAM = "usr/bin/qemu-system-aarch64"
LDCONFIG = "sbin/ldconfig"
LOADER = "lib/ld-linux-aarch64.so.1"
LIBRARY_FOLDERS = ("lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib", "usr/lib")


def release():
    text = Path("/etc/os-release").read_text()
    match = re.search(r"^VERSION_CODENAME=(\w+)$", text, re.M)
    if not match:
        raise SystemExit("bench: /etc/os-release names no Debian release")
    return match[1]


def _version(suite):
    apt = [str(ROOT / "setup" / "suite-apt"), suite, "--arch", "arm64"]
    found = subprocess.run([*apt, "newest", PACKAGES[0]], check=True, capture_output=True,
                           text=True).stdout.split()
    if len(found) != 2:
        raise SystemExit(f"bench: release {suite} has no package {PACKAGES[0]} for arm64")
    return found[1]


def _unpack(suite, folder):
    """Packages and all they depend on: with an empty status file apt counts none as installed."""
    debs = folder / "debs"
    (debs / "partial").mkdir(parents=True)
    environment = {**os.environ, "APT_CONFIG": str(CACHE / "apt" / f"{suite}-arm64" / "apt.conf")}
    subprocess.run(["apt-get", "install", "-qq", "--yes", "--download-only",
                    "--no-install-recommends", "-o", f"Dir::Cache::archives={debs}", *PACKAGES],
                   env=environment, check=True, stdout=subprocess.DEVNULL)
    for deb in sorted(debs.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(deb), str(folder / "root")], check=True)
    shutil.rmtree(debs)


def fetch():
    """(directory with the unpacked packages, version). Fetched once for each version."""
    suite = release()
    version = _version(suite)
    final = CACHE / f"peer-{suite}-{re.sub('[^A-Za-z0-9.+~-]', '_', version)}"
    if not final.is_dir():
        partial = final.with_name(final.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _unpack(suite, partial)
        partial.rename(final)
    return final / "root", version


def _needed(path):
    """Names of the shared libraries and of the loader that an ELF file asks for."""
    text = subprocess.run(["readelf", "--wide", "--dynamic", "--program-headers", str(path)],
                          check=True, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout
    loader = re.findall(r"program interpreter: (\S+?)\]", text)
    return re.findall(r"\(NEEDED\).*\[(.+?)\]", text) + [Path(name).name for name in loader]


def _find(root, name, folders):
    """(name on the board, file): where the packages put it, /usr merged or not."""
    for folder in folders:
        if (root / folder / name).exists():
            return f"{folder}/{name}", (root / folder / name).resolve()
    raise SystemExit(f"bench: the peer needs {name}, which none of its packages has")


def files(root):
    """{name on the board: file} for the program and everything it needs to start."""
    result = {PROGRAM: root / PROGRAM,
              LDCONFIG: _find(root, "ldconfig", ("sbin", "usr/sbin"))[1]}
    queue, seen = [root / PROGRAM], set()
    while queue:
        for name in set(_needed(queue.pop())) - seen:
            seen.add(name)
            place, found = _find(root, name, LIBRARY_FOLDERS)
            result[LOADER if place.endswith(Path(LOADER).name) else place] = found
            queue.append(found)
    return result


def put_on_board(say):
    """(files, texts) for the board's archive."""
    root, version = fetch()
    say(f"peer: qemu-system-aarch64 {version}")
    return files(root), {"etc/ld.so.conf": "".join(f"/{name}\n" for name in LIBRARY_FOLDERS)}
