# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The Debian system of the bundle, for suites that need it: tools to run beside a guest, and disks
# to give to one. To be sourced by run-suites, which sets `here` and `results`.
#
# The suites find in their environment
#   REDOUBT_DEBIAN        the system, mounted read-only, with this host's /proc, /sys, /dev and
#                         /tmp; `debian-exec` runs its programs, and redoubt finds passt and
#                         virtiofsd on the PATH if this host has none of its own
#   REDOUBT_DEBIAN_IMAGE  its image, never written: a read-only root disk, for any number of guests
#   REDOUBT_DEBIAN_DISK   a copy that a guest may write
#   REDOUBT_SCRATCH_DISK  2 GiB to be written, whatever they hold
# or, if this host cannot have it, REDOUBT_NO_DEBIAN with the reason.

# Set by run-suites.
: "${here:?}" "${results:?}"
debian_mounts=
debian_files=

no_debian() {
  REDOUBT_NO_DEBIAN=$*
  export REDOUBT_NO_DEBIAN
  forget_debian
}

# prepare_debian: once, before the first suite that needs it. The emulated board has the images as
# disks and says so in the environment; elsewhere they are unpacked from the bundle.
prepare_debian() {
  [ -z "${REDOUBT_DEBIAN:-}${REDOUBT_NO_DEBIAN:-}" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    no_debian "only root can mount the Debian image"
  elif [ -z "${REDOUBT_DEBIAN_IMAGE:-}" ] && ! unpack_debian; then
    no_debian "the Debian image cannot be unpacked: $debian_trouble"
  elif ! mount_debian; then
    no_debian "the Debian image cannot be mounted: $debian_trouble"
  else
    wrap_debian passt virtiofsd
    export REDOUBT_DEBIAN REDOUBT_DEBIAN_IMAGE REDOUBT_DEBIAN_DISK REDOUBT_SCRATCH_DISK
  fi
}

unpack_debian() {
  debian_trouble="this bundle has no debian.ext4.gz"
  [ -e "$here/debian.ext4.gz" ] || return 1
  REDOUBT_DEBIAN_IMAGE=$results/debian.ext4
  REDOUBT_DEBIAN_DISK=$results/debian-disk.ext4
  REDOUBT_SCRATCH_DISK=$results/scratch.img
  debian_files="$REDOUBT_DEBIAN_IMAGE $REDOUBT_DEBIAN_DISK $REDOUBT_SCRATCH_DISK"
  # Not every dd knows holes.
  debian_trouble=$({
    gzip -dc "$here/debian.ext4.gz" | dd "of=$REDOUBT_DEBIAN_IMAGE" bs=65536 conv=sparse 2>&1 ||
      gzip -dc "$here/debian.ext4.gz" >"$REDOUBT_DEBIAN_IMAGE" || exit 1
    cp "$REDOUBT_DEBIAN_IMAGE" "$REDOUBT_DEBIAN_DISK" || exit 1
    dd if=/dev/null "of=$REDOUBT_SCRATCH_DISK" bs=1048576 seek=2048 || exit 1
  } 2>&1)
}

# bind SOURCE PLACE: PLACE is below the system's root.
bind() {
  mount --bind "$1" "$results/debian$2" && debian_mounts="$results/debian$2 $debian_mounts"
}

mount_debian() {
  debian_options=ro
  [ -b "$REDOUBT_DEBIAN_IMAGE" ] || debian_options=ro,loop
  mkdir -p "$results/debian"
  debian_trouble=$(mount -t ext4 -o "$debian_options" "$REDOUBT_DEBIAN_IMAGE" \
    "$results/debian" 2>&1) || return 1
  debian_mounts=$results/debian
  debian_trouble="bind mounts failed"
  for debian_place in /proc /sys /dev /dev/pts /dev/shm /tmp; do
    bind "$debian_place" "$debian_place" || return 1
  done
  for debian_place in /run /root /mnt /var/tmp; do
    mount -t tmpfs tmpfs "$results/debian$debian_place" || return 1
    debian_mounts="$results/debian$debian_place $debian_mounts"
  done
  REDOUBT_DEBIAN=$results/debian
}

# wrap_debian PROGRAM…: what redoubt starts beside a guest.
wrap_debian() {
  mkdir -p "$results/bin"
  for debian_program; do
    printf '#!/bin/sh\nexec %s/debian-exec %s "$@"\n' "$here" "$debian_program" \
      >"$results/bin/$debian_program"
    chmod +x "$results/bin/$debian_program"
  done
  PATH=$PATH:$results/bin
}

# forget_debian: leaves the host as it was.
forget_debian() {
  for debian_place in $debian_mounts; do
    umount "$debian_place" || umount -l "$debian_place"
  done
  debian_mounts=
  # shellcheck disable=SC2086  # a list
  [ -z "$debian_files" ] || rm -f $debian_files
  debian_files=
  rm -rf "${results:?}/bin"
  rmdir "$results/debian" 2>/dev/null
  return 0
}
