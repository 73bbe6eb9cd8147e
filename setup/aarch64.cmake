# SPDX-License-Identifier: Apache-2.0
#
# CMake toolchain for static arm64 builds, on x86-64 with Debian's cross compiler and on arm64 with
# the native one. The sysroot (setup/sysroot prints it) is given as -DREDOUBT_SYSROOT=DIR or in the
# environment. It adds libraries and newer kernel headers beside the compiler's own C library, so
# it is not a --sysroot, which Debian's cross compiler does not work with.

if(NOT REDOUBT_SYSROOT)
  set(REDOUBT_SYSROOT "$ENV{REDOUBT_SYSROOT}")
endif()
if(NOT IS_DIRECTORY "${REDOUBT_SYSROOT}/usr/include/linux")
  message(FATAL_ERROR "no arm64 sysroot at '${REDOUBT_SYSROOT}': "
                      "run cmake with -DREDOUBT_SYSROOT=$(setup/sysroot)")
endif()
# try_compile reads this file again, in a fresh cache.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES REDOUBT_SYSROOT)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

# Flags, not include_directories: these directories must come before the compiler's own kernel
# headers for every target, and the kernel headers of the sysroot must win.
set(include "${REDOUBT_SYSROOT}/usr/include")
set(CMAKE_C_FLAGS_INIT "-isystem ${include}/aarch64-linux-gnu -isystem ${include}")
unset(include)
set(CMAKE_CXX_FLAGS_INIT "${CMAKE_C_FLAGS_INIT}")
set(CMAKE_ASM_FLAGS_INIT "${CMAKE_C_FLAGS_INIT}")
set(CMAKE_EXE_LINKER_FLAGS_INIT
    "-static -L${REDOUBT_SYSROOT}/usr/lib/aarch64-linux-gnu")

if(NOT CMAKE_HOST_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
  set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
  set(CMAKE_FIND_ROOT_PATH "${REDOUBT_SYSROOT}")
  set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
  set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
  set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
  set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
endif()
