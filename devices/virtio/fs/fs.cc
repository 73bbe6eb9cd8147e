// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/fs/fs.h"

#include <algorithm>
#include <utility>

#include <sys/epoll.h>

#include "devices/virtio/features.h"
#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

constexpr size_t kTagBytes = 36;

const ShareOptions& checked(const ShareOptions& options) {
  if (options.tag.empty() || options.tag.size() > kTagBytes) {
    throw SetupError("share '" + options.tag + "': a tag has 1 to 36 bytes");
  }
  return options;
}

}  // namespace

Fs::Fs(const ShareOptions& options, EventLoop& loop)
    : name_("share " + options.tag),
      virtiofsd_(start_virtiofsd(checked(options), kQueueSizes.size())),
      hang_up_(
          loop.watch(virtiofsd_.front_end->channel().fd(), 0, [this](uint32_t) { on_hang_up(); })),
      messages_(
          loop.watch(virtiofsd_.process->messages(), EPOLLIN, [this](uint32_t) { on_message(); })) {
  std::transform(options.tag.begin(), options.tag.end(), config_.begin(),
                 [](char byte) { return static_cast<std::byte>(byte); });
  config_[kTagBytes] = std::byte{1};  // num_request_queues
}

uint64_t Fs::queue_features() const {
  // Not INDIRECT_DESC: with it, nothing bounds how much of the DMA window the requests under way
  // take, and Linux fails a request that finds it full.
  return virtiofsd_.front_end->features() & virtio::kEventIdx;
}

void Fs::attach(VirtioTransport& transport) {
  if (!VhostUserFrontEnd::can_share(transport.memory())) {
    throw SetupError(name_ + ": the guest's memory cannot be handed to virtiofsd");
  }
  VirtioDevice::attach(transport);
}

Result<void, QueueError> Fs::start() {
  why_.clear();
  if (const auto begun = run_backend(); !begun) {
    // Its end is what fails the device, once this is no longer inside the device's work.
    why_ = describe_end(*virtiofsd_.process, begun.error());
    end_backend();
  }
  return {};
}

Result<void, VhostUserError> Fs::run_backend() {
  for (uint16_t i = 0; i < kQueueSizes.size(); ++i) {
    // A driver may leave a queue out; then there is nothing to serve.
    if (transport().queue(i) == nullptr) return {};
  }
  running_ = true;
  hang_up_.set_events(EPOLLRDHUP);
  VhostUserFrontEnd& front_end = *virtiofsd_.front_end;
  TRY(front_end.begin(transport().negotiated(), transport().memory()));
  for (uint16_t i = 0; i < kQueueSizes.size(); ++i) {
    TRY(front_end.start_ring(i, {.layout = transport().queue(i)->layout(),
                                 .kick = transport().kick(i).fd(),
                                 .call = transport().interrupt().fd()}));
  }
  return {};
}

void Fs::stop() {
  if (running_ && !virtiofsd_.front_end->stop_rings(kQueueSizes.size())) end_backend();
  running_ = false;
}

// Whatever state the exchange is in: a process that is gone touches no memory.
void Fs::end_backend() {
  running_ = false;
  virtiofsd_.process->kill();
  VhostUserChannel& channel = virtiofsd_.front_end->channel();
  channel.set_deadline(VhostUserChannel::Clock::now() + VhostUserFrontEnd::kPatience);
  if (!channel.wait_for_end()) log::error("{}: virtiofsd cannot be killed", name_);
}

void Fs::on_hang_up() {
  hang_up_.set_events(0);  // until the next start
  if (why_.empty()) why_ = describe_end(*virtiofsd_.process, VhostUserError::Gone);
  transport().fail(why_);
}

void Fs::on_message() {
  const std::optional<std::string> text = virtiofsd_.process->read_messages();
  if (!text) return messages_.cancel();
  static log::RateLimit limit;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (!line.empty()) log::guest(limit, "{}: virtiofsd: {}", name_, line);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
}

}  // namespace redoubt
