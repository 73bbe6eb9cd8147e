#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The demo, on an arm64 host with pKVM active: this machine or the emulated board. Needs a POSIX
# shell (busybox will do), the built redoubt and guest, and no more rights than redoubt itself.
set -u
export LC_ALL=C

usage() {
  cat <<'END'
Usage: demo-on-host.sh [--shell]

Runs configs/hello.yaml, a protected Linux guest that makes a random secret, and shows from the
host that the secret's page cannot be read and is not harmed by the attempt.

  --shell    boot the guest to a shell on this terminal instead
  --help     this text

DEMO_COLOUR=1 in the environment forces colours, DEMO_VERDICT=FILE writes the verdict to FILE
instead of printing it.
END
}

shell=no
while [ $# -gt 0 ]; do
  case $1 in
    --shell) shell=yes ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

here=$(cd "$(dirname "$0")" && pwd) || exit 1
top=$here
[ -d "$top/configs" ] || top=$(cd "$here/../.." && pwd) || exit 1
cd "$top" || exit 1
redoubt=build/arm64/redoubt
config=configs/hello.yaml

bold='' dim='' good='' plain=''
if [ -t 1 ] || [ -n "${DEMO_COLOUR:-}" ]; then
  escape=$(printf '\033')
  bold="${escape}[1m" dim="${escape}[2m" good="${escape}[32m" plain="${escape}[0m"
fi

verdict() {
  if [ -n "${DEMO_VERDICT:-}" ]; then
    echo "demo: $1" >"$DEMO_VERDICT"
  else
    echo "demo: $1"
  fi
}

work=$(mktemp -d) || exit 1
vmm=
status=
relays=
clean() {
  [ -z "$vmm" ] || kill -KILL "$vmm" 2>/dev/null
  # shellcheck disable=SC2086  # a list
  [ -z "$relays" ] || kill $relays 2>/dev/null
  rm -rf "$work"
}
trap clean EXIT
trap 'verdict "failed: interrupted"; exit 130' INT
trap 'verdict "failed: terminated"; exit 143' TERM HUP

fail() {
  verdict "failed: $1"
  exit 1
}

step() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
tell() { printf '  %-28s %s\n' "$1" "$2"; }

# with_commas NUMBER: 12345 as 12,345.
with_commas() { echo "$1" | sed -e :a -e 's/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/;ta'; }

[ -x "$redoubt" ] || fail "$top/$redoubt is not built"
[ -e /dev/kvm ] || fail "this machine has no /dev/kvm"

if [ $shell = yes ]; then
  echo "A protected guest boots; its shell follows. 'exit' there powers it off."
  "$redoubt" run "$config" --set 'boot.cmdline=console=ttyAMA0 quiet redoubt.mode=shell'
  status=$?
  [ $status -eq 0 ] || fail "redoubt ended with status $status"
  verdict ok
  exit 0
fi

# They end with what they read from.
wait_for_relays() {
  # shellcheck disable=SC2086  # a list
  wait $relays
  relays=
}

# await SECONDS WHAT COMMAND…: until the command succeeds. The guest going away ends the demo.
await() {
  seconds=$1 what=$2
  shift 2
  tries=$((seconds * 5))
  until "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "no sign of $what in $seconds seconds"
    if ! kill -0 "$vmm" 2>/dev/null; then
      wait "$vmm"
      status=$?
      vmm=
      wait_for_relays
      "$@" && return
      fail "redoubt ended with status $status before $what"
    fi
    sleep 0.2
  done
}
guest_says() { [ "$(grep -c "$1" "$work/guest")" -ge "${2:-1}" ]; }

# What the guest said as the NUMBERth line "secret: WHAT …".
secret() { sed -n "s/.*secret: $1 \([0-9a-fx]\{1,\}\).*/\1/p" "$work/guest" | sed -n "$2p"; }

return=$(printf '\r')
# relay NAME FILE: shows what comes, dimmed, and keeps it.
relay() {
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%"$return"}
    printf '%s  %s | %s%s\n' "$dim" "$1" "$line" "$plain"
    printf '%s\n' "$line" >>"$2"
  done
}

step "A protected guest boots"
tell "host" "Linux $(uname -r), $(uname -m)"
tell "guest" "$config"
mkfifo "$work/input" "$work/output" "$work/messages" || fail "cannot make pipes in $work"
: >"$work/guest"
: >"$work/vmm"
relay guest "$work/guest" <"$work/output" &
relays=$!
relay redoubt "$work/vmm" <"$work/messages" &
relays="$relays $!"
# quiet: an emulated board takes longer over a kernel's messages than over the rest of its boot.
"$redoubt" run "$config" --set console.type=stdio --set 'boot.cmdline=console=ttyAMA0 quiet' \
  --prove-report "$work/report" \
  <"$work/input" >"$work/output" 2>"$work/messages" &
vmm=$!
# Held open, so that the guest's console never sees its end.
exec 3>"$work/input"
await 120 "the guest's secret" guest_says 'secret: waiting'

step "The guest has made a secret, in one page of its memory"
address=$(secret address 1)
before=$(secret digest 1)
tell "guest-physical address" "$address"
tell "SHA-256 of the secret" "$before"

step "The host tries to read every page of the guest's memory"
kill -USR1 "$vmm" || fail "redoubt is gone"
await 120 "redoubt's report" test -s "$work/report"
number() { sed -n "s/.*\"$1\": *\([0-9]\{1,\}\).*/\1/p" "$work/report"; }
donated=$(number pages_donated)
tell "pages donated so far" "$(with_commas "$donated") ($((donated / 256)) MiB)"
tell "refused to the host" "$(with_commas "$(number pages_refused)")"
tell "shared by the guest" "$(with_commas "$(number pages_shared)")"
tell "never touched yet" "$(with_commas "$(number pages_never_touched)")"
grep -q '"protected": *true' "$work/report" || fail "the guest is not protected"

# access_of ADDRESS: what the report says of the page there.
access_of() {
  grep '"access":' "$work/report" | tr -d '{}":,' |
    while read -r _ start _ end _ access; do
      if [ $(($1)) -ge $((start)) ] && [ $(($1)) -lt $((end)) ]; then
        echo "$access"
      fi
    done
}
access=$(access_of "$address")
[ "$access" = refused ] ||
  fail "the secret's page at $address is ${access:-not in the report}, not refused"
tell "the page of the secret" "${good}refused: read of $address: Bad address (EFAULT)${plain}"

step "The guest looks at its secret again"
echo >&3
await 60 "the second digest" guest_says 'secret: digest [0-9a-f]\{64\}' 2
after=$(secret digest 2)
tell "SHA-256 of the secret" "$after"
[ "$before" = "$after" ] || fail "the secret has changed"
tell "" "${good}the same: the attempt did no harm${plain}"

if [ -n "$vmm" ]; then
  wait "$vmm"
  status=$?
  vmm=
  wait_for_relays
fi
[ $status -eq 0 ] || fail "redoubt ended with status $status"
step "The guest has powered off, redoubt has ended with status 0"
verdict ok
