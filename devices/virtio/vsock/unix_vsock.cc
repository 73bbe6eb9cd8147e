// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/unix_vsock.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <string>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <sys/resource.h>

#include "devices/unix_socket.h"
#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

using virtio_vsock::Header;
using virtio_vsock::kHostCid;
using virtio_vsock::Op;

namespace {

constexpr std::array<uint16_t, 3> kQueueSizes = {128, 128, 8};
constexpr size_t kMaxPayload = size_t{64} * 1024;
// Answers kept for a guest without receive buffers, before its own packets wait. Connections that
// end on their own account add one each.
constexpr size_t kMaxResets = 256;
VsockLimits within_descriptors(VsockLimits limits) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    limits.connections = std::min<size_t>(limits.connections, files.rlim_cur / 2);
  }
  return limits;
}

std::filesystem::path checked(const std::filesystem::path& path) {
  constexpr size_t kSuffix = std::string_view("_4294967295").size();
  if (path.native().size() + kSuffix <= kMaxSocketPath) return path;
  throw SetupError(
      fmt::format("vsock: the path {} is too long", path.string()), ExitStatus::SetupFailed,
      fmt::format("with _PORT behind it, it may have {} bytes: change vsock.path", kMaxSocketPath));
}

}  // namespace

UnixVsock::UnixVsock(EventLoop& loop, const VsockOptions& options, const VsockLimits& limits)
    : loop_(loop),
      path_(checked(options.path)),
      cid_(options.cid),
      limits_(within_descriptors(limits)),
      payload_(kMaxPayload),
      listener_(loop, path_, limits_.patience,
                [this](UniqueFd client, uint32_t port) { on_client(std::move(client), port); }),
      timer_(CLOCK_MONOTONIC) {
  timer_watch_ = loop.watch(timer_.fd(), EPOLLIN, [this](uint32_t) { on_timer(); });
  again_watch_ = loop.watch(again_.fd(), EPOLLIN, [this](uint32_t) {
    again_.drain();
    forget_guest_if_stopped();
    transport().run([this] { return take_packets(); });
  });
}

uint64_t UnixVsock::dma_window_need() {
  constexpr uint64_t kPage = 4096;
  constexpr uint64_t kRings = 4 * kPage;
  constexpr uint64_t kReceive = kQueueSizes[0] * kPage;
  constexpr uint64_t kTransmit = uint64_t{16} * 64 * 1024;  // packets of full size under way
  return kRings + kReceive + kTransmit;
}

std::span<const uint16_t> UnixVsock::max_queue_sizes() const { return kQueueSizes; }

std::span<const std::byte> UnixVsock::initial_config() const {
  return std::as_bytes(std::span(&cid_, 1));  // guest_cid
}

Result<void, QueueError> UnixVsock::start() {
  forget_guest_if_stopped();
  listener_.open();
  return {};
}

Result<void, QueueError> UnixVsock::on_notify(uint16_t queue) {
  if (queue == virtio_vsock::kTransmitQueue) return take_packets();
  if (queue == virtio_vsock::kReceiveQueue) return send_packets();
  return {};
}

void UnixVsock::stop() {
  stopped_ = true;
  again_.signal();
}

// --- From the guest

Result<void, QueueError> UnixVsock::take_packets() {
  Virtqueue* queue = transport().queue(virtio_vsock::kTransmitQueue);
  if (queue == nullptr) return {};
  while (resets_.size() < kMaxResets) {
    std::optional<DescriptorChain> packet = TRY(queue->pop());
    if (!packet) return send_packets();
    const auto header = TRY(packet->read_object<Header>());
    TRY(take(header, *packet));
    TRY(queue->push(*std::move(packet), 0));
  }
  transmit_stalled_ = true;
  return send_packets();
}

Result<void, QueueError> UnixVsock::take(const Header& header, DescriptorChain& packet) {
  if (header.src_cid != cid_) {
    static log::RateLimit limit;
    log::guest(limit, "vsock: a packet of cid {} was dropped", uint64_t{header.src_cid});
    return {};
  }
  const bool ours = header.dst_cid == kHostCid && header.type == virtio_vsock::kTypeStream;
  Entry* const entry = ours ? find({header.dst_port, header.src_port}) : nullptr;
  if (Op{header.op} == Op::Rst) {
    if (entry != nullptr) remove(*entry);
    return {};
  }
  const bool whole = header.len == packet.readable_left();
  if (entry == nullptr) {
    if (!ours || !whole || Op{header.op} != Op::Request || !accept_request(header)) refuse(header);
    return {};
  }
  entry->connection.hear(header.buf_alloc, header.fwd_cnt);
  if (!whole || !TRY(obey(entry->connection, header, packet))) {
    static log::RateLimit limit;
    log::guest(limit, "vsock: the guest's port {} broke its connection: op {}, length {}",
               uint32_t{header.src_port}, uint16_t{header.op}, uint32_t{header.len});
    reset(*entry);
    return {};
  }
  settle(*entry);
  return {};
}

Result<bool, QueueError> UnixVsock::obey(VsockConnection& connection, const Header& header,
                                         DescriptorChain& packet) {
  switch (Op{header.op}) {
    case Op::Response: return connection.confirm();
    case Op::Shutdown: return connection.shut_down(header.flags);
    case Op::CreditUpdate: return connection.established();
    case Op::CreditRequest: return connection.answer_with_credit();
    case Op::Rw: break;
    default: return false;
  }
  if (!connection.admits(header.len) || backlog_ + header.len > limits_.backlog) return false;
  while (packet.readable_left() > 0) {
    const size_t size = std::min<size_t>(payload_.size(), packet.readable_left());
    const std::span<std::byte> bytes = std::span(payload_).first(size);
    TRY(packet.read(bytes));
    connection.deliver(bytes);
  }
  return true;
}

