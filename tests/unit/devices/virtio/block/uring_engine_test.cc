// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/uring_engine.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/unit/devices/run_until.h"
#include "tests/unit/devices/virtio/block/disk.h"
#include "tests/unit/devices/virtio/block/loop_device.h"
#include "tests/unit/devices/virtio/block/refuse_io_uring.h"
#include "tests/unit/devices/virtio/block/temp_image.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

using Kind = IoOperation::Kind;
using Discard = UringEngine::Discard;

class UringEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      UringEngine(image_.fd(), Discard::PunchHole, 1, completed_);
    } catch (const SetupError& error) {
      GTEST_SKIP() << error.what();
    }
  }

  // Does one operation; its result.
  int32_t perform(IoEngine& engine, const IoOperation& operation) {
    engine.start(7, operation);
    EXPECT_TRUE(engine.submit());
    std::optional<IoCompletion> completion;
    EventLoop loop;
    const EventLoop::Watch watch = loop.watch(completed_.fd(), EPOLLIN, [&](uint32_t) {
      completed_.drain();
      if (!completion) completion = engine.next_completion();
    });
    EXPECT_TRUE(run_until(loop, [&] { return completion.has_value(); }));
    if (!completion) return -ETIME;
    EXPECT_EQ(completion->tag, 7U);
    EXPECT_FALSE(engine.next_completion());
    return completion->result;
  }

  int32_t transfer(IoEngine& engine, Kind kind, uint64_t offset, std::vector<std::byte>& bytes) {
    const size_t half = bytes.size() / 2;
    const std::array<iovec, 2> buffers = {
        {{bytes.data(), half}, {bytes.data() + half, bytes.size() - half}}};
    return perform(engine,
                   {.kind = kind, .offset = offset, .length = bytes.size(), .buffers = buffers});
  }

  TempImage image_{1 << 20};
  EventFd completed_;
};

TEST_F(UringEngineTest, reads_and_writes_at_the_offset) {
  UringEngine engine(image_.fd(), Discard::PunchHole, 4, completed_);
  std::vector<std::byte> bytes(4096);
  EXPECT_EQ(transfer(engine, Kind::Read, 1024, bytes), 4096);
  EXPECT_EQ(bytes, TempImage::pattern(1024, 4096));
  bytes = bytes_of(4096, 0x42);
  EXPECT_EQ(transfer(engine, Kind::Write, 8192, bytes), 4096);
  EXPECT_EQ(image_.read(8192, 4096), bytes);
  EXPECT_EQ(image_.read(8192 + 4096, 512), TempImage::pattern(8192 + 4096, 512));
}

TEST_F(UringEngineTest, read_at_the_end_is_short_and_beyond_it_nothing) {
  UringEngine engine(image_.fd(), Discard::PunchHole, 4, completed_);
  std::vector<std::byte> bytes(4096);
  EXPECT_EQ(transfer(engine, Kind::Read, (1 << 20) - 512, bytes), 512);
  EXPECT_EQ(transfer(engine, Kind::Read, 1 << 20, bytes), 0);
}

TEST_F(UringEngineTest, flushes) {
  UringEngine engine(image_.fd(), Discard::PunchHole, 4, completed_);
  EXPECT_EQ(perform(engine, {.kind = Kind::Flush}), 0);
}

TEST_F(UringEngineTest, ranges_read_as_zeros_and_the_file_keeps_its_size) {
  UringEngine engine(image_.fd(), Discard::PunchHole, 4, completed_);
  uint64_t offset = 4096;
  for (const Kind kind : {Kind::Discard, Kind::PunchHole, Kind::ZeroRange}) {
    const int32_t result = perform(engine, {.kind = kind, .offset = offset, .length = 8192});
    if (result != -EOPNOTSUPP) {
      EXPECT_EQ(result, 0);
      EXPECT_EQ(image_.read(offset, 8192), bytes_of(8192, 0));
    }
    EXPECT_EQ(image_.read(offset + 8192, 512), TempImage::pattern(offset + 8192, 512));
    offset += 16384;
  }
  EXPECT_EQ(image_.size(), 1U << 20);
}

TEST_F(UringEngineTest, errors_are_results) {
  const UniqueFd reader(::open(image_.path().c_str(), O_RDONLY | O_CLOEXEC));
  UringEngine engine(reader, Discard::PunchHole, 4, completed_);
  std::vector<std::byte> bytes(512);
  EXPECT_EQ(transfer(engine, Kind::Write, 0, bytes), -EBADF);
  EXPECT_EQ(image_.read(0, 512), TempImage::pattern(0, 512));
}

TEST_F(UringEngineTest, as_many_operations_as_it_was_made_for) {
  UringEngine engine(image_.fd(), Discard::PunchHole, 256, completed_);
  std::vector<std::byte> bytes(256 * 512);
  std::vector<iovec> buffers;
  for (size_t i = 0; i < 256; ++i) buffers.push_back({bytes.data() + i * 512, 512});
  for (uint32_t i = 0; i < 256; ++i) {
    engine.start(i, {.kind = Kind::Read,
                     .offset = uint64_t{i} * 512,
                     .length = 512,
                     .buffers = std::span(buffers).subspan(i, 1)});
  }
  EXPECT_TRUE(engine.submit());
  EventLoop loop;
  std::vector<int32_t> results(256, -1);
  size_t done = 0;
  EXPECT_TRUE(run_until(loop, [&] {
    while (const auto completion = engine.next_completion()) {
      results.at(completion->tag) = completion->result;
      ++done;
    }
    return done == 256;
  }));
  EXPECT_EQ(results, std::vector<int32_t>(256, 512));
  EXPECT_EQ(bytes, TempImage::pattern(0, bytes.size()));
}

