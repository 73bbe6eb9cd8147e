# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What tests change on a host for a while: remembered before the suites, judged and put back after
# them, because a test that is killed cannot do that itself. To be sourced by run-suites, which sets
# `results`.

# Set by run-suites.
: "${results:?}"
# Where the host's files are, for tests of this script.
host_root=${REDOUBT_HOST_ROOT:-}
host_mounts=
host_before=

# The settings, one file to a line.
host_settings() (
  cd "$host_root/" || exit
  for setting in \
    sys/kernel/mm/ksm/run sys/kernel/mm/ksm/sleep_millisecs sys/kernel/mm/ksm/pages_to_scan \
    sys/kernel/mm/transparent_hugepage/enabled sys/kernel/mm/transparent_hugepage/defrag \
    sys/kernel/mm/transparent_hugepage/shmem_enabled \
    sys/kernel/mm/transparent_hugepage/hugepages-*kB/enabled \
    sys/kernel/mm/transparent_hugepage/hugepages-*kB/shmem_enabled \
    sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none \
    sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs \
    sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan \
    sys/kernel/mm/hugepages/hugepages-*kB/nr_hugepages \
    sys/kernel/mm/hugepages/hugepages-*kB/nr_overcommit_hugepages \
    proc/sys/vm/swappiness proc/sys/vm/overcommit_memory proc/sys/vm/compaction_proactiveness \
    proc/sys/vm/memory_failure_early_kill proc/sys/vm/unprivileged_userfaultfd \
    proc/sys/kernel/numa_balancing proc/sys/kernel/core_pattern proc/sys/kernel/panic_on_warn \
    proc/sys/kernel/panic_on_oops proc/sys/kernel/io_uring_disabled \
    proc/sys/net/ipv4/ip_forward proc/sys/net/ipv4/ping_group_range \
    sys/devices/system/cpu/cpu*/online sys/module/zswap/parameters/enabled \
    sys/kernel/debug/fail*/probability sys/kernel/debug/fail*/times \
    sys/kernel/debug/fail*/interval sys/kernel/debug/fail*/space \
    sys/kernel/debug/fail*/task-filter sys/kernel/debug/fail*/ignore-gfp-wait \
    sys/kernel/tracing/tracing_on sys/kernel/tracing/current_tracer \
    sys/kernel/tracing/events/enable sys/kernel/tracing/hypervisor/tracing_on; do
    [ ! -r "$setting" ] || echo "/$setting"
  done
)

# What else there is when a test has not cleaned up. Not the mounts that a login or an automounter
# adds.
host_things() (
  cd "$host_root/" || exit
  for thing in sys/kernel/tracing/instances/* sys/fs/cgroup/*redoubt* sys/block/zram*; do
    [ ! -e "$thing" ] || echo "/$thing"
  done
  for thing in sys/class/net/*/tun_flags; do
    [ ! -e "$thing" ] || echo "network interface /${thing%/*}"
  done
  for thing in sys/block/loop*/loop/backing_file; do
    [ ! -r "$thing" ] || sed "s|^|/${thing%/loop/*} of |" "$thing"
  done
  {
    sed 's|^|probe |' sys/kernel/tracing/kprobe_events
    awk 'NR > 1 { print "swap " $1 }' proc/swaps
    awk '$5 !~ /^\/(run|proc|media|home|var)/ { print "mount " $5 }' proc/self/mountinfo
  } 2>/dev/null
)

# Each setting with a tab and its value; then the things.
host_state() {
  host_settings | while read -r setting; do
    value=$(tr '\n\t' '  ' 2>/dev/null <"$host_root$setting") || continue
    printf '%s\t%s\n' "$setting" "$value"
  done
  host_things
}

host_scratch() { ls -d "$host_root"/tmp/redoubt-* 2>/dev/null; }

# remember_host: before the first suite. Mounts what shows the settings of the kernel's own tests.
remember_host() {
  if [ "$(id -u)" = 0 ] && [ -z "$host_root" ]; then
    for place in tracefs:/sys/kernel/tracing debugfs:/sys/kernel/debug; do
      grep -q " ${place#*:} " /proc/mounts ||
        { mount -t "${place%%:*}" "${place%%:*}" "${place#*:}" 2>/dev/null &&
            host_mounts="${place#*:} $host_mounts"; }
    done
  fi
  host_before=$(host_state)
  host_scratch_before=$(host_scratch)
}

# put_back SETTING VALUE. Of a choice like "always [madvise] never" the one that was in force.
put_back() {
  value=$(printf '%s' "$2" | sed 's|.*\[\(.*\)\].*|\1|; s| *$||')
  { echo "$value" >"$host_root$1"; } 2>/dev/null || true
}

# restore_host: after the last suite, or when the run is stopped. Prints what was left changed, one
# change to a line, and puts back what can be.
restore_host() {
  [ -n "$host_before" ] || return 0
  # New ones, of this user: a test that was killed has left them.
  for scratch in $(host_scratch); do
    echo "$host_scratch_before" | grep -qxF -- "$scratch" || [ ! -O "$scratch" ] ||
      rm -rf "$scratch"
  done
  printf '%s\n' "$host_before" >"$results/host.before"
  host_state >"$results/host.after"
  grep -vxF -f "$results/host.after" "$results/host.before" | sed 's|^|before: |'
  grep -vxF -f "$results/host.before" "$results/host.after" | sed 's|^|after: |'
  grep -vxF -f "$results/host.after" "$results/host.before" |
    while IFS='	' read -r setting value; do
      case $setting in
        /*) [ -z "$value" ] || put_back "$setting" "$value" ;;
      esac
    done
  rm -f "$results/host.before" "$results/host.after"
  for place in $host_mounts; do
    umount "$place" 2>/dev/null
  done
  host_mounts=
  host_before=
}
