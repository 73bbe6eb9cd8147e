// SPDX-License-Identifier: Apache-2.0
//
// A network device between a fake driver and a fake host.
#pragma once

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "devices/virtio/net/net.h"
#include "tests/unit/devices/run_until.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "tests/unit/devices/virtio/fake_transport.h"
#include "tests/unit/devices/virtio/net/fake_backend.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

inline constexpr uint16_t kRx = 0;
inline constexpr uint16_t kTx = 1;
inline constexpr uint32_t kHeader = sizeof(NetHeader);

inline NetOptions named(std::string name) {
  NetOptions options;
  options.name = std::move(name);
  return options;
}

// Whether some epoll(7) instance of this process waits for the descriptor.
inline bool is_watched(BorrowedFd fd) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream file(entry.path());
    std::string word;
    int number = -1;
    while (file >> word) {
      if (word == "tfd:" && file >> number && number == fd.get()) return true;
    }
  }
  return false;
}

inline Bytes concat(const NetHeader& header, const Bytes& frame) {
  Bytes all(sizeof(header) + frame.size());
  std::memcpy(all.data(), &header, sizeof(header));
  std::copy(frame.begin(), frame.end(), all.begin() + sizeof(header));
  return all;
}

// What a receive buffer holds.
struct Received {
  NetHeader header;
  Bytes frame;
};
inline Received split(const Bytes& bytes) {
  Received received;
  std::memcpy(&received.header, bytes.data(), sizeof(NetHeader));
  received.frame.assign(bytes.begin() + kHeader, bytes.end());
  return received;
}

// The machine of a test: `queue_size` entries in each queue.
struct NetMachine {
  explicit NetMachine(uint16_t pairs = 1, uint64_t backend_features = virtio::kNetOffloads,
                      uint16_t queue_size = 64)
      : NetMachine(std::make_unique<FakeBackend>(pairs, backend_features), queue_size) {}

  // Frames that came are delivered, as far as there are buffers; what waits is sent.
  void run() { run_some(loop); }
  void start() { transport.start(); }
  void start_without(uint64_t features) { transport.start(transport.offered() & ~features); }

  // Sends a frame, or whatever `bytes` are, in one buffer.
  FakeRequest send(const Bytes& bytes, uint16_t queue = kTx) {
    const FakeRequest request = driver.chain().readable(bytes).submit(queue);
    transport.notify(queue);
    return request;
  }
  // Makes a receive buffer available without a notification.
  FakeRequest buffer(uint32_t size, uint16_t queue = kRx) {
    return driver.chain().writable(size).submit(queue);
  }

  EventLoop loop;
  FakeDriver driver;
  FakeBackend* host;
  Net net;
  FakeTransport transport;

 private:
  NetMachine(std::unique_ptr<FakeBackend> backend, uint16_t queue_size)
      : host(backend.get()),
        net("guest", named("lan"), std::move(backend), loop),
        transport(driver, net, queue_size) {}
};

}  // namespace redoubt
