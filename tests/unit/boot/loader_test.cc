// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/loader.h"

#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sizes.h"
#include "tests/unit/boot/guest_ram.h"
#include "tests/unit/boot/payload_builder.h"
#include "vmm/base/setup_error.h"

namespace redoubt::boot {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Bytes read(const GuestMemory& memory, GuestAddress from, size_t size) {
  Bytes bytes(size);
  EXPECT_TRUE(memory.read(from, bytes));
  return bytes;
}

std::string refusal_of(auto&& action) {
  try {
    action();
  } catch (const SetupError& error) {
    EXPECT_EQ(error.status(), ExitStatus::BadPayload);
    return message_chain(error) + ". " + remedy_of(error);
  }
  return "not refused";
}

TEST(Loader, kernel_initrd_and_device_tree_are_where_they_were_placed) {
  const std::array regions = {MemoryRegion{ram(32 * kMiB), PrivateRam{}}};
  GuestMemory memory(regions);
  const Bytes image = make_image({.text_offset = 0x80000, .image_size = 0x20000});
  const Bytes initrd = bytes_of("070701 and so on");
  const Bytes device_tree = bytes_of("device tree");
  const MemoryFile image_file(gzip(image));
  const MemoryFile initrd_file(initrd);
  const Payload payload = open_payload(image_file.path(), initrd_file.path(), 32 * kMiB);
  const Placement placement = place_payload(ram(32 * kMiB), payload);

  const EntryState entry = load(memory, payload, placement, device_tree);

  EXPECT_EQ(entry.pc, GuestAddress(0x4008'0000));
  EXPECT_EQ(entry.x0, GuestAddress(0x41e0'0000));
  EXPECT_EQ(read(memory, entry.pc, image.size()), image);
  EXPECT_EQ(read(memory, entry.pc.checked_add(image.size()).value(), 16), Bytes(16));
  EXPECT_EQ(read(memory, placement.initrd->start(), initrd.size()), initrd);
  EXPECT_EQ(read(memory, entry.x0, device_tree.size()), device_tree);
}

TEST(Loader, flat_binary_is_entered_at_the_start_of_ram) {
  const std::array regions = {MemoryRegion{ram(32 * kMiB), PrivateRam{}}};
  GuestMemory memory(regions);
  const Bytes code = bytes_of("code");
  const Payload payload = open_payload(MemoryFile(code).path(), std::nullopt, 32 * kMiB);
  const Placement placement = place_payload(ram(32 * kMiB), payload);

  const EntryState entry = load(memory, payload, placement, bytes_of("device tree"));

  EXPECT_EQ(entry.pc, GuestAddress(0x4000'0000));
  EXPECT_EQ(read(memory, entry.pc, code.size()), code);
}

TEST(Loader, kernel_that_does_not_fit_is_refused_with_the_numbers_and_the_remedy) {
  const MemoryFile image(make_image({.image_size = 40 * kMiB}));
  const Payload payload = open_payload(image.path(), std::nullopt, 32 * kMiB);

  const std::string message =
      refusal_of([&] { static_cast<void>(place_payload(ram(32 * kMiB), payload)); });

  EXPECT_THAT(message,
              AllOf(HasSubstr(image.path().native()), HasSubstr("needs 41943040 bytes (40 MiB)"),
                    HasSubstr("the guest has 32 MiB"), HasSubstr("at least 42MiB")));
}

TEST(Loader, kernel_whose_header_claims_everything_is_refused) {
  const MemoryFile image(make_image({.image_size = ~uint64_t{0}}));
  const Payload payload = open_payload(image.path(), std::nullopt, 32 * kMiB);

  EXPECT_THAT(refusal_of([&] { static_cast<void>(place_payload(ram(32 * kMiB), payload)); }),
              AllOf(HasSubstr("needs 18446744073709551615 bytes"), HasSubstr("No memory size")));
}

TEST(Loader, initrd_that_does_not_fit_is_refused_with_the_numbers_and_the_remedy) {
  MemoryFile initrd(bytes_of("070701"));
  initrd.truncate(31 * kMiB);
  const Payload payload = open_payload(MemoryFile(make_image()).path(), initrd.path(), 32 * kMiB);

  EXPECT_THAT(refusal_of([&] { static_cast<void>(place_payload(ram(32 * kMiB), payload)); }),
              AllOf(HasSubstr("initrd " + initrd.path().native()), HasSubstr("32505856 bytes"),
                    HasSubstr("at least 34MiB")));
}

TEST(Loader, missing_and_empty_initrd_are_refused) {
  const MemoryFile image(make_image());
  const MemoryFile empty({});

  EXPECT_THAT(refusal_of([&] {
                static_cast<void>(open_payload(image.path(), "/nowhere/initrd", 32 * kMiB));
              }),
              HasSubstr("initrd /nowhere/initrd"));
  EXPECT_THAT(
      refusal_of([&] { static_cast<void>(open_payload(image.path(), empty.path(), 32 * kMiB)); }),
      HasSubstr("is empty"));
}

TEST(Loader, file_cut_short_after_it_was_opened_is_refused) {
  const std::array regions = {MemoryRegion{ram(32 * kMiB), PrivateRam{}}};
  GuestMemory memory(regions);
  MemoryFile image(make_image());
  const Payload payload = open_payload(image.path(), std::nullopt, 32 * kMiB);
  const Placement placement = place_payload(ram(32 * kMiB), payload);
  image.truncate(100);

  EXPECT_THAT(refusal_of([&] { load(memory, payload, placement, bytes_of("device tree")); }),
              HasSubstr("kernel " + image.path().native()));
}

TEST(Loader, device_tree_beyond_its_2_mib_is_refused) {
  const std::array regions = {MemoryRegion{ram(32 * kMiB), PrivateRam{}}};
  GuestMemory memory(regions);
  const Payload payload = open_payload(MemoryFile(make_image()).path(), std::nullopt, 32 * kMiB);
  const Placement placement = place_payload(ram(32 * kMiB), payload);

  EXPECT_THAT(refusal_of([&] { load(memory, payload, placement, Bytes(2 * kMiB + 1)); }),
              HasSubstr("2097153 bytes"));
}

}  // namespace
}  // namespace redoubt::boot
