#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
#
# /init of the emulated board. Makes the machine look like a small host, runs /job/run, sends what
# the job left in /results to the machine outside, and powers off.
#
# The kernel's console carries only the kernel log and this script's own lines. The job speaks
# through virtio-serial ports: redoubt.events takes its output line by line, redoubt.results a tar.

/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM=linux

mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm /tmp /run /root /results
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=1777 tmp /tmp
ln -sf /proc/self/fd /dev/fd
ln -sf /proc/self/fd/0 /dev/stdin
ln -sf /proc/self/fd/1 /dev/stdout
ln -sf /proc/self/fd/2 /dev/stderr
# Where distributions have it.
if [ -e /job/kernel-config ]; then
  mkdir -p /boot
  ln -s /job/kernel-config "/boot/config-$(uname -r)"
fi
hostname board
ip link set lo up
for module in /modules/*.ko; do
  [ ! -e "$module" ] || insmod "$module" || echo "board: cannot load $module"
done

# A disk by the serial number that the runner gave it; nothing if there is none.
disk() {
  for disk in /sys/block/vd*; do
    if [ -e "$disk/serial" ] && [ "$(cat "$disk/serial")" = "$1" ]; then
      echo "/dev/${disk##*/}"
      return
    fi
  done
}
REDOUBT_DEBIAN_IMAGE=$(disk debian)
REDOUBT_DEBIAN_DISK=$(disk debian-disk)
REDOUBT_SCRATCH_DISK=$(disk scratch)
export REDOUBT_DEBIAN_IMAGE REDOUBT_DEBIAN_DISK REDOUBT_SCRATCH_DISK

# Tests that repeat themselves do it less often: tests/rounds.h.
export REDOUBT_FEWER_ROUNDS=1

port() {
  for port in /sys/class/virtio-ports/*; do
    if [ "$(cat "$port/name")" = "$1" ]; then
      echo "/dev/${port##*/}"
      return
    fi
  done
  echo "board: no virtio-serial port $1" >&2
  echo /dev/null
}

# `-interactive` on the command line of the job: a terminal of its own on hvc0.
if [ -e /job/interactive ]; then
  setsid -c sh -c 'cd /job && exec ./run' </dev/hvc0 >/dev/hvc0 2>&1
  status=$?
else
  sh -c 'cd /job && exec ./run' </dev/null >"$(port redoubt.events)" 2>&1
  status=$?
fi

echo "$status" >/results/exit-status
tar -C /results -cf "$(port redoubt.results)" .
sync
echo "board: job ended with $status, powering off"
poweroff -f
