// SPDX-License-Identifier: Apache-2.0
//
// UnixVsock's table of connections: how they come, settle and go.
#include <algorithm>
#include <memory>
#include <system_error>
#include <utility>

#include <sys/epoll.h>

#include "devices/virtio/vsock/unix_vsock.h"
#include "vmm/base/log.h"

namespace redoubt {

using virtio_vsock::kHostCid;
using virtio_vsock::Op;

namespace {

// Above what programs choose themselves.
constexpr uint32_t kFirstHostPort = uint32_t{1} << 30;

uint64_t key_of(const VsockAddress& address) {
  return uint64_t{address.host_port} << 32 | address.guest_port;
}

}  // namespace

UnixVsock::Entry* UnixVsock::find(const VsockAddress& address) {
  const auto found = connections_.find(key_of(address));
  return found == connections_.end() ? nullptr : found->second.get();
}

bool UnixVsock::full() const {
  return connections_.size() + detached_.size() >= limits_.connections;
}

UnixVsock::Entry* UnixVsock::add(VsockAddress address, VsockConnection::Origin origin,
                                 UniqueFd socket) {
  auto entry = std::make_unique<Entry>(address, origin, std::move(socket), backlog_);
  Entry* const added = entry.get();
  try {
    added->watch = loop_.watch(added->connection.socket(), 0,
                               [this, added](uint32_t events) { on_socket(*added, events); });
  } catch (const std::system_error& error) {
    log::warn("vsock: cannot watch a connection: {}", error.what());
    return nullptr;
  }
  connections_.emplace(key_of(address), std::move(entry));
  return added;
}

// The next one that is free; there are fewer connections than ports.
uint32_t UnixVsock::next_host_port(uint32_t guest_port) {
  do {
    ++last_host_port_;
    if (last_host_port_ < kFirstHostPort) last_host_port_ = kFirstHostPort;
  } while (find({last_host_port_, guest_port}) != nullptr);
  return last_host_port_;
}

void UnixVsock::settle(Entry& entry) {
  const VsockConnection& connection = entry.connection;
  if (connection.ended_by_guest()) {
    push_reset(connection.address());
    return remove(entry);
  }
  if (connection.abandoned() || !update_watch(entry)) return reset(entry);
  if (connection.has_packet() && !entry.ready) {
    ready_.push_back(&entry);
    entry.ready = true;
  }
  if (!connection.awaits_answer()) {
    entry.deadline.reset();
  } else if (!entry.deadline) {
    entry.deadline = Clock::now() + limits_.patience;
    if (!timer_armed_) timer_.arm_after(limits_.patience);
    timer_armed_ = true;
  }
}

bool UnixVsock::update_watch(Entry& entry) {
  const uint32_t wanted = entry.connection.wanted_events();
  if (wanted == entry.watched) return true;
  try {
    entry.watch.set_events(wanted);
  } catch (const std::system_error& error) {
    log::warn("vsock: cannot watch a connection: {}", error.what());
    return false;
  }
  entry.watched = wanted;
  return true;
}

void UnixVsock::push_reset(const VsockAddress& address) {
  virtio_vsock::Header reset{};
  reset.src_cid = kHostCid;
  reset.dst_cid = cid_;
  reset.src_port = address.host_port;
  reset.dst_port = address.guest_port;
  reset.type = virtio_vsock::kTypeStream;
  reset.op = static_cast<uint16_t>(Op::Rst);
  resets_.push_back(reset);
}

void UnixVsock::reset(Entry& entry) {
  if (entry.connection.known_to_guest()) push_reset(entry.connection.address());
  discard(entry);
}

void UnixVsock::remove(Entry& entry) {
  if (entry.connection.backlog() == 0) return discard(entry);
  std::erase(ready_, &entry);
  const auto found = connections_.find(key_of(entry.connection.address()));
  detached_.push_back(std::move(found->second));
  connections_.erase(found);
  entry.detached = true;
  entry.connection.detach();
  if (!update_watch(entry)) discard(entry);
}

void UnixVsock::discard(Entry& entry) {
  if (entry.detached) {
    std::erase_if(detached_, [&](const auto& other) { return other.get() == &entry; });
    return;
  }
  std::erase(ready_, &entry);
  connections_.erase(key_of(entry.connection.address()));
}

// On the loop thread, and not under the lock: no chain is held, and the queues are not touched.
void UnixVsock::forget_guest() {
  listener_.close();
  resets_.clear();
  transmit_stalled_ = false;
  while (!connections_.empty()) remove(*connections_.begin()->second);
}

void UnixVsock::forget_guest_if_stopped() {
  if (stopped_.exchange(false)) forget_guest();
}

}  // namespace redoubt
