// SPDX-License-Identifier: Apache-2.0
//
// EventLoop: one thread's epoll(7) loop. Handlers and posted tasks run on the thread that calls
// run(), one at a time, and must not block. Level-triggered.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "vmm/base/event_fd.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class EventLoop {
 public:
  using Handler = std::function<void(uint32_t events)>;  // EPOLLIN, EPOLLOUT, EPOLLHUP, …
  using Task = std::function<void()>;

  // Keeps a descriptor watched; destroying it ends the watch, and its handler is not called
  // again. The descriptor must outlive its Watch. Loop thread only, or while the loop is not
  // running.
  class Watch {
   public:
    Watch() = default;
    Watch(Watch&& other) noexcept;
    Watch& operator=(Watch&& other) noexcept;
    ~Watch() { cancel(); }

    // Which events to wait for from now on; 0 pauses the watch (EPOLLHUP and EPOLLERR are then
    // not reported either).
    void set_events(uint32_t events);
    void cancel();
    [[nodiscard]] bool active() const { return loop_ != nullptr; }

   private:
    friend class EventLoop;
    Watch(EventLoop* loop, uint64_t token) : loop_(loop), token_(token) {}
    EventLoop* loop_ = nullptr;
    uint64_t token_ = 0;
  };

  EventLoop();  // throws std::system_error
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // The Watch is not active() when epoll cannot wait for the descriptor because it is always ready,
  // such as a regular file. Any other failure throws std::system_error.
  [[nodiscard]] Watch watch(BorrowedFd fd, uint32_t events, Handler handler);

  // Any thread: run `task` on the loop thread, in order of posting.
  void post(Task task);

  // Dispatches until stop(). A stop() from before the call counts; each ends one run().
  void run();
  void stop();  // any thread

 private:
  struct Source {
    int fd;
    bool armed;  // in the epoll set
    Handler handler;
  };
  [[nodiscard]] bool try_arm(Source& source, uint64_t token, uint32_t events);  // false: see errno
  void arm(Source& source, uint64_t token, uint32_t events);
  void disarm(Source& source);
  void run_tasks();

  // Constant after construction.
  UniqueFd epoll_;
  EventFd wake_;
  // Loop thread only. A token is never used twice, so that an event fetched before its watch was
  // cancelled finds nothing rather than a newcomer.
  uint64_t next_token_ = 1;
  std::unordered_map<uint64_t, std::shared_ptr<Source>> sources_;
  // Any thread.
  std::atomic<bool> stop_requested_ = false;
  std::mutex tasks_mutex_;
  std::vector<Task> tasks_;
};

}  // namespace redoubt
