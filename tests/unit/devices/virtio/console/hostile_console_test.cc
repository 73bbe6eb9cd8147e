// SPDX-License-Identifier: Apache-2.0
//
// What a hostile driver can do to the console, and what a host that does not read or does not stop
// writing can.
#include <array>
#include <memory>

#include <gmock/gmock.h>

#include "devices/console/stream_console.h"
#include "tests/rounds.h"
#include "tests/sizes.h"
#include "tests/unit/devices/virtio/console/console_fixture.h"
#include "tests/unit/devices/virtio/console/resident_memory.h"

namespace redoubt {
namespace {

using ::testing::IsEmpty;

// --- Control messages

TEST_F(VirtioConsoleTest, control_message_for_a_port_that_is_not_there_is_ignored) {
  transport.start();
  for (const uint32_t id : {3u, 31u, 0x8000'0000u, 0xffff'ffffu}) {
    tell(id, Event::PortReady, 1);
    tell(id, Event::PortOpen, 1);
  }
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(transport.failure(), "");
}

TEST_F(VirtioConsoleTest, every_event_of_the_device_or_of_nobody_is_ignored) {
  transport.start();
  constexpr uint32_t kEvents = 0x10000;
  for (uint32_t event = 0; event < kEvents; event += kEvents / rounds(kEvents)) {
    if (event == 0 || event == 3 || event == 6) continue;  // the driver's
    tell(1, Event{static_cast<uint16_t>(event)}, 1);
  }
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(transport.failure(), "");
}

TEST_F(VirtioConsoleTest, control_message_that_is_too_short_is_ignored) {
  transport.start();
  for (size_t size = 1; size < sizeof(virtio_console::Control); ++size) {
    send(kControlTransmit, std::string(size, '\0'));
  }
  (void)driver.chain().writable(8).submit(kControlTransmit);
  transport.notify(kControlTransmit);
  EXPECT_EQ(transport.failure(), "");
  tell(kNoPort, Event::DeviceReady, 1);
  EXPECT_EQ(told().size(), 3u);
}

TEST_F(VirtioConsoleTest, flood_of_control_messages_leaves_one_answer_of_each_kind) {
  transport.start();
  for (int i = 0; i < rounds(30'000); ++i) {
    tell(kNoPort, Event::DeviceReady, 1);
    tell(1, Event::PortReady, 1);
  }
  EXPECT_EQ(told().size(), 3u + 2u);
}

// Row 58: no sequence of events leads out of the state machine.
TEST_F(VirtioConsoleTest, every_sequence_of_three_control_messages_is_survived) {
  struct Step {
    uint32_t id;
    Event event;
    uint16_t value;
  };
  std::vector<Step> steps;
  for (const uint32_t id : {0u, 7u}) {
    for (uint16_t event = 0; event <= 8; ++event) {
      for (const uint16_t value : {uint16_t{0}, uint16_t{1}}) {
        steps.push_back({id, Event{event}, value});
      }
    }
  }
  transport.start();
  const size_t sequences = steps.size() * steps.size() * steps.size();
  for (size_t number = 0; number < sequences; number += sequences / rounds(sequences)) {
    size_t rest = number;
    for (int position = 0; position < 3; ++position, rest /= steps.size()) {
      const Step& step = steps[rest % steps.size()];
      tell(step.id, step.event, step.value);
    }
    (void)told();
  }
  EXPECT_EQ(transport.failure(), "");
  terminal.resize({.columns = 80, .rows = 24});
  send(1, "alive");
  EXPECT_EQ(terminal.output, "alive");
}

// --- Buffers

TEST_F(VirtioConsoleTest, control_buffer_that_is_too_short_fails_the_device_until_a_reset) {
  transport.start();
  (void)driver.chain().writable(4).submit(kControlReceive);
  tell(kNoPort, Event::DeviceReady, 1);
  EXPECT_NE(transport.failure(), "");
  transport.reset();
  transport.start();
  tell(kNoPort, Event::DeviceReady, 1);
  EXPECT_EQ(told().size(), 3u);
}

TEST_F(VirtioConsoleTest, input_buffer_that_takes_nothing_fails_the_device) {
  transport.start();
  introduce_ports();
  (void)driver.chain().readable("not for reading").submit(0);
  EXPECT_EQ(terminal.type("x"), 0u);
  EXPECT_NE(transport.failure(), "");
}

TEST_F(VirtioConsoleTest, input_buffer_taken_back_fails_the_device_and_the_input_stays) {
  transport.start();
  introduce_ports();
  const auto buffer = driver.chain().writable(16).submit(0);
  {
    const RevokedPages gone = driver.revoke(buffer.writable[0]);
    EXPECT_EQ(terminal.type("x"), 0u);
    EXPECT_NE(transport.failure(), "");
  }
  transport.reset();
  control.forget();
  transport.start(transport.offered() & ~virtio_console::kMultiport);
  keys.give(1);
  EXPECT_EQ(terminal.type("x"), 1u);
}

TEST_F(VirtioConsoleTest, output_taken_back_fails_the_device) {
  transport.start();
  const auto request = driver.chain().readable("secret").submit(1);
  const RevokedPages gone = driver.revoke(request.readable[0]);
  transport.notify(1);
  EXPECT_NE(transport.failure(), "");
  EXPECT_EQ(terminal.output, "");
}

TEST_F(VirtioConsoleTest, output_outside_the_window_fails_the_device) {
  transport.start();
  (void)driver.chain().readable_at(driver.outside(), 16).submit(1);
  transport.notify(1);
  EXPECT_NE(transport.failure(), "");
  EXPECT_EQ(terminal.output, "");
}

TEST_F(VirtioConsoleTest, looping_chain_fails_the_device) {
  transport.start();
  (void)driver.chain().descriptor({message.start().value(), 8, kDescNext, 0}).submit(1);
  transport.notify(1);
  EXPECT_NE(transport.failure(), "");
}

// --- Floods, with real streams behind the ports

// A console that is never attached to anything, or to one end of a socket pair.
class StreamPort final : public StreamConsole {
 public:
  using StreamConsole::StreamConsole;
  void attach_output(UniqueFd fd) { output_.attach(StreamFd(std::move(fd)), {}); }
  void attach_input(UniqueFd fd) { input_.attach(StreamFd(std::move(fd)), {}); }
};

class FloodTest : public ::testing::Test {
 protected:
  void write(uint16_t queue, GuestRange bytes) {
    (void)driver.chain()
        .readable_at(bytes.start(), static_cast<uint32_t>(bytes.size()))
        .submit(queue);
    transport.notify(queue);
    used += driver.used(queue).size();
  }

  IgnoreSigpipe ignore_sigpipe;
  CapturedLog log;
  EventLoop loop;
  FakeDriver driver;
  StreamPort terminal{loop};
  StreamPort stream{loop};
  std::vector<ConsolePort> ports = {{"hvc", true, terminal}, {"stream", false, stream}};
  VirtioConsole console{loop, ports};
  FakeTransport transport{driver, console};
  GuestRange block = driver.allocate(32 * 1024);
  size_t used = 0;
};

// Row 57: a reader that does not read stalls neither the guest nor the loop.
TEST_F(FloodTest, terminal_without_a_reader_completes_all_output_in_bounded_memory) {
  Ends ends = make_socketpair();
  terminal.attach_output(std::move(ends.near));
  transport.start();
  write(1, block);
  const ResidentMemory memory;
  for (int i = 0; i < 3200; ++i) {
    write(1, block);
    if (i % 100 == 0) run_some(loop);
  }
  EXPECT_EQ(used, 3201u);
  EXPECT_TRUE(memory.grown_by_less_than(kMiB));
  EXPECT_GT(terminal.lost_output(), 0u);
}

TEST_F(FloodTest, stream_without_a_reader_lets_the_guest_wait_and_loses_nothing) {
  const uint16_t queue = virtio_console::transmit_queue(1);
  Ends ends = make_socketpair();
  stream.attach_output(std::move(ends.near));
  transport.start();
  for (int i = 0; i < 30; ++i) {
    write(queue, block);
    run_some(loop);
  }
  EXPECT_LT(used, 30u);

  size_t received = 0;
  EXPECT_TRUE(run_until(loop, [&] {
    received += read_available(ends.far).size();
    used += driver.used(queue).size();
    return received == size_t{30} * 32 * 1024;
  }));
  EXPECT_EQ(used, 30u);
  EXPECT_EQ(stream.lost_output(), 0u);
}

TEST_F(FloodTest, stream_whose_reader_leaves_does_not_keep_the_guest_waiting) {
  const uint16_t queue = virtio_console::transmit_queue(1);
  Ends ends = make_socketpair();
  stream.attach_output(std::move(ends.near));
  transport.start();
  for (int i = 0; i < 30; ++i) {
    write(queue, block);
    run_some(loop);
  }
  ASSERT_LT(used, 30u);
  ends.far.reset();
  EXPECT_TRUE(run_until(loop, [&] { return (used += driver.used(queue).size()) == 30; }));
}

// Row 56: input that the guest does not take stays outside.
TEST_F(FloodTest, input_that_the_guest_does_not_take_stays_outside) {
  Ends ends = make_socketpair();
  terminal.attach_input(std::move(ends.near));
  transport.start(transport.offered() & ~virtio_console::kMultiport);
  run_some(loop);
  const ResidentMemory memory;
  size_t written = 0;
  for (int i = 0; i < 100; ++i) {
    written += fill(ends.far);
    run_some(loop);
  }
  EXPECT_LT(written, kMiB);  // what a socket holds, and one piece
  EXPECT_TRUE(memory.grown_by_less_than(kMiB));

  ReceiveBuffers keys(driver, 0, 4096);
  size_t received = 0;
  EXPECT_TRUE(run_until(loop, [&] {
    for (const auto& piece : keys.take()) received += piece.size();
    keys.give(16 - keys.waiting());
    transport.notify(0);
    return received == written;
  }));
}

TEST_F(FloodTest, hundred_megabytes_of_input_pass_in_bounded_memory) {
  const size_t total = rounds(100 * kMiB);
  Ends ends = make_socketpair();
  terminal.attach_input(std::move(ends.near));
  transport.start(transport.offered() & ~virtio_console::kMultiport);
  ReceiveBuffers keys(driver, 0, 4096);
  keys.give(16);
  run_some(loop);
  const ResidentMemory memory;
  const std::string piece(64 * 1024, 'i');
  size_t written = 0;
  size_t received = 0;
  EXPECT_TRUE(run_until(loop, [&] {
    const ssize_t size =
        ::write(ends.far.get(), piece.data(), std::min(piece.size(), total - written));
    if (size > 0) written += static_cast<size_t>(size);
    for (const auto& bytes : keys.take()) received += bytes.size();
    keys.give(16 - keys.waiting());
    transport.notify(0);
    return received == total;
  }));
  EXPECT_TRUE(memory.grown_by_less_than(kMiB));
}

}  // namespace
}  // namespace redoubt
