// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/locked_memory.h"

#include <string>

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "vmm/base/setup_error.h"
#include "vmm/memory/proc_file.h"

namespace redoubt {

namespace {

constexpr const char* kStatus = "/proc/self/status";
constexpr ino_t kInitialUserNamespace = 0xEFFFFFFD;  // USER_NS_INIT_INO, uapi/linux/nsfs.h

bool in_initial_user_namespace() {
  struct stat status = {};
  // A kernel without user namespaces has only the initial one, and no such file.
  if (::stat("/proc/self/ns/user", &status) != 0) return true;
  return status.st_ino == kInitialUserNamespace;
}

bool has_cap_ipc_lock() {
  const std::optional<std::string> effective = proc_field(kStatus, "CapEff");
  if (!effective) return false;
  return (parse_number(*effective, 16).value_or(0) & (uint64_t{1} << CAP_IPC_LOCK)) != 0;
}

}  // namespace

std::optional<uint64_t> locked_memory_bytes() { return proc_field_bytes(kStatus, "VmLck"); }

LockedMemory locked_memory() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) throw_errno("getrlimit RLIMIT_MEMLOCK");
  return {
      .locked = locked_memory_bytes().value_or(0),
      .soft_limit = limit.rlim_cur,
      .hard_limit = limit.rlim_max,
      .can_exceed = has_cap_ipc_lock() && in_initial_user_namespace(),
  };
}

}  // namespace redoubt
