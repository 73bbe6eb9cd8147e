// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/console/virtio_console.h"

#include <gmock/gmock.h>

#include "devices/virtio/features.h"
#include "tests/unit/devices/virtio/console/console_fixture.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// --- What it is

TEST_F(VirtioConsoleTest, there_is_a_pair_of_queues_for_each_port_and_one_for_control) {
  EXPECT_EQ(console.max_queue_sizes().size(), 8u);
  EXPECT_EQ(console.device_id(), 3u);
  EXPECT_EQ(virtio_console::receive_queue(0), 0);
  EXPECT_EQ(virtio_console::receive_queue(1), 4);
  EXPECT_EQ(virtio_console::transmit_queue(2), 7);
}

TEST_F(VirtioConsoleTest, configuration_says_how_many_ports_there_are) {
  virtio_console::Config config{};
  ASSERT_EQ(transport.config().size(), sizeof(config));
  std::memcpy(&config, transport.config().data(), sizeof(config));
  EXPECT_EQ(config.max_nr_ports, 3u);
}

TEST(VirtioConsole, thirty_one_ports_are_allowed_and_one_more_is_not) {
  EventLoop loop;
  FakePort backend;
  std::vector<ConsolePort> ports(31, ConsolePort{"port", false, backend});
  EXPECT_EQ(VirtioConsole(loop, ports).max_queue_sizes().size(), 64u);
  ports.push_back({"port", false, backend});
  EXPECT_THROW(VirtioConsole(loop, ports), SetupError);
  EXPECT_THROW(VirtioConsole(loop, {}), SetupError);
}

TEST(VirtioConsole, name_that_is_too_long_is_refused) {
  EventLoop loop;
  FakePort backend;
  const std::vector<ConsolePort> ports = {{std::string(65, 'n'), false, backend}};
  EXPECT_THROW(VirtioConsole(loop, ports), SetupError);
}

// --- The dialogue

TEST_F(VirtioConsoleTest, driver_that_is_ready_is_told_of_every_port) {
  transport.start();
  EXPECT_THAT(told(), IsEmpty());
  tell(kNoPort, Event::DeviceReady, 1);
  EXPECT_THAT(told(), ElementsAre("0 PortAdd 1", "1 PortAdd 1", "2 PortAdd 1"));
}

TEST_F(VirtioConsoleTest, terminal_is_introduced_with_its_size_and_a_stream_without) {
  terminal.size = TerminalSize{.columns = 80, .rows = 25};
  data.size = terminal.size;
  transport.start();

  tell(0, Event::PortReady, 1);
  EXPECT_THAT(told(), ElementsAre("0 ConsolePort 1", "0 Resize 80x25", "0 PortOpen 1",
                                  "0 PortName:console"));
  tell(2, Event::PortReady, 1);
  EXPECT_THAT(told(), ElementsAre("2 PortOpen 1", "2 PortName:data"));
}

TEST_F(VirtioConsoleTest, messages_wait_for_buffers_and_interrupt) {
  transport.start();
  tell(kNoPort, Event::DeviceReady, 1);
  control.give(1);
  transport.notify(kControlReceive);
  EXPECT_TRUE(transport.take_interrupt());
  EXPECT_EQ(control.take().size(), 1u);
  EXPECT_THAT(told(), ElementsAre("1 PortAdd 1", "2 PortAdd 1"));
}

TEST_F(VirtioConsoleTest, dialogue_starts_again_after_a_reset) {
  transport.start();
  introduce_ports();
  tell(1, Event::PortReady, 1);  // and is not told any more
  transport.reset();
  control.forget();
  transport.start();
  EXPECT_THAT(told(), IsEmpty());
  tell(kNoPort, Event::DeviceReady, 1);
  EXPECT_THAT(told(), ElementsAre("0 PortAdd 1", "1 PortAdd 1", "2 PortAdd 1"));
  EXPECT_EQ(events.type("x"), 0u);  // not open any more
}

// --- Output

TEST_F(VirtioConsoleTest, output_is_completed_in_the_same_notification) {
  transport.start();
  const auto piece = driver.chain().readable("Booting Linux on").submit(1);
  transport.notify(1);
  EXPECT_EQ(terminal.output, "Booting Linux on");
  EXPECT_THAT(driver.used(1), ElementsAre(Used{piece.head, 0}));
}

TEST_F(VirtioConsoleTest, output_reaches_its_own_port_in_order) {
  transport.start();
  introduce_ports();
  for (const char* text : {"a", "bc", "def"}) send(virtio_console::transmit_queue(1), text);
  send(virtio_console::transmit_queue(2), "z");
  EXPECT_EQ(events.output, "abcdef");
  EXPECT_EQ(data.output, "z");
  EXPECT_EQ(terminal.output, "");
}

TEST_F(VirtioConsoleTest, output_in_many_descriptors_is_one_text) {
  transport.start();
  (void)driver.chain().readable("on").readable("e te").readable("xt").writable(8).submit(1);
  transport.notify(1);
  EXPECT_EQ(terminal.output, "one text");
  EXPECT_EQ(driver.used(1).at(0).length, 0u);
}

