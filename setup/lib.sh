# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the set-up and build scripts share: where things are, progress, locks, publication.
# To be sourced by bash. Everything for the eye goes to stderr; stdout carries results only.

set -euo pipefail
shopt -s inherit_errexit

redoubt_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
redoubt_cache=${REDOUBT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/redoubt}
# The series of Linux that everything here is for, the one preferred first, and the suites that may
# have one of them, the one made for stable systems first.
kernel_series_known=${REDOUBT_KERNEL_SERIES:-"7.2 7.3"}
kernel_suites=${REDOUBT_KERNEL_SUITES:-"trixie-backports forky sid"}
mkdir -p "$redoubt_cache/log" "$redoubt_cache/lock"

note() { printf '%s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Runs a command as root, through sudo where needed.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "'$*' needs root, and there is no sudo: run it as root, then start again"
  fi
}

# debian_codename: bookworm, trixie, …
debian_codename() (
  # shellcheck source=/dev/null
  . /etc/os-release
  [ -n "${VERSION_CODENAME:-}" ] ||
    die "/etc/os-release names no Debian release (12 or 13 is needed)"
  printf '%s\n' "$VERSION_CODENAME"
)

# short_hash: 16 hex digits of what comes on stdin; the name of a cached artefact.
short_hash() { sha256sum | cut -c1-16; }

# file_hash FILE…: one hash of the files' contents; files that do not exist are left out.
file_hash() {
  local file
  for file; do [ ! -f "$file" ] || sha256sum <"$file"; done | short_hash
}

# lock NAME: waits until no other run works on NAME. The lock is held until this process and
# every child it started are gone, so an orphaned build is never joined by a second one.
lock() {
  local fd
  exec {fd}>"$redoubt_cache/lock/$1"
  flock -n "$fd" && return
  note "another run is working on $1: waiting for it"
  flock "$fd"
}

# publish PARTIAL FINAL: makes a finished file or directory visible under its name in one step.
publish() {
  rm -rf "$2"
  mv -T "$1" "$2"
}

# publish_link TARGET NAME: replaces the link NAME in one step, if it is not that link already.
publish_link() {
  [ "$(readlink "$2" || true)" != "$1" ] || return 0
  ln -sfn "$1" "$2.new.$$"
  mv -Tf "$2.new.$$" "$2"
}

step_time() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# The moving part of step: on a terminal one live line, else a line every 15 seconds.
# $1 title, $2 the process to outlive on no account, $3 a pipe that stays silent, to wait on: a
# sleep would outlive this, and keep whoever reads the output waiting.
step_ticker() {
  local start=$SECONDS elapsed progress interval=15 next=15
  [ ! -t 2 ] || interval=1 next=1
  while ! read -rt 1 -u "$3" && kill -0 "$2" 2>/dev/null; do
    elapsed=$((SECONDS - start))
    [ "$elapsed" -ge "$next" ] || continue
    next=$((elapsed + interval))
    progress=
    [ -z "${STEP_PROGRESS:-}" ] || progress=" $("$STEP_PROGRESS" 2>/dev/null || true)"
    if [ -t 2 ]; then
      printf '\r\033[K  %s …%s (%s)' "$1" "$progress" "$(step_time "$elapsed")" >&2
    else
      printf '  %s …%s (%s)\n' "$1" "$progress" "$(step_time "$elapsed")" >&2
    fi
  done
}

# step TITLE COMMAND…: runs a long command with its output in a log, and shows that it moves.
# STEP_PROGRESS may name a function that prints how far the command is ("43 %"). When the command
# fails, the end of its log is shown and its status returned. The command runs in the foreground
# (Ctrl-C reaches it) in a subshell with `set -e`: call step plainly, never under `if` or `||`.
step() {
  local title=$1 log status silence ticker start=$SECONDS
  shift
  log=$redoubt_cache/log/$(printf '%s' "$title" | tr -cs 'A-Za-z0-9.' '-').log
  if [ -t 2 ]; then printf '  %s …' "$title" >&2; else note "  $title …"; fi
  exec {silence}<> <(:)
  wait "$!"
  step_ticker "$title" "$BASHPID" "$silence" &
  ticker=$!
  set +e
  (exec {silence}<&-; set -e; "$@") >"$log" 2>&1 </dev/null
  status=$?
  set -e
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  exec {silence}<&-
  [ ! -t 2 ] || printf '\r\033[K' >&2
  if [ "$status" = 0 ]; then
    note "  $title: done ($(step_time $((SECONDS - start))))"
    return 0
  fi
  note "  $title: failed with status $status; the end of $log:"
  tail -n 20 "$log" | sed 's/^/    | /' >&2
  return "$status"
}

# suite_has SUITE REGEX: whether the suite has an arm64 package of that name.
suite_has() { [ -n "$("$redoubt_root/setup/suite-apt" "$1" --arch arm64 newest "$2" || true)" ]; }

# stock_kernel_name SERIES: a REGEX of the package with Debian's own kernel for virtual machines.
stock_kernel_name() { printf '%s\n' "linux-binary-unsigned-${1/./\\.}\..*-cloud-arm64"; }

find_kernel_origin() {
  local series suite
  for series in $kernel_series_known; do
    for suite in $kernel_suites; do
      if suite_has "$suite" "linux-source-${series/./\\.}" &&
         suite_has "$suite" "$(stock_kernel_name "$series")"; then
        printf '%s %s\n' "$series" "$suite"
        return
      fi
    done
  done
  die "none of the suites '$kernel_suites' has one of the kernel series '$kernel_series_known' \
(name others in REDOUBT_KERNEL_SUITES)"
}

# Prints "SERIES SUITE": which of the series the kernels are of, and where its packages come from.
# What was found stands until something else is asked for, as the caches do that were made with it.
kernel_origin() {
  local known=$redoubt_cache/kernel-origin asked="$kernel_series_known of $kernel_suites" found
  if [ "$(head -n 1 "$known" 2>/dev/null || true)" != "$asked" ]; then
    found=$(find_kernel_origin)
    printf '%s\n' "$asked" "$found" >"$known.new.$$"
    mv -f "$known.new.$$" "$known"
  fi
  tail -n 1 "$known"
}

kernel_series() { local origin; origin=$(kernel_origin); printf '%s\n' "${origin% *}"; }
kernel_suite() { local origin; origin=$(kernel_origin); printf '%s\n' "${origin#* }"; }
