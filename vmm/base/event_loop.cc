// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/event_loop.h"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/epoll.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {
constexpr uint64_t kWakeToken = 0;
constexpr int kEventsPerWait = 16;
}  // namespace

EventLoop::Watch::Watch(Watch&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)), token_(other.token_) {}

EventLoop::Watch& EventLoop::Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    cancel();
    loop_ = std::exchange(other.loop_, nullptr);
    token_ = other.token_;
  }
  return *this;
}

void EventLoop::Watch::set_events(uint32_t events) {
  if (loop_ == nullptr) return;
  Source& source = *loop_->sources_.at(token_);
  if (events == 0) {
    loop_->disarm(source);
  } else {
    loop_->arm(source, token_, events);
  }
}

void EventLoop::Watch::cancel() {
  if (loop_ == nullptr) return;
  const auto found = loop_->sources_.find(token_);
  loop_->disarm(*found->second);
  loop_->sources_.erase(found);
  loop_ = nullptr;
}

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_.valid()) throw_errno("epoll_create1");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeToken;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.fd().get(), &event) != 0) {
    throw_errno("epoll_ctl");
  }
}

EventLoop::~EventLoop() = default;

EventLoop::Watch EventLoop::watch(BorrowedFd fd, uint32_t events, Handler handler) {
  const uint64_t token = next_token_++;
  auto source = std::make_shared<Source>(Source{fd.get(), false, std::move(handler)});
  if (events != 0 && !try_arm(*source, token, events)) {
    // Output to a file is common, and the first exception of a static program is dear: the unwinder
    // sorts all its tables.
    if (errno == EPERM) return {};
    throw_errno("epoll_ctl");
  }
  sources_.emplace(token, std::move(source));
  return {this, token};
}

bool EventLoop::try_arm(Source& source, uint64_t token, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  const int operation = source.armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(epoll_.get(), operation, source.fd, &event) != 0) return false;
  source.armed = true;
  return true;
}

void EventLoop::arm(Source& source, uint64_t token, uint32_t events) {
  if (!try_arm(source, token, events)) throw_errno("epoll_ctl");
}

void EventLoop::disarm(Source& source) {
  if (!source.armed) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, source.fd, nullptr);
  source.armed = false;
}

void EventLoop::post(Task task) {
  {
    const std::lock_guard lock(tasks_mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.signal();
}

void EventLoop::stop() {
  stop_requested_ = true;
  wake_.signal();
}

void EventLoop::run_tasks() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(tasks_mutex_);
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) task();
}

void EventLoop::run() {
  std::array<epoll_event, kEventsPerWait> events{};
  while (!stop_requested_.exchange(false)) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerWait, -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events.at(static_cast<size_t>(i));
      // epoll_event is packed on some machines: nothing may refer to its fields.
      const uint64_t token = event.data.u64;
      if (token == kWakeToken) {
        wake_.drain();
        run_tasks();
        continue;
      }
      const auto found = sources_.find(token);
      if (found == sources_.end()) continue;
      // The handler may cancel its own watch: keep the source until it returns.
      const std::shared_ptr<Source> source = found->second;
      if (source->armed) source->handler(event.events);
    }
  }
}

}  // namespace redoubt