// A pipe that nobody writes to: without cancellation this would not end.
TEST_F(UringEngineTest, destruction_cancels_what_would_never_end) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  std::array<std::byte, 64> bytes{};
  const std::array<iovec, 1> buffers = {{{bytes.data(), bytes.size()}}};
  {
    UringEngine engine(reader, Discard::PunchHole, 4, completed_);
    for (uint32_t i = 0; i < 4; ++i) {
      engine.start(i, {.kind = Kind::Read, .length = bytes.size(), .buffers = buffers});
    }
    EXPECT_TRUE(engine.submit());
    EXPECT_FALSE(engine.next_completion());
  }
  EXPECT_EQ(bytes, (std::array<std::byte, 64>{}));
}

TEST_F(UringEngineTest, destruction_ends_what_was_started_and_not_submitted) {
  std::vector<std::byte> bytes(4096);
  const std::array<iovec, 1> buffers = {{{bytes.data(), bytes.size()}}};
  UringEngine engine(image_.fd(), Discard::PunchHole, 4, completed_);
  engine.start(0, {.kind = Kind::Read, .length = bytes.size(), .buffers = buffers});
}

TEST_F(UringEngineTest, block_device_is_discarded_by_its_own_command) {
  const LoopDevice device(image_);
  if (!device.made()) GTEST_SKIP() << device.why_not();
  const UniqueFd fd(::open(device.path().c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(fd.valid());
  UringEngine engine(fd, Discard::BlockCommand, 4, completed_);
  const int32_t result = perform(engine, {.kind = Kind::Discard, .offset = 65536, .length = 65536});
  if (result == -EOPNOTSUPP || result == -EINVAL) GTEST_SKIP() << "needs Linux 6.12 or newer";
  EXPECT_EQ(result, 0);
  EXPECT_EQ(image_.read(65536, 65536), bytes_of(65536, 0));
  EXPECT_EQ(image_.read(131072, 512), TempImage::pattern(131072, 512));
  EXPECT_EQ(perform(engine, {.kind = Kind::Discard, .offset = 1, .length = 512}), -EINVAL);
}

TEST_F(UringEngineTest, disk_works_from_end_to_end) {
  for (const bool direct : {false, true}) {
    std::unique_ptr<Disk> disk;
    try {
      disk = std::make_unique<Disk>(BlockOptions{.direct = direct}, Disk::Engine::Uring);
    } catch (const SetupError& error) {
      EXPECT_TRUE(direct) << error.what();
      continue;
    }
    disk->transport.start();
    const FakeRequest read = disk->read(16, 65536);
    EXPECT_EQ(disk->serve(read), VIRTIO_BLK_S_OK);
    EXPECT_EQ(disk->data(read), TempImage::pattern(16 * 512, 65536));
    EXPECT_EQ(disk->serve(disk->write(64, bytes_of(BlockJob::kMaxPiece + 8192, 0x33))),
              VIRTIO_BLK_S_OK);
    EXPECT_EQ(disk->serve(disk->flush()), VIRTIO_BLK_S_OK);
    EXPECT_EQ(disk->image.read(64 * 512, BlockJob::kMaxPiece + 8192),
              bytes_of(BlockJob::kMaxPiece + 8192, 0x33));
    EXPECT_EQ(disk->serve(disk->range(VIRTIO_BLK_T_WRITE_ZEROES, 64, 128, 1)), VIRTIO_BLK_S_OK);
    EXPECT_EQ(disk->image.read(64 * 512, 128 * 512), bytes_of(128 * 512, 0));
  }
}

TEST_F(UringEngineTest, disk_is_destroyed_and_reset_with_operations_under_way) {
  for (int round = 0; round < 6; ++round) {
    Disk disk({}, Disk::Engine::Uring);
    disk.transport.start();
    for (uint64_t i = 0; i < 20; ++i) disk.write(i * 128, bytes_of(65536, 0x44));
    disk.flush();
    disk.transport.notify(0);
    if (round % 2 != 0) {
      disk.transport.reset();
      disk.transport.start();
      EXPECT_EQ(disk.serve(disk.read(0, 512)), VIRTIO_BLK_S_OK);
    }
  }
}

TEST(UringEngineDeathTest, host_without_io_uring_is_told_what_to_do) {
  const auto refused = [] {
    if (!refuse_io_uring(EPERM)) std::_Exit(77);
    const TempImage image(512);
    EventFd completed;
    try {
      const UringEngine engine(image.fd(), Discard::PunchHole, 1, completed);
    } catch (const SetupError& error) {
      const bool helpful = error.remedy().find("kernel.io_uring_disabled") != std::string::npos;
      std::filesystem::remove(image.path());
      std::_Exit(helpful ? 0 : 1);
    }
    std::_Exit(2);
  };
  const auto done_or_impossible = [](int status) {
    return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
  };
  EXPECT_EXIT(refused(), done_or_impossible, "");
}

}  // namespace
}  // namespace redoubt
