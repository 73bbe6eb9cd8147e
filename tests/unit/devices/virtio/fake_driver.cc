// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/devices/virtio/fake_driver.h"

#include <algorithm>
#include <stdexcept>

namespace redoubt {

namespace {

constexpr GuestAddress kRam{0x4000'0000};
constexpr uint64_t kRamSize = 0x20'0000;
constexpr GuestAddress kWindow{kRam.value() + kRamSize};
constexpr uint64_t kWindowSize = 0x400'0000;  // only what is touched takes memory

std::vector<MemoryRegion> regions(FakeDriver::Memory kind) {
  const GuestRange window(kWindow, kWindowSize);
  if (kind == FakeDriver::Memory::Plain) {
    return {{GuestRange(kRam, kRamSize), PrivateRam{}}, {window, PrivateRam{}}};
  }
  return {{GuestRange(kRam, kRamSize), PrivateRam{}}, {window, DmaWindow{}}};
}

std::optional<GuestRange> window(FakeDriver::Memory kind) {
  if (kind == FakeDriver::Memory::Plain) return std::nullopt;
  return GuestRange(kWindow, kWindowSize);
}

// The driver's own accesses; they fail only if a test has revoked the page.
void must(const Result<void, MemoryError>& result) {
  if (!result) throw std::runtime_error("the fake driver cannot access its own memory");
}

GuestAddress at(GuestAddress base, uint64_t offset) { return GuestAddress(base.value() + offset); }

}  // namespace

FakeDriver::FakeDriver(Memory kind)
    : guest_(regions(kind)), dma_(guest_, window(kind)), next_page_(kWindow) {}

GuestAddress FakeDriver::outside() const { return kRam; }

GuestRange FakeDriver::allocate(uint64_t size) {
  const uint64_t page = host_page_size();
  const GuestRange range(next_page_, size);
  next_page_ = at(next_page_, (size + page - 1) / page * page);
  if (next_page_.value() > kWindow.value() + kWindowSize) {
    throw std::runtime_error("the fake driver has no memory left");
  }
  return range;
}

template <class T>
T FakeDriver::get(GuestAddress from) {
  return guest_.read_object<T>(from).value();
}

template <class T>
void FakeDriver::put(GuestAddress to, T value) {
  must(guest_.write_object(to, value));
}

uint16_t FakeDriver::add_queue(uint16_t size) {
  Queue queue;
  queue.layout.size = size;
  queue.layout.descriptor_table = allocate(uint64_t{size} * 16).start();
  queue.layout.available_ring = allocate(6 + uint64_t{size} * 2).start();
  queue.layout.used_ring = allocate(6 + uint64_t{size} * 8).start();
  queues_.push_back(queue);
  const auto index = static_cast<uint16_t>(queues_.size() - 1);
  reset_queue(index);
  return index;
}

void FakeDriver::reset_queue(uint16_t index) {
  Queue& queue = queues_.at(index);
  queue.next_available = 0;
  queue.next_used = 0;
  queue.free.clear();
  for (uint32_t i = queue.layout.size; i > 0; --i) {
    queue.free.push_back(static_cast<uint16_t>(i - 1));
  }
  queue.descriptors.assign(queue.layout.size, {});
  for (const GuestRange range :
       {descriptor_table(index), available_ring(index), used_ring(index)}) {
    must(guest_.fill_zero(range));
  }
}

GuestRange FakeDriver::descriptor_table(uint16_t queue) const {
  return {layout(queue).descriptor_table, uint64_t{layout(queue).size} * 16};
}
GuestRange FakeDriver::available_ring(uint16_t queue) const {
  return {layout(queue).available_ring, 6 + uint64_t{layout(queue).size} * 2};
}
GuestRange FakeDriver::used_ring(uint16_t queue) const {
  return {layout(queue).used_ring, 6 + uint64_t{layout(queue).size} * 8};
}

void FakeDriver::set_descriptor(uint16_t queue, uint16_t index, const FakeDescriptor& descriptor) {
  put(at(layout(queue).descriptor_table, uint64_t{index} * 16), descriptor);
}
void FakeDriver::set_available_flags(uint16_t queue, uint16_t flags) {
  put(layout(queue).available_ring, flags);
}
void FakeDriver::set_available_index(uint16_t queue, uint16_t index) {
  queues_.at(queue).next_available = index;
  must(guest_.store_release_u16(at(layout(queue).available_ring, 2), index));
}
void FakeDriver::set_available_entry(uint16_t queue, uint16_t slot, uint16_t head) {
  put(at(layout(queue).available_ring, 4 + uint64_t{slot} * 2), head);
}
void FakeDriver::set_used_event(uint16_t queue, uint16_t index) {
  put(at(layout(queue).available_ring, 4 + uint64_t{layout(queue).size} * 2), index);
}
uint16_t FakeDriver::available_index(uint16_t queue) {
  return get<uint16_t>(at(layout(queue).available_ring, 2));
}
uint16_t FakeDriver::used_flags(uint16_t queue) { return get<uint16_t>(layout(queue).used_ring); }
uint16_t FakeDriver::used_index(uint16_t queue) {
  return guest_.load_acquire_u16(at(layout(queue).used_ring, 2)).value();
}
uint16_t FakeDriver::available_event(uint16_t queue) {
  return get<uint16_t>(at(layout(queue).used_ring, 4 + uint64_t{layout(queue).size} * 8));
}

void FakeDriver::make_available(uint16_t queue, uint16_t head) {
  const uint16_t index = queues_.at(queue).next_available;
  set_available_entry(queue, index % layout(queue).size, head);
  set_available_index(queue, static_cast<uint16_t>(index + 1));
}

std::vector<Used> FakeDriver::used(uint16_t index) {
  Queue& queue = queues_.at(index);
  std::vector<Used> result;
  for (const uint16_t end = used_index(index); queue.next_used != end; ++queue.next_used) {
    const uint64_t slot = queue.next_used % queue.layout.size;
    result.push_back(get<Used>(at(queue.layout.used_ring, 4 + slot * sizeof(Used))));
    std::vector<uint16_t>& taken = queue.descriptors.at(result.back().head);
    queue.free.insert(queue.free.end(), taken.rbegin(), taken.rend());
    taken.clear();
  }
  return result;
}

std::vector<std::byte> FakeDriver::read(GuestRange range) {
  std::vector<std::byte> bytes(range.size());
  must(guest_.read(range.start(), bytes));
  return bytes;
}

std::vector<std::byte> FakeDriver::written(const FakeRequest& request) {
  std::vector<std::byte> all;
  for (const GuestRange range : request.writable) {
    const std::vector<std::byte> bytes = read(range);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

void FakeDriver::write(GuestAddress to, std::span<const std::byte> bytes) {
  must(guest_.write(to, bytes));
}

// --- Chain

FakeDriver::Chain& FakeDriver::Chain::readable(std::span<const std::byte> contents) {
  const GuestRange range = driver_.allocate(contents.size());
  driver_.write(range.start(), contents);
  return readable_at(range.start(), static_cast<uint32_t>(contents.size()));
}

FakeDriver::Chain& FakeDriver::Chain::readable(std::string_view contents) {
  return readable(std::as_bytes(std::span(contents)));
}

FakeDriver::Chain& FakeDriver::Chain::writable(uint32_t length) {
  const GuestRange range = driver_.allocate(length);
  driver_.write(range.start(), std::vector(length, std::byte{0xa5}));
  return writable_at(range.start(), length);
}

FakeDriver::Chain& FakeDriver::Chain::readable_at(GuestAddress address, uint32_t length) {
  if (const auto range = GuestRange::make(address, length)) request_.readable.push_back(*range);
  return descriptor({address.value(), length, 0, 0});
}

FakeDriver::Chain& FakeDriver::Chain::writable_at(GuestAddress address, uint32_t length) {
  if (const auto range = GuestRange::make(address, length)) request_.writable.push_back(*range);
  return descriptor({address.value(), length, kDescWrite, 0});
}

FakeDriver::Chain& FakeDriver::Chain::descriptor(const FakeDescriptor& descriptor) {
  descriptors_.push_back(descriptor);
  return *this;
}

FakeDriver::Chain& FakeDriver::Chain::indirect() {
  indirect_ = true;
  return *this;
}

FakeRequest FakeDriver::Chain::submit(uint16_t index) {
  if (indirect_) {
    for (size_t i = 0; i + 1 < descriptors_.size(); ++i) {
      if ((descriptors_[i].flags & kDescNext) != 0) continue;
      descriptors_[i].flags |= kDescNext;
      descriptors_[i].next = static_cast<uint16_t>(i + 1);
    }
    const auto bytes = std::as_bytes(std::span(descriptors_));
    const GuestRange table = driver_.allocate(bytes.size());
    driver_.write(table.start(), bytes);
    descriptors_ = {{table.start().value(), static_cast<uint32_t>(bytes.size()), kDescIndirect, 0}};
  }

  Queue& queue = driver_.queues_.at(index);
  if (queue.free.size() < descriptors_.size()) {
    throw std::runtime_error("the fake driver has no free descriptors");
  }
  std::vector<uint16_t> taken(queue.free.rbegin(),
                              queue.free.rbegin() + static_cast<ptrdiff_t>(descriptors_.size()));
  queue.free.resize(queue.free.size() - taken.size());
  for (size_t i = 0; i < taken.size(); ++i) {
    FakeDescriptor descriptor = descriptors_[i];
    if (i + 1 < taken.size() && (descriptor.flags & kDescNext) == 0) {
      descriptor.flags |= kDescNext;
      descriptor.next = taken[i + 1];
    }
    driver_.set_descriptor(index, taken[i], descriptor);
  }
  request_.head = taken.front();
  queue.descriptors.at(request_.head) = std::move(taken);
  driver_.make_available(index, request_.head);
  return request_;
}

}  // namespace redoubt
