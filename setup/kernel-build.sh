# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source-path=SCRIPTDIR
#
# What every build of Linux here has in common. To be sourced after lib.sh. Sets
#   series            the series of Linux, 7.2 for example
#   source, version   its unpacked source and the version of that package
#   version_name      the version as part of a folder's name. Objects of one source version are
#                     never mixed with those of another: unpacked files carry the package's dates,
#                     which may be older than the objects
#   prefix            of the compiler for arm64: empty on arm64
#   compiler          what kernel_make compiles with
# shellcheck disable=SC2154 # redoubt_root: of lib.sh
# shellcheck disable=SC2034 # for those who source this

prefix=aarch64-linux-gnu-
[ "$(uname -m)" != aarch64 ] || prefix=
command -v "${prefix}gcc" >/dev/null || die "no ${prefix}gcc: run setup/packages"
series=$(kernel_series)
source=$("$redoubt_root/setup/kernel-source")
version=$(cat "$source/.redoubt-version")
compiler=${prefix}gcc
version_name=$(printf '%s' "$version" | tr -c 'A-Za-z0-9.' -)

# kernel_key FILE…: names what is built from this source by this compiler and these files.
kernel_key() {
  { echo "$version"; "${prefix}gcc" --version
    cat "$@" "$redoubt_root/setup/kernel-build.sh" "$0"; } | short_hash
}

# kernel_compile_again: for a source that is patched and compiled time and again.
kernel_compile_again() { ! command -v ccache >/dev/null || compiler="ccache ${prefix}gcc"; }

# kernel_make TREE OBJECTS ARGUMENT…: the result does not depend on who builds, where or when.
kernel_make() {
  local tree=$1 objects=$2
  shift 2
  make -C "$tree" O="$objects" ARCH=arm64 CROSS_COMPILE="$prefix" CC="$compiler" \
    KBUILD_BUILD_USER=redoubt KBUILD_BUILD_HOST=redoubt KBUILD_BUILD_TIMESTAMP="$version" \
    -j"${REDOUBT_JOBS:-$(nproc)}" "$@"
}

# Prints the files that the patches make or change; what no kernel is made of is not in the source.
kernel_patched_files() {
  sed -n 's|^+++ b/||p' "$@" | grep -Ev '^(Documentation|tools/testing)/' | sort -u
}

# Files are shared with the unpatched source by hard links, which both `git apply` and this function
# break before they change anything. A file that is as it was in the tree before keeps its date, so
# that only what has changed is compiled again; one that goes back to the unpatched state is dated
# now, since its own date is older than its object's.
kernel_apply() {
  local tree=$1 new=$1.partial file
  shift
  rm -rf "$new"
  cp -al "$source" "$new"
  (cd "$new" && GIT_CEILING_DIRECTORIES=$redoubt_cache \
    git apply --whitespace=nowarn --exclude='Documentation/*' --exclude='tools/testing/*' \
      "$@")
  mkdir "$new/.redoubt-patches"
  cp "$@" "$new/.redoubt-patches/"
  { kernel_patched_files "$@"
    [ ! -d "$tree/.redoubt-patches" ] || kernel_patched_files "$tree/.redoubt-patches"/*.patch
  } | sort -u | while read -r file; do
    [ -f "$new/$file" ] || continue
    cp "$new/$file" "$new/$file.redoubt"
    mv "$new/$file.redoubt" "$new/$file"
    if cmp -s "$tree/$file" "$new/$file"; then touch -r "$tree/$file" "$new/$file"; fi
  done
  publish "$new" "$tree"
}

# kernel_patch TREE PATCH…: TREE becomes the source with the patches applied, if it is not that
# already. The patches' names are in their order.
kernel_patch() {
  local tree=$1
  shift
  cmp -s <(cat "$@") <(cat "$tree"/.redoubt-patches/*.patch 2>&1) ||
    step "patching the Linux $series source" kernel_apply "$tree" "$@"
}

# kernel_patches_of FOLDER: puts the patches of a folder into the array `patches`: those that only
# this series of Linux needs, in a folder of its name, then those that all take, in `series`.
kernel_patches_of() {
  local file
  patches=()
  for file in "$1"/{"$series",series}/*.patch; do
    [ ! -f "$file" ] || patches+=("$file")
  done
}

# kernel_configure TREE OBJECTS FRAGMENT…: every option must be in the configuration as asked: one
# that Kconfig dropped, for a dependency or because it is gone, would be missed much later and in
# another place.
kernel_configure() {
  local tree=$1 objects=$2 lost
  shift 2
  mkdir -p "$objects"
  cat "$@" >"$objects/redoubt.fragment"
  # The names in the fragments are those of 7.3.
  [ "$series" != 7.2 ] ||
    sed -i 's/^CONFIG_SYSCTL=/CONFIG_PROC_SYSCTL=/' "$objects/redoubt.fragment"
  kernel_make "$tree" "$objects" KCONFIG_ALLCONFIG="$objects/redoubt.fragment" allnoconfig
  lost=$(grep -E '^CONFIG_' "$objects/redoubt.fragment" | grep -vxFf "$objects/.config" || true)
  [ -z "$lost" ] || die "the kernel's configuration lost these options of $*:
$lost"
  ! grep -q '=m$' "$objects/.config" || die "the kernel's configuration has modules: $*"
}

# kernel_progress OBJECTS COUNT: how much of a build that makes about COUNT object files is done.
kernel_progress() {
  local percent
  percent=$(($(find "$1" -name '*.o' | wc -l) * 100 / $2))
  printf '%d %%\n' "$((percent < 99 ? percent : 99))"
}