TEST_F(VirtioConsoleTest, terminal_does_not_wait_for_a_backend_that_is_full) {
  terminal.room = 0;
  transport.start();
  const auto piece = driver.chain().readable("panic").submit(1);
  transport.notify(1);
  EXPECT_THAT(driver.used(1), ElementsAre(Used{piece.head, 0}));
}

TEST_F(VirtioConsoleTest, stream_waits_for_a_backend_that_is_full_and_loses_nothing) {
  const uint16_t queue = virtio_console::transmit_queue(1);
  events.room = 3;
  transport.start();
  introduce_ports();
  const auto first = driver.chain().readable("abcde").submit(queue);
  const auto second = driver.chain().readable("fg").submit(queue);

  transport.notify(queue);
  EXPECT_EQ(events.output, "abc");
  EXPECT_THAT(driver.used(queue), IsEmpty());
  events.make_room(3);
  EXPECT_EQ(events.output, "abcdef");
  EXPECT_THAT(driver.used(queue), ElementsAre(Used{first.head, 0}));
  events.make_room(100);

  EXPECT_EQ(events.output, "abcdefg");
  EXPECT_THAT(driver.used(queue), ElementsAre(Used{second.head, 0}));
  EXPECT_TRUE(transport.take_interrupt());
}

TEST_F(VirtioConsoleTest, reset_drops_a_request_that_waits_and_room_comes_too_late) {
  const uint16_t queue = virtio_console::transmit_queue(1);
  events.room = 1;
  transport.start();
  (void)driver.chain().readable("old").submit(queue);
  transport.notify(queue);
  transport.reset();
  events.make_room(100);
  EXPECT_EQ(events.output, "o");
  transport.start();
  send(queue, "new");
  EXPECT_EQ(events.output, "onew");
  EXPECT_EQ(transport.failure(), "");
}

TEST_F(VirtioConsoleTest, reset_of_a_queue_drops_the_request_that_was_taken_off_it) {
  const uint16_t queue = virtio_console::transmit_queue(1);
  events.room = 1;
  transport.start();
  (void)driver.chain().readable("old").submit(queue);
  transport.notify(queue);
  console.stop_queue(queue);
  events.make_room(100);
  EXPECT_EQ(events.output, "o");
}

TEST_F(VirtioConsoleTest, long_output_leaves_the_loop_to_others_in_between) {
  const GuestRange page = driver.allocate(4096);
  driver.write(page.start(), bytes_of(std::string(4096, 'x')));
  transport.start();
  for (int request = 0; request < 4; ++request) {
    auto chain = driver.chain();
    for (int i = 0; i < 32; ++i) chain.readable_at(page.start(), 4096);
    (void)chain.indirect().submit(1);
  }

  transport.notify(1);
  EXPECT_LT(terminal.output.size(), size_t{4} * 32 * 4096);
  EXPECT_TRUE(run_until(loop, [&] { return terminal.output.size() == size_t{4} * 32 * 4096; }));
  EXPECT_EQ(driver.used(1).size(), 4u);
}

// --- Input

TEST_F(VirtioConsoleTest, input_reaches_the_buffers_of_its_port) {
  transport.start();
  introduce_ports();
  keys.give(2);
  commands.give(1);
  EXPECT_EQ(terminal.type("a line of 20 bytes\r\n"), 20u);
  EXPECT_EQ(events.type("go"), 2u);
  EXPECT_EQ(joined(keys.take()), "a line of 20 bytes\r\n");
  EXPECT_EQ(joined(commands.take()), "go");
  EXPECT_TRUE(keys.rest_untouched());
  EXPECT_TRUE(transport.take_interrupt());
}

TEST_F(VirtioConsoleTest, one_terminal_has_nothing_to_control) {
  VirtioConsole alone(loop, std::span(ports).first(1));
  EXPECT_EQ(alone.features() & virtio_console::kMultiport, 0u);
  EXPECT_EQ(alone.max_queue_sizes().size(), 2u);
  FakeDriver other_driver;
  FakeTransport other(other_driver, alone);
  other.start();
  ReceiveBuffers typed(other_driver, virtio_console::receive_queue(0), 16);
  typed.give(1);
  EXPECT_EQ(terminal.type("key"), 3u);
  EXPECT_EQ(joined(typed.take()), "key");
  (void)other_driver.chain().readable("log").submit(virtio_console::transmit_queue(0));
  other.notify(virtio_console::transmit_queue(0));
  EXPECT_EQ(terminal.output, "log");
}

TEST_F(VirtioConsoleTest, one_stream_has_to_be_told_from_a_terminal) {
  const VirtioConsole alone(loop, std::span(ports).subspan(2, 1));
  EXPECT_NE(alone.features() & virtio_console::kMultiport, 0u);
  EXPECT_EQ(alone.max_queue_sizes().size(), 4u);
}

TEST_F(VirtioConsoleTest, input_waits_outside_until_the_driver_is_up) {
  EXPECT_EQ(terminal.type("x"), 0u);
  transport.start(transport.offered() & ~virtio_console::kMultiport);
  EXPECT_GT(terminal.times_wanted, 0);
}

