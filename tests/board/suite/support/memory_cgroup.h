// SPDX-License-Identifier: Apache-2.0
//
// MemoryCgroup: a memory cgroup with the calling process in it, for as long as the object lives.
// The process is never killed for want of memory. Throws Unavailable where the host has none to
// give.
#pragma once

#include <string>

#include "tests/board/suite/support/private_mount.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

class MemoryCgroup {
 public:
  MemoryCgroup();
  MemoryCgroup(const MemoryCgroup&) = delete;
  MemoryCgroup& operator=(const MemoryCgroup&) = delete;
  ~MemoryCgroup();

  // While it lives, whatever is to be charged to the cgroup is refused. The memory that the process
  // has is there to be used; a page that it has yet to be given hangs it. So nothing but calls that
  // need none may be made meanwhile.
  class Full {
   public:
    explicit Full(const MemoryCgroup& cgroup);
    Full(const Full&) = delete;
    Full& operator=(const Full&) = delete;
    ~Full();

   private:
    const MemoryCgroup& cgroup_;
  };

 private:
  PrivateMount mount_;
  std::string path_;
  std::string never_killed_before_;
  bool added_ = false;
  UniqueFd limit_;
};

}  // namespace redoubt::suite
