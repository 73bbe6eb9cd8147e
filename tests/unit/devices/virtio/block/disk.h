// SPDX-License-Identifier: Apache-2.0
//
// Disk: a block device with a driver on one side and an image on the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <linux/virtio_blk.h>

#include "devices/virtio/block/block.h"
#include "tests/unit/devices/run_until.h"
#include "tests/unit/devices/virtio/block/fake_engine.h"
#include "tests/unit/devices/virtio/block/temp_image.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "tests/unit/devices/virtio/fake_transport.h"

namespace redoubt {

// Status of a request (virtio 1.3, 5.2.6).
inline constexpr uint8_t kOk = VIRTIO_BLK_S_OK;
inline constexpr uint8_t kIoError = VIRTIO_BLK_S_IOERR;
inline constexpr uint8_t kUnsupported = VIRTIO_BLK_S_UNSUPP;

inline constexpr uint64_t bit(unsigned number) { return uint64_t{1} << number; }

struct Disk {
  static constexpr uint64_t kSectors = 4096;

  enum class Engine { Fake, Uring };

  explicit Disk(BlockOptions options = {}, Engine kind = Engine::Fake, uint16_t queue_size = 64)
      : image(kSectors * 512),
        block(make(std::move(options), kind)),
        transport(driver, *block, queue_size) {}

  std::unique_ptr<Block> make(BlockOptions options, Engine kind) {
    options.path = image.path();
    if (kind == Engine::Uring) return std::make_unique<Block>(options, loop);
    return std::make_unique<Block>(options, loop,
                                   [this](const ImageFile& file, uint32_t, EventFd& completed) {
                                     auto made = std::make_unique<FakeEngine>(file.fd(), completed);
                                     engine = made.get();
                                     return made;
                                   });
  }

  static virtio_blk_outhdr header(uint32_t type, uint64_t sector) {
    return {.type = type, .ioprio = 0, .sector = sector};
  }

  // Requests of an honest driver; made available, not notified.
  FakeRequest read(uint64_t sector, uint32_t bytes, uint16_t queue = 0) {
    return driver.chain()
        .readable_object(header(VIRTIO_BLK_T_IN, sector))
        .writable(bytes)
        .writable(1)
        .submit(queue);
  }
  FakeRequest write(uint64_t sector, std::span<const std::byte> bytes, uint16_t queue = 0) {
    return driver.chain()
        .readable_object(header(VIRTIO_BLK_T_OUT, sector))
        .readable(bytes)
        .writable(1)
        .submit(queue);
  }
  FakeRequest flush() {
    return driver.chain().readable_object(header(VIRTIO_BLK_T_FLUSH, 0)).writable(1).submit(0);
  }
  FakeRequest range(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags = 0) {
    const virtio_blk_discard_write_zeroes segment{
        .sector = sector, .num_sectors = sectors, .flags = flags};
    return driver.chain()
        .readable_object(header(type, 0))
        .readable_object(segment)
        .writable(1)
        .submit(0);
  }

  // The last writable byte: 0xa5, as long as the device has not written it.
  uint8_t status(const FakeRequest& request) {
    return std::to_integer<uint8_t>(driver.written(request).back());
  }
  // The writable bytes before it.
  std::vector<std::byte> data(const FakeRequest& request) {
    std::vector<std::byte> bytes = driver.written(request);
    bytes.pop_back();
    return bytes;
  }
  // Notifies and waits until there is nothing under way; the status.
  uint8_t serve(const FakeRequest& request) {
    transport.notify(0);
    (void)run_until(loop, [&] { return status(request) != 0xa5 || !transport.failure().empty(); });
    return status(request);
  }

  TempImage image;
  EventLoop loop;
  FakeDriver driver;
  FakeEngine* engine = nullptr;
  std::unique_ptr<Block> block;
  FakeTransport transport;
};

inline std::vector<std::byte> bytes_of(size_t size, uint8_t value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

}  // namespace redoubt
