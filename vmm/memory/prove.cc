// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/prove.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "vmm/base/unique_fd.h"
#include "vmm/memory/guest_memory.h"

namespace redoubt {

namespace {

// Documentation/admin-guide/mm/pagemap.rst: one 64-bit word for each page of the address space.
constexpr uint64_t kPagemapPresent = uint64_t{1} << 63;
constexpr uint64_t kPagemapSwapped = uint64_t{1} << 62;

std::error_code last_error() { return {errno, std::generic_category()}; }

class Prober {
 public:
  static Result<Prober, std::error_code> make() {
    UniqueFd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    if (!pagemap.valid()) return Unexpected(last_error());
    std::array<int, 2> ends = {};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return Unexpected(last_error());
    return Prober(std::move(pagemap), UniqueFd(ends[0]), UniqueFd(ends[1]));
  }

  // The words of the pages from `address` on.
  Result<void, std::error_code> read_pagemap(uint64_t address, std::span<uint64_t> words) const {
    const auto offset = static_cast<off_t>(address / host_page_size() * sizeof(uint64_t));
    const ssize_t count = ::pread(pagemap_.get(), words.data(), words.size_bytes(), offset);
    if (count < 0) return Unexpected(last_error());
    // What the kernel says nothing about is not present.
    std::ranges::fill(words.subspan(static_cast<size_t>(count) / sizeof(uint64_t)), uint64_t{0});
    return {};
  }

  Result<PageAccess, std::error_code> probe(uint64_t address) const {
    // SAFETY: the kernel reads the byte with its user-access routines. They fail with EFAULT on a
    // page that EL2 refuses, and the guest is not harmed (nor is it by the success of others).
    const auto* const byte = reinterpret_cast<const void*>(address);
    if (::write(pipe_in_.get(), byte, 1) != 1) {
      if (errno == EFAULT) return PageAccess::Refused;
      return Unexpected(last_error());
    }
    std::byte drained = {};
    if (::read(pipe_out_.get(), &drained, 1) != 1) return Unexpected(last_error());
    return PageAccess::Readable;
  }

 private:
  Prober(UniqueFd pagemap, UniqueFd pipe_out, UniqueFd pipe_in)
      : pagemap_(std::move(pagemap)),
        pipe_out_(std::move(pipe_out)),
        pipe_in_(std::move(pipe_in)) {}

  UniqueFd pagemap_;
  UniqueFd pipe_out_;
  UniqueFd pipe_in_;
};

void count_page(RegionProof& proof, GuestRange page, PageAccess access) {
  const auto count = [&](uint64_t& number, std::optional<GuestAddress>& first) {
    ++number;
    if (!first) first = page.start();
  };
  switch (access) {
    case PageAccess::Refused: count(proof.refused, proof.first_refused); break;
    case PageAccess::Readable: count(proof.readable, proof.first_readable); break;
    case PageAccess::NotPresent: count(proof.not_present, proof.first_not_present); break;
  }
}

// Joins pages to runs, and keeps the first kMaxRuns of them.
class RunBuilder {
 public:
  explicit RunBuilder(RegionProof& proof) : proof_(proof) {}

  void add(GuestRange page, PageAccess access) {
    if (run_ && run_->access == access) {
      run_->range = GuestRange(run_->range.start(), run_->range.size() + page.size());
      return;
    }
    finish();
    run_ = AccessRun{page, access};
  }

  void finish() {
    if (!run_) return;
    if (proof_.runs.size() < RegionProof::kMaxRuns) {
      proof_.runs.push_back(*run_);
    } else {
      ++proof_.runs_omitted;
    }
    run_.reset();
  }

 private:
  RegionProof& proof_;
  std::optional<AccessRun> run_;
};

Result<RegionProof, std::error_code> prove_region(const MemorySlot& slot, const Prober& prober) {
  RegionProof proof{.range = slot.range};
  RunBuilder runs(proof);
  const uint64_t page_size = host_page_size();
  std::array<uint64_t, 512> words = {};
  for (uint64_t offset = 0; offset < slot.range.size();) {
    const uint64_t pages_left = (slot.range.size() - offset) / page_size;
    const auto chunk = std::span(words).first(std::min<uint64_t>(pages_left, words.size()));
    TRY(prober.read_pagemap(slot.host_address + offset, chunk));
    for (const uint64_t word : chunk) {
      PageAccess access = PageAccess::NotPresent;
      if ((word & (kPagemapPresent | kPagemapSwapped)) != 0) {
        access = TRY(prober.probe(slot.host_address + offset));
      }
      const GuestRange page(GuestAddress(slot.range.start().value() + offset), page_size);
      count_page(proof, page, access);
      runs.add(page, access);
      offset += page_size;
    }
  }
  runs.finish();
  return proof;
}

}  // namespace

uint64_t MemoryProof::refused() const {
  uint64_t sum = 0;
  for (const RegionProof& region : regions) sum += region.refused;
  return sum;
}

uint64_t MemoryProof::total() const {
  uint64_t sum = 0;
  for (const RegionProof& region : regions) sum += region.range.size() / page_size;
  return sum;
}

Result<MemoryProof, std::error_code> prove(const GuestMemory& memory) {
  const Prober prober = TRY(Prober::make());
  MemoryProof proof{.page_size = host_page_size(), .regions = {}};
  for (const MemorySlot& slot : memory.slots()) {
    proof.regions.push_back(TRY(prove_region(slot, prober)));
  }
  return proof;
}

PageCount count_pages(const MemoryProof& proof, uint64_t donated_pages) {
  const uint64_t refused = proof.refused();
  const uint64_t total = proof.total();
  // A page refused is donated, and no more than all are.
  const uint64_t donated = std::clamp(donated_pages, refused, total);
  return {.refused = refused, .shared = donated - refused, .never_touched = total - donated};
}

}  // namespace redoubt
