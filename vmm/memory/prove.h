// SPDX-License-Identifier: Apache-2.0
//
// Proof on demand: which pages of guest memory does the kernel refuse to this process, right now?
// Each page is tried in the one way that harms nobody: a write(2) of one byte of it into a pipe.
// The kernel then reads the page as the user would, and EL2's refusal comes back as EFAULT.
// (Reading it through process_vm_readv, /proc/PID/mem or a pinned page would take it away from the
// guest.)
//
// A page that was never present is not tried, because trying would make it present.
//
// The outcome is that of the moment: the guest shares and unshares as it likes. A readable page is
// either shared or not donated yet, and nobody but EL2 knows which; only the totals can be told
// apart, see count_pages().
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

#include "vmm/base/result.h"
#include "vmm/memory/guest_address.h"

namespace redoubt {

class GuestMemory;

enum class PageAccess {
  Refused,     // donated to the guest and not shared: EFAULT
  Readable,    // shared, or not donated
  NotPresent,  // never touched, neither by us nor by the guest
};

struct AccessRun {
  GuestRange range;
  PageAccess access;
};

struct RegionProof {
  GuestRange range;
  // In pages; their sum is the region.
  uint64_t refused = 0;
  uint64_t readable = 0;
  uint64_t not_present = 0;
  // The first page of each kind, if there is one.
  std::optional<GuestAddress> first_refused = std::nullopt;
  std::optional<GuestAddress> first_readable = std::nullopt;
  std::optional<GuestAddress> first_not_present = std::nullopt;
  // Neighbours of one kind joined, in the order of their addresses. The guest decides how many
  // there are, so only the first kMaxRuns are kept; `runs_omitted` counts the rest.
  std::vector<AccessRun> runs = {};
  uint64_t runs_omitted = 0;

  static constexpr size_t kMaxRuns = 4096;
};

struct MemoryProof {
  uint64_t page_size;
  std::vector<RegionProof> regions;

  // Over all regions, in pages.
  [[nodiscard]] uint64_t refused() const;
  [[nodiscard]] uint64_t total() const;
};

// Tries every page. Any thread, while the guest runs or not; takes in the order of a second for
// each few GiB. Fails if the host gives no pipe or no /proc/self/pagemap.
[[nodiscard]] Result<MemoryProof, std::error_code> prove(const GuestMemory& memory);

// What the pages of a protected guest are, in pages: refused + shared + never_touched is all
// memory.
struct PageCount {
  uint64_t refused;        // private to the guest
  uint64_t shared;         // donated, and shared with us again
  uint64_t never_touched;  // not donated yet
};

// Needs the number of donated pages besides (locked_memory_bytes() / page size). The guest may have
// run on between the two readings, so the counts are brought into agreement.
[[nodiscard]] PageCount count_pages(const MemoryProof& proof, uint64_t donated_pages);

}  // namespace redoubt
