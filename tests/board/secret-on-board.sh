#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The board's part of tests/board/secret-scan: LIFECYCLES guests with a secret live and die, each in
# another way, then one without protection. Where it says `pause`, it waits for a line of the port
# redoubt.orders, so that nothing moves while the memory is looked at.
set -u
lifecycles=${1:?"usage: $0 LIFECYCLES"}
top=$(cd "$(dirname "$0")" && pwd)
here=$(mktemp -d /tmp/secret.XXXXXX)
cgroup=/sys/fs/cgroup/redoubt
swap=no

for port in /sys/class/virtio-ports/*; do
  [ "$(cat "$port/name")" != redoubt.orders ] || exec 4<"/dev/${port##*/}"
done

pause() {
  echo "secret-scan: pause $1"
  read -r _ <&4
}

# Swap space in the board's memory, and a group whose memory can be asked for.
prepare_swap() {
  disk=$(cat /sys/class/zram-control/hot_add 2>/dev/null) || return 0
  mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null || return 0
  echo 256M >"/sys/block/zram$disk/disksize" && mkswap "/dev/zram$disk" >/dev/null &&
    swapon "/dev/zram$disk" && echo +memory >/sys/fs/cgroup/cgroup.subtree_control &&
    mkdir "$cgroup" && swap=yes
}

# start PROTECTED: a redoubt whose guest has made its secret; its number is in $pid.
start() {
  rm -f "$here/in"
  : >"$here/out"
  mkfifo "$here/in"
  exec 3<>"$here/in" # for both: a redoubt that is gone already does not matter
  (
    [ "$swap" = no ] || sh -c 'echo $PPID' >"$cgroup/cgroup.procs"
    # shellcheck disable=SC3045 # busybox has it
    ulimit -c unlimited
    exec "$top/build/arm64/redoubt" run "$top/configs/bare-metal.yaml" \
      "--set=boot.kernel=$top/build/guest/secret-flat.bin" "--set=protected=$1"
  ) <"$here/in" >"$here/out" 2>"$here/log" 3>&- &
  pid=$!
  until grep -q '^secret: ready' "$here/out"; do
    kill -0 "$pid" 2>/dev/null || { cat "$here/log"; echo "secret-scan: no guest"; exit 1; }
    sleep 0.05
  done
  echo "secret-scan: seed $(sed -n 's/^secret: seed \([0-9a-fx]*\).*/\1/p' "$here/out")"
}

# finish: redoubt ends; how, and what its guest said of the secret.
finish() {
  wait "$pid"
  echo "secret-scan: ended $? $(sed -n 's/^secret: \(kept\|changed\).*/\1/p' "$here/out")"
  exec 3>&-
}

# The start of the guest's memory: the mapping that is left out of core dumps and of children.
ram_start() {
  awk '/^[0-9a-f]+-/ { range = $1 } /^VmFlags:.* dc .*dd |^VmFlags:.* dd .*dc / { print range }' \
    "/proc/$pid/smaps" | sed -n '1s/-.*//p'
}

# The first MiB, in which the secret is, through the kernel into a file.
copy_memory() {
  dd if="/proc/$pid/mem" of="$here/copy" bs=4096 skip=$((0x$(ram_start) / 4096)) count=256 \
    2>/dev/null
}

live() {
  echo "secret-scan: life $1 $2"
  start true
  pause running
  case $2 in
    off) echo >&3 ;;
    kill) kill -KILL "$pid" ;;
    core) kill -ABRT "$pid" ;;
    read)
      copy_memory
      pause looked-at
      echo >&3
      ;;
    swap)
      echo 64M >"$cgroup/memory.reclaim" 2>/dev/null
      echo "secret-scan: swapped $(sed -n 's/^VmSwap:[^0-9]*//p' "/proc/$pid/status")"
      pause running
      echo >&3
      ;;
  esac
  finish
  [ "$2" != core ] || echo "secret-scan: core $(cat "$here"/core* | wc -c)"
  pause gone
}

prepare_swap
echo "$here/core" >/proc/sys/kernel/core_pattern
number=1
while [ "$number" -le "$lifecycles" ]; do
  case $((number % 5)) in
    1) live "$number" read ;;
    2) live "$number" core ;;
    3) live "$number" kill ;;
    4) if [ "$swap" = yes ]; then live "$number" swap; else live "$number" off; fi ;;
    0) live "$number" off ;;
  esac
  number=$((number + 1))
done

# What the same host can do to a guest without protection, and has to be found.
echo "secret-scan: life $number control"
start false
copy_memory
pause copied
echo >&3
finish