bool UnixVsock::accept_request(const Header& header) {
  static log::RateLimit limit;
  const uint32_t port = header.dst_port;
  if (full()) {
    log::guest(limit, "vsock: the guest's connection to port {} was refused: there are {} already",
               port, limits_.connections);
    return false;
  }
  const std::filesystem::path path = path_.native() + "_" + std::to_string(port);
  Result<UniqueFd, std::error_code> socket = connect_unix(path);
  if (!socket) {
    log::guest(limit, "vsock: the guest's connection to port {} was refused: {}: {}", port,
               path.string(), socket.error().message());
    return false;
  }
  Entry* const entry =
      add({port, header.src_port}, VsockConnection::Origin::Guest, *std::move(socket));
  if (entry == nullptr) return false;
  entry->connection.hear(header.buf_alloc, header.fwd_cnt);
  settle(*entry);
  return true;
}

void UnixVsock::refuse(const Header& header) {
  Header reset{};
  reset.src_cid = header.dst_cid;
  reset.dst_cid = header.src_cid;
  reset.src_port = header.dst_port;
  reset.dst_port = header.src_port;
  reset.type = header.type;
  reset.op = static_cast<uint16_t>(Op::Rst);
  resets_.push_back(reset);
}

// --- To the guest

Result<void, QueueError> UnixVsock::send_packets() {
  Virtqueue* queue = transport().queue(virtio_vsock::kReceiveQueue);
  if (queue == nullptr) return {};
  std::optional<DescriptorChain> buffer;
  while (!resets_.empty() || !ready_.empty()) {
    if (!buffer) buffer = TRY(queue->pop());
    if (!buffer) break;
    if (buffer->writable_bytes() <= sizeof(Header)) return Unexpected(QueueError::BadRequest);
    if (!resets_.empty()) {
      TRY(send(*std::exchange(buffer, std::nullopt), resets_.front()));
      resets_.pop_front();
      continue;
    }
    Entry& entry = *ready_.front();
    ready_.pop_front();
    entry.ready = false;
    const size_t room =
        std::min<size_t>(payload_.size(), buffer->writable_bytes() - sizeof(Header));
    VsockConnection& connection = entry.connection;
    if (const auto packet = connection.next_packet(std::span(payload_).first(room))) {
      TRY(send(*std::exchange(buffer, std::nullopt), {.src_cid = kHostCid,
                                                      .dst_cid = cid_,
                                                      .src_port = connection.address().host_port,
                                                      .dst_port = connection.address().guest_port,
                                                      .len = packet->len,
                                                      .type = virtio_vsock::kTypeStream,
                                                      .op = static_cast<uint16_t>(packet->op),
                                                      .flags = packet->flags,
                                                      .buf_alloc = ReceiveCredit::kBufAlloc,
                                                      .fwd_cnt = connection.tell_credit()}));
    }
    settle(entry);
  }
  if (buffer) queue->undo_pop(*std::move(buffer));
  if (transmit_stalled_ && resets_.size() < kMaxResets) {
    transmit_stalled_ = false;
    again_.signal();
  }
  return {};
}

Result<void, QueueError> UnixVsock::send(DescriptorChain buffer, const Header& header) {
  TRY(buffer.write_object(header));
  TRY(buffer.write(std::span(payload_).first(header.len)));
  Virtqueue* queue = transport().queue(virtio_vsock::kReceiveQueue);
  return queue->push(std::move(buffer), static_cast<uint32_t>(sizeof(Header)) + header.len);
}

// --- From the host

void UnixVsock::on_client(UniqueFd client, uint32_t port) {
  const bool up = transport().run([&]() -> Result<void, QueueError> {
    if (full()) {
      log::info("vsock: a client was closed: there are {} connections", limits_.connections);
      return {};
    }
    const VsockAddress address{next_host_port(port), port};
    Entry* const entry = add(address, VsockConnection::Origin::Host, std::move(client));
    if (entry != nullptr) settle(*entry);
    return send_packets();
  });
  if (!up) forget_guest();
}

void UnixVsock::on_socket(Entry& entry, uint32_t events) {
  if (entry.detached) {
    entry.connection.on_socket(events);
    if (entry.connection.backlog() == 0) discard(entry);
    return;
  }
  const bool up = transport().run([&] {
    entry.connection.on_socket(events);
    settle(entry);
    return send_packets();
  });
  if (!up) forget_guest();
}

void UnixVsock::on_timer() {
  timer_.drain();
  timer_armed_ = false;
  const bool up = transport().run([this] {
    const Clock::time_point now = Clock::now();
    std::vector<Entry*> late;
    std::optional<Clock::time_point> next;
    for (const auto& [key, entry] : connections_) {
      if (!entry->deadline) continue;
      if (*entry->deadline <= now) {
        late.push_back(entry.get());
      } else {
        next = next ? std::min(*next, *entry->deadline) : *entry->deadline;
      }
    }
    for (Entry* entry : late) reset(*entry);
    if (next) timer_.arm_after(*next - now);
    timer_armed_ = next.has_value();
    return send_packets();
  });
  if (!up) forget_guest();
}

}  // namespace redoubt
