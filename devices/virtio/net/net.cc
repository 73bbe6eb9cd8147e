// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net.h"

#include <utility>

#include <sys/epoll.h>

#include "devices/virtio/net/control_queue.h"
#include "devices/virtio/net/net_features.h"
#include "vmm/base/log.h"

namespace redoubt {

namespace {

constexpr uint16_t kQueueSize = 256;
constexpr uint16_t kControlQueueSize = 64;
// Frames that may be received before the loop has its turn.
constexpr int kFramesPerTurn = 256;

uint16_t receive_queue(uint16_t pair) { return static_cast<uint16_t>(2 * pair); }
uint16_t transmit_queue(uint16_t pair) { return static_cast<uint16_t>(2 * pair + 1); }

}  // namespace

Net::Net(std::string_view guest, const NetOptions& options, std::unique_ptr<NetBackend> backend,
         EventLoop& loop)
    : name_("net " + options.name),
      backend_(std::move(backend)),
      config_(net_config_space(mac_for(guest, options), backend_->pairs())),
      queue_sizes_(2 * size_t{backend_->pairs()}, kQueueSize),
      pairs_(backend_->pairs()) {
  if (backend_->pairs() > 1) queue_sizes_.push_back(kControlQueueSize);
  for (uint16_t i = 0; i < backend_->pairs(); ++i) {
    pairs_[i].watch =
        loop.watch(backend_->fd(i), 0, [this, i](uint32_t events) { on_backend(i, events); });
  }
  again_watch_ = loop.watch(again_.fd(), EPOLLIN, [this](uint32_t) { on_again(); });
}

Net::~Net() {
  log::debug("{}: {} frames received ({} dropped), {} sent ({} dropped)", name_, counters_.received,
             counters_.received_dropped, counters_.sent, counters_.sent_dropped);
}

uint64_t Net::features() const {
  const uint64_t several = pairs_.size() > 1 ? virtio::kNetCtrlVq | virtio::kNetMq : 0;
  return virtio::kNetMac | virtio::kNetStatus | virtio::kNetMrgRxbuf | backend_->features() |
         several;
}

Result<void, QueueError> Net::start() {
  backend_->set_offloads(transport().negotiated());
  for (uint16_t i = 0; i < backend_->pairs(); ++i) {
    pairs_[i].receive_waits = false;
    pairs_[i].transmit_waits = false;
    flush(i);  // what the driver before this one left
    watch(i);
  }
  if (gone_) again_.signal();
  return {};
}

Result<void, QueueError> Net::on_notify(uint16_t queue) {
  const uint64_t negotiated = transport().negotiated();
  const auto max_pairs = static_cast<uint16_t>(pairs_.size());
  if ((negotiated & virtio::kNetCtrlVq) != 0 &&
      queue == control_queue_index(negotiated, max_pairs)) {
    Virtqueue* control = transport().queue(queue);
    if (control == nullptr) return {};
    const uint16_t usable = (negotiated & virtio::kNetMq) != 0 ? max_pairs : 1;
    return serve_control_queue(*control, usable,
                               [this](uint16_t count) { return set_pairs(count); });
  }
  const auto pair = static_cast<uint16_t>(queue / 2);
  if (pair >= max_pairs) return {};
  TRY(queue == receive_queue(pair) ? receive(pair) : transmit(pair));
  watch(pair);
  return {};
}

void Net::stop() {
  for (Pair& pair : pairs_) {
    pair.receive.forget();
    pair.transmit.forget();
  }
  // A driver starts with one pair (5.1.6.5.5).
  if (!backend_->set_pairs(1)) log::warn("{}: the host still uses all queues", name_);
  active_ = 1;
}

void Net::stop_queue(uint16_t queue) {
  const size_t pair = queue / 2;
  if (pair >= pairs_.size()) return;
  if (queue == receive_queue(static_cast<uint16_t>(pair))) {
    pairs_[pair].receive.forget();
  } else {
    pairs_[pair].transmit.forget();
  }
}

// --- Receiving

Result<void, QueueError> Net::receive(uint16_t index) {
  if (gone_ || index >= active_) return {};
  Pair& pair = pairs_[index];
  Virtqueue* queue = transport().queue(receive_queue(index));
  for (int frames = 0; frames < kFramesPerTurn; ++frames) {
    pair.receive_waits = queue == nullptr || !TRY(pair.receive.has_buffer(*queue));
    if (pair.receive_waits) return {};
    if (!pair.receive.has_frame() && !fetch_frame(index)) return {};
    if (pair.receive.has_frame() && !TRY(deliver_frame(pair, *queue))) return {};
  }
  // A backend may have read ahead, so that its descriptor does not tell of the rest.
  again_.signal();
  return {};
}

// Asks the backend for a frame, which is dropped if it is not fit for the driver. False: there is
// none.
bool Net::fetch_frame(uint16_t index) {
  auto frame = backend_->receive(index);
  if (!frame) {
    lose_backend(frame.error());
    return false;
  }
  if (!*frame) return false;
  const auto header = header_for_driver((*frame)->header, transport().negotiated());
  if (!header || (*frame)->data.size() < kMinFrame) {
    ++counters_.received_dropped;
    return true;
  }
  pairs_[index].receive.take({*header, (*frame)->data});
  return true;
}

// False: the driver's buffers do not suffice yet.
Result<bool, QueueError> Net::deliver_frame(Pair& pair, Virtqueue& queue) {
  const bool mergeable = (transport().negotiated() & virtio::kNetMrgRxbuf) != 0;
  using Buffers = ReceiveQueue::Buffers;
  switch (TRY(pair.receive.deliver(queue, mergeable ? Buffers::Mergeable : Buffers::OneForEach))) {
    case ReceiveQueue::Outcome::Delivered: ++counters_.received; return true;
    case ReceiveQueue::Outcome::TooLarge: {
      ++counters_.received_dropped;
      static log::RateLimit limit;
      log::guest(limit, "{}: the driver's buffers are too small for a frame", name_);
      return true;
    }
    case ReceiveQueue::Outcome::NoBuffers: break;
  }
  pair.receive_waits = true;
  return false;
}

// --- Sending

Result<void, QueueError> Net::transmit(uint16_t index) {
  if (gone_) return {};
  Pair& pair = pairs_[index];
  Virtqueue* queue = transport().queue(transmit_queue(index));
  pair.transmit_waits = false;
  while (queue != nullptr && TRY(take_frame(pair, *queue))) {
    const NetBackend::Sent sent = send_frame(index);
    if (sent == NetBackend::Sent::NotNow) {
      pair.transmit_waits = true;
      break;
    }
    ++(sent == NetBackend::Sent::Taken ? counters_.sent : counters_.sent_dropped);
    TRY(pair.transmit.finish(*queue));
  }
  flush(index);
  return {};
}

// Sees to it that the queue has a frame to send; false: the driver has made no more available.
Result<bool, QueueError> Net::take_frame(Pair& pair, Virtqueue& queue) {
  while (!pair.transmit.has_frame()) {
    switch (TRY(pair.transmit.take(queue, transport().negotiated(), name_))) {
      case TransmitQueue::Taken::Frame: break;
      case TransmitQueue::Taken::Faulty: ++counters_.sent_dropped; break;
      case TransmitQueue::Taken::Nothing: return false;
    }
  }
  return true;
}

NetBackend::Sent Net::send_frame(uint16_t index) {
  // A queue out of use leads nowhere: the host would refuse it.
  if (index >= active_) return NetBackend::Sent::Refused;
  const TransmitQueue& queue = pairs_[index].transmit;
  const auto sent = backend_->send(index, queue.header(), queue.frame());
  if (sent) return *sent;
  lose_backend(sent.error());
  return NetBackend::Sent::NotNow;
}

void Net::flush(uint16_t index) {
  if (gone_ || index >= active_) return;
  const auto flushed = backend_->flush(index);
  if (!flushed) {
    lose_backend(flushed.error());
  } else if (!*flushed) {
    pairs_[index].transmit_waits = true;
  }
}

// --- Both

Result<bool, QueueError> Net::set_pairs(uint16_t count) {
  if (!backend_->set_pairs(count)) {
    static log::RateLimit limit;
    log::guest(limit, "{}: the host refuses to use {} pairs of queues", name_, count);
    return false;
  }
  active_ = count;
  for (uint16_t i = 0; i < backend_->pairs(); ++i) {
    // One that comes into use may have been given buffers before; one that goes out of use may have
    // a frame waiting.
    pairs_[i].receive_waits = false;
    TRY(transmit(i));
    watch(i);
  }
  return true;
}

void Net::lose_backend(const NetBackend::Gone& gone) {
  if (!gone_) gone_ = gone.why;
  again_.signal();  // here we are inside work, where the device cannot fail by itself
}

void Net::watch(uint16_t index) {
  Pair& pair = pairs_[index];
  uint32_t events = 0;
  if (!gone_ && index < active_) {
    if (!pair.receive_waits) events |= EPOLLIN;
    if (pair.transmit_waits) events |= EPOLLOUT;
  }
  if (events == pair.watched) return;
  pair.watch.set_events(events);
  pair.watched = events;
}

void Net::on_backend(uint16_t index, uint32_t events) {
  const bool up = transport().run([&]() -> Result<void, QueueError> {
    // An error or the end is found by either.
    if ((events & ~uint32_t{EPOLLIN}) != 0) TRY(transmit(index));
    if ((events & ~uint32_t{EPOLLOUT}) != 0) TRY(receive(index));
    watch(index);
    return {};
  });
  if (up) return;
  pairs_[index].watch.set_events(0);
  pairs_[index].watched = 0;
}

void Net::on_again() {
  again_.drain();
  const bool up = transport().run([&]() -> Result<void, QueueError> {
    for (uint16_t i = 0; i < active_; ++i) {
      TRY(receive(i));
      watch(i);
    }
    return {};
  });
  if (up && gone_) transport().fail(*gone_);
}

}  // namespace redoubt
