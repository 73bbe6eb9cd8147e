// SPDX-License-Identifier: Apache-2.0
#include "devices/mmio_bus.h"

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

// Answers each byte of a read with its offset and remembers the last write.
class EchoDevice final : public MmioDevice {
 public:
  void read(uint64_t offset, std::span<std::byte> data) override {
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(offset + i);
  }
  void write(uint64_t offset, std::span<const std::byte> data) override {
    last_offset = offset;
    last_data.assign(data.begin(), data.end());
    ++writes;
  }
  void describe(fdt::Node& parent) const override { (void)parent.child(name); }

  std::string name = "echo";
  uint64_t last_offset = ~uint64_t{0};
  std::vector<std::byte> last_data;
  int writes = 0;
};

constexpr GuestAddress kBase{0x0900'0000};
constexpr GuestRange kRange{kBase, 0x1000};

std::vector<int> read_bus(MmioBus& bus, uint64_t address, size_t size) {
  std::vector<std::byte> data(size, std::byte{0x55});
  bus.read(GuestAddress(address), data);
  std::vector<int> values;
  for (const std::byte byte : data) values.push_back(std::to_integer<int>(byte));
  return values;
}

TEST(MmioBus, read_reaches_the_device_with_its_own_offset) {
  EchoDevice device;
  MmioBus bus;
  bus.add(kRange, device);
  bus.seal();

  EXPECT_EQ(read_bus(bus, 0x0900'0010, 2), (std::vector<int>{0x10, 0x11}));
}

TEST(MmioBus, write_reaches_the_device_with_its_own_offset) {
  EchoDevice device;
  MmioBus bus;
  bus.add(kRange, device);
  const std::array data = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};

  bus.write(GuestAddress(0x0900'0ffc), data);

  EXPECT_EQ(device.last_offset, 0xffcu);
  EXPECT_EQ(device.last_data, std::vector<std::byte>(data.begin(), data.end()));
}

TEST(MmioBus, unmapped_read_is_all_ones) {
  EchoDevice device;
  MmioBus bus;
  bus.add(kRange, device);

  EXPECT_EQ(read_bus(bus, 0x08ff'ffff, 1), (std::vector<int>{0xff}));
  EXPECT_EQ(read_bus(bus, 0x0900'1000, 4), (std::vector<int>{0xff, 0xff, 0xff, 0xff}));
  EXPECT_EQ(read_bus(bus, 0, 8), std::vector<int>(8, 0xff));
}

TEST(MmioBus, empty_bus_answers_with_all_ones) {
  MmioBus bus;
  EXPECT_EQ(read_bus(bus, 0x0900'0000, 4), std::vector<int>(4, 0xff));
}

TEST(MmioBus, unmapped_write_reaches_nobody) {
  EchoDevice device;
  MmioBus bus;
  bus.add(kRange, device);

  bus.write(GuestAddress(0x0900'1000), std::array{std::byte{1}});

  EXPECT_EQ(device.writes, 0);
}

TEST(MmioBus, access_that_sticks_out_of_a_device_is_unmapped) {
  EchoDevice device;
  MmioBus bus;
  bus.add(kRange, device);

  EXPECT_EQ(read_bus(bus, 0x0900'0fff, 2), (std::vector<int>{0xff, 0xff}));
  EXPECT_EQ(read_bus(bus, 0x08ff'fffc, 8), std::vector<int>(8, 0xff));
  bus.write(GuestAddress(0x0900'0ffd), std::array<std::byte, 4>{});
  EXPECT_EQ(device.writes, 0);
}

TEST(MmioBus, access_across_two_adjacent_devices_is_unmapped) {
  EchoDevice low;
  EchoDevice high;
  MmioBus bus;
  bus.add(kRange, low);
  bus.add(GuestRange(kRange.end(), 0x1000), high);

  EXPECT_EQ(read_bus(bus, 0x0900'0ffe, 4), std::vector<int>(4, 0xff));
}

TEST(MmioBus, odd_sizes_are_unmapped) {
  EchoDevice device;
  MmioBus bus;
  bus.add(kRange, device);

  for (const size_t size : {size_t{3}, size_t{5}, size_t{6}, size_t{7}, size_t{16}}) {
    EXPECT_EQ(read_bus(bus, 0x0900'0000, size), std::vector<int>(size, 0xff));
  }
  bus.write(kBase, std::span<const std::byte>{});
  bus.read(kBase, std::span<std::byte>{});
  EXPECT_EQ(device.writes, 0);
}

TEST(MmioBus, access_at_the_top_of_the_address_space_is_unmapped) {
  EchoDevice device;
  MmioBus bus;
  bus.add(kRange, device);

  EXPECT_EQ(read_bus(bus, ~uint64_t{0}, 8), std::vector<int>(8, 0xff));
  bus.write(GuestAddress(~uint64_t{0} - 3), std::array<std::byte, 8>{});
  EXPECT_EQ(device.writes, 0);
}

TEST(MmioBus, misaligned_access_inside_a_device_reaches_it) {
  EchoDevice device;
  MmioBus bus;
  bus.add(kRange, device);

  EXPECT_EQ(read_bus(bus, 0x0900'0001, 4), (std::vector<int>{1, 2, 3, 4}));
}

TEST(MmioBus, many_devices_are_told_apart_whatever_the_order_of_adding) {
  EchoDevice middle;
  EchoDevice last;
  EchoDevice first;
  MmioBus bus;
  bus.add(GuestRange(GuestAddress(0x2000), 0x100), middle);
  bus.add(GuestRange(GuestAddress(0x3000), 0x100), last);
  bus.add(GuestRange(GuestAddress(0x1000), 0x100), first);

  bus.write(GuestAddress(0x1001), std::array{std::byte{1}});
  bus.write(GuestAddress(0x2002), std::array{std::byte{1}});
  bus.write(GuestAddress(0x3003), std::array{std::byte{1}});

  EXPECT_EQ(first.last_offset, 1u);
  EXPECT_EQ(middle.last_offset, 2u);
  EXPECT_EQ(last.last_offset, 3u);
}

TEST(MmioBus, overlap_is_refused) {
  EchoDevice device;
  EchoDevice other;
  MmioBus bus;
  bus.add(kRange, device);

  EXPECT_THROW(bus.add(GuestRange(GuestAddress(0x0900'0fff), 1), other), SetupError);
  EXPECT_THROW(bus.add(GuestRange(GuestAddress(0x08ff'f000), 0x1001), other), SetupError);
  EXPECT_THROW(bus.add(GuestRange(GuestAddress(0x0800'0000), 0x1000'0000), other), SetupError);
  EXPECT_THROW(bus.add(kRange, other), SetupError);
  EXPECT_NO_THROW(bus.add(GuestRange(kRange.end(), 1), other));
}

TEST(MmioBus, sealed_bus_takes_no_more_devices) {
  EchoDevice device;
  MmioBus bus;
  bus.seal();
  EXPECT_THROW(bus.add(kRange, device), SetupError);
}

TEST(MmioBus, device_is_called_under_its_mutex) {
  class Counter final : public MmioDevice {
   public:
    void read(uint64_t, std::span<std::byte>) override { ++accesses; }
    void write(uint64_t, std::span<const std::byte>) override { ++accesses; }
    void describe(fdt::Node&) const override {}
    int accesses = 0;  // unguarded: the bus's lock is what is tested
  } device;
  MmioBus bus;
  bus.add(kRange, device);
  bus.seal();
  const auto hammer = [&bus] {
    std::array<std::byte, 4> data{};
    for (int i = 0; i < 10'000; ++i) {
      bus.read(kBase, data);
      bus.write(kBase, data);
    }
  };

  std::thread other(hammer);
  hammer();
  other.join();

  EXPECT_EQ(device.accesses, 40'000);
}

TEST(MmioBus, devices_describe_themselves_by_ascending_address) {
  EchoDevice high;
  EchoDevice low;
  high.name = "high@2000";
  low.name = "low@1000";
  MmioBus bus;
  bus.add(GuestRange(GuestAddress(0x2000), 0x100), high);
  bus.add(GuestRange(GuestAddress(0x1000), 0x100), low);
  fdt::Writer writer;

  {
    fdt::Node root = writer.root();
    bus.describe_all(root);
  }
  const std::vector<std::byte> blob = writer.finish();

  std::string text;
  for (const std::byte byte : blob) text += std::to_integer<char>(byte);
  ASSERT_NE(text.find("low@1000"), std::string::npos);
  EXPECT_LT(text.find("low@1000"), text.find("high@2000"));
}

}  // namespace
}  // namespace redoubt