TEST_F(VirtioConsoleTest, input_waits_outside_until_there_are_buffers) {
  transport.start();
  introduce_ports();
  keys.give(1);
  EXPECT_EQ(terminal.type(std::string(40, 'x')), 16u);
  EXPECT_EQ(terminal.times_wanted, 0);
  keys.give(1);
  transport.notify(0);
  EXPECT_EQ(terminal.times_wanted, 1);
  EXPECT_EQ(terminal.type(std::string(24, 'x')), 16u);
}

TEST_F(VirtioConsoleTest, backend_is_not_asked_for_what_it_does_not_have) {
  transport.start();
  introduce_ports();
  keys.give(1);
  transport.notify(0);
  EXPECT_EQ(terminal.type("x"), 1u);
  transport.notify(0);
  EXPECT_EQ(terminal.times_wanted, 0);
}

TEST_F(VirtioConsoleTest, input_for_a_closed_port_is_held_until_it_is_opened) {
  transport.start();
  introduce_ports();
  tell(1, Event::PortOpen, 0);
  commands.give(1);
  transport.notify(4);
  EXPECT_EQ(events.type("go"), 0u);
  tell(1, Event::PortOpen, 1);
  EXPECT_EQ(events.times_wanted, 1);
  EXPECT_EQ(events.type("go"), 2u);
  EXPECT_EQ(joined(commands.take()), "go");
}

TEST_F(VirtioConsoleTest, next_device_takes_over_what_the_backend_holds) {
  {
    VirtioConsole second(loop, ports);
    FakeDriver other_driver;
    FakeTransport other(other_driver, second);
    EXPECT_TRUE(terminal.sink);
  }
  EXPECT_FALSE(terminal.sink);
  EXPECT_FALSE(terminal.on_room);
  EXPECT_FALSE(terminal.on_resize);
}

// --- A driver without MULTIPORT

TEST_F(VirtioConsoleTest, without_multiport_port_0_works_at_once) {
  transport.start(transport.offered() & ~virtio_console::kMultiport);
  keys.give(1);
  send(1, "login: ");
  EXPECT_EQ(terminal.output, "login: ");
  EXPECT_EQ(terminal.type("root\r"), 5u);
  EXPECT_EQ(joined(keys.take()), "root\r");
}

TEST_F(VirtioConsoleTest, without_multiport_control_queues_are_dead) {
  transport.start(transport.offered() & ~virtio_console::kMultiport);
  tell(kNoPort, Event::DeviceReady, 1);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(VirtioConsoleTest, without_multiport_the_size_is_in_the_configuration) {
  transport.start(transport.offered() & ~virtio_console::kMultiport);
  terminal.resize({.columns = 132, .rows = 43});
  EXPECT_TRUE(transport.take_config_change());
  virtio_console::Config config{};
  std::memcpy(&config, transport.config().data(), sizeof(config));
  EXPECT_EQ(config.cols, 132);
  EXPECT_EQ(config.rows, 43);
  EXPECT_EQ(config.max_nr_ports, 3u);
}

// --- Sizes

TEST_F(VirtioConsoleTest, new_size_is_told_once) {
  transport.start();
  introduce_ports();
  terminal.resize({.columns = 100, .rows = 30});
  EXPECT_THAT(told(), ElementsAre("0 Resize 100x30"));
  terminal.resize({.columns = 100, .rows = 30});
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(VirtioConsoleTest, of_several_new_sizes_the_last_is_told) {
  transport.start();
  introduce_ports();
  for (uint16_t rows = 1; rows < 1000; ++rows) terminal.resize({.columns = 80, .rows = rows});
  EXPECT_THAT(told().back(), "0 Resize 80x999");
}

TEST_F(VirtioConsoleTest, size_is_asked_for_when_input_comes) {
  transport.start();
  introduce_ports();
  terminal.size = TerminalSize{.columns = 90, .rows = 20};
  keys.give(1);
  (void)terminal.type("x");
  EXPECT_THAT(told(), ElementsAre("0 Resize 90x20"));
}

TEST_F(VirtioConsoleTest, size_of_a_port_that_the_driver_does_not_have_is_not_told) {
  transport.start();
  terminal.resize({.columns = 100, .rows = 30});
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(VirtioConsoleTest, resize_before_the_driver_is_up_is_harmless) {
  terminal.resize({.columns = 100, .rows = 30});
  transport.start();
  tell(0, Event::PortReady, 1);
  EXPECT_THAT(told(), ::testing::Contains("0 Resize 100x30"));
}

// --- Emergency output

TEST_F(VirtioConsoleTest, emergency_write_needs_no_driver) {
  console.write_config(8, bytes_of(std::string_view("!\0\0\0", 4)));
  EXPECT_EQ(terminal.output, "!");
}

TEST_F(VirtioConsoleTest, writes_elsewhere_in_the_configuration_are_ignored) {
  for (const uint32_t offset : {0u, 1u, 4u, 7u, 9u, 11u}) {
    console.write_config(offset, bytes_of("x"));
  }
  EXPECT_EQ(terminal.output, "");
}

}  // namespace
}  // namespace redoubt
