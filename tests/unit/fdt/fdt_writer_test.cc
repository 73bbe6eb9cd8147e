// SPDX-License-Identifier: Apache-2.0
#include "vmm/fdt/fdt_writer.h"

#include <array>
#include <cstring>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <libfdt.h>

#include "vmm/base/setup_error.h"

namespace redoubt::fdt {
namespace {

std::string value_of(const std::vector<std::byte>& blob, const char* path, const char* name) {
  int size = 0;
  const int node = ::fdt_path_offset(blob.data(), path);
  const void* value = ::fdt_getprop(blob.data(), node, name, &size);
  if (value == nullptr) return "absent";
  return {static_cast<const char*>(value), static_cast<size_t>(size)};
}

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

TEST(FdtWriter, tree_of_nothing_but_a_root_is_well_formed) {
  Writer writer;
  { const Node root = writer.root(); }

  const std::vector<std::byte> blob = writer.finish();

  EXPECT_EQ(::fdt_check_full(blob.data(), blob.size()), 0);
  EXPECT_EQ(fdt_totalsize(blob.data()), blob.size());
}

TEST(FdtWriter, cells_are_big_endian) {
  Writer writer;
  {
    Node root = writer.root();
    root.property_u32("u32", {0x01020304, 0xfffefdfc});
    root.property_u64("u64", {0x0102030405060708});
  }

  const std::vector<std::byte> blob = writer.finish();

  EXPECT_EQ(value_of(blob, "/", "u32"), bytes({1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc}));
  EXPECT_EQ(value_of(blob, "/", "u64"), bytes({1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(FdtWriter, cells_can_come_from_an_array) {
  constexpr std::array<uint32_t, 2> kCells = {1, 2};
  constexpr std::array<uint64_t, 1> kValues = {3};
  Writer writer;
  {
    Node root = writer.root();
    root.property_u32("u32", kCells);
    root.property_u64("u64", kValues);
  }

  const std::vector<std::byte> blob = writer.finish();

  EXPECT_EQ(value_of(blob, "/", "u32"), bytes({0, 0, 0, 1, 0, 0, 0, 2}));
  EXPECT_EQ(value_of(blob, "/", "u64"), bytes({0, 0, 0, 0, 0, 0, 0, 3}));
}

TEST(FdtWriter, strings_end_with_nul_and_a_bare_property_is_empty) {
  using namespace std::string_literals;
  Writer writer;
  {
    Node root = writer.root();
    root.property("model", "redoubt");
    root.property_strings("compatible", {"arm,pl011", "arm,primecell"});
    root.property("ranges");
    root.property_bytes("seed", std::array{std::byte{0}, std::byte{9}});
  }

  const std::vector<std::byte> blob = writer.finish();

  EXPECT_EQ(value_of(blob, "/", "model"), "redoubt\0"s);
  EXPECT_EQ(value_of(blob, "/", "compatible"), "arm,pl011\0arm,primecell\0"s);
  EXPECT_EQ(value_of(blob, "/", "ranges"), ""s);
  EXPECT_EQ(value_of(blob, "/", "seed"), "\0\x09"s);
}

TEST(FdtWriter, children_nest_and_end_with_their_scope) {
  Writer writer;
  {
    Node root = writer.root();
    {
      Node soc = root.child("soc");
      Node uart = soc.child("pl011@9000000");
      uart.property("status", "okay");
    }
    Node sibling = root.child("timer");
  }

  const std::vector<std::byte> blob = writer.finish();

  EXPECT_EQ(::fdt_check_full(blob.data(), blob.size()), 0);
  EXPECT_GE(::fdt_path_offset(blob.data(), "/soc/pl011@9000000"), 0);
  EXPECT_GE(::fdt_path_offset(blob.data(), "/timer"), 0);
}

TEST(FdtWriter, moved_node_ends_once) {
  Writer writer;
  {
    Node root = writer.root();
    Node child = root.child("a");
    Node same = std::move(child);
    same.property("here");
  }

  const std::vector<std::byte> blob = writer.finish();

  EXPECT_EQ(::fdt_check_full(blob.data(), blob.size()), 0);
  EXPECT_EQ(value_of(blob, "/a", "here"), "");
}

TEST(FdtWriter, buffer_grows_with_properties_nodes_and_names) {
  const std::string long_text(300'000, 'x');
  Writer writer;
  {
    Node root = writer.root();
    root.property("long", long_text);
    for (int i = 0; i < 2000; ++i) {
      Node child = root.child("child@" + std::to_string(i));
      child.property_u32("name-of-its-own-" + std::to_string(i), {static_cast<uint32_t>(i)});
    }
  }

  const std::vector<std::byte> blob = writer.finish();

  EXPECT_EQ(::fdt_check_full(blob.data(), blob.size()), 0);
  EXPECT_EQ(value_of(blob, "/", "long"), long_text + '\0');
  EXPECT_EQ(value_of(blob, "/child@1999", "name-of-its-own-1999"), bytes({0, 0, 7, 0xcf}));
}

// A node is ended without a chance to report an error, so growing there is worth its own test:
// with every size of the property before it, some end falls on the end of the buffer.
TEST(FdtWriter, buffer_grows_while_nodes_end) {
  for (size_t size = 3900; size < 4100; size += 4) {
    Writer writer;
    {
      Node root = writer.root();
      root.property_bytes("p", std::vector<std::byte>(size));
      Node outer = root.child("a");
      Node inner = outer.child("b");
    }

    const std::vector<std::byte> blob = writer.finish();

    ASSERT_EQ(::fdt_check_full(blob.data(), blob.size()), 0) << size;
  }
}

TEST(FdtWriter, phandles_are_unique_and_behind_the_fixed_ones) {
  Writer writer;

  const uint32_t first = writer.new_phandle();
  const uint32_t second = writer.new_phandle();

  EXPECT_GT(first, kDmaWindowPhandle);
  EXPECT_NE(first, second);
}

TEST(FdtWriter, property_behind_a_child_is_refused) {
  Writer writer;
  Node root = writer.root();
  { const Node child = root.child("a"); }

  EXPECT_THROW(root.property("late"), SetupError);
}

TEST(FdtWriter, parent_is_refused_while_its_child_is_open) {
  Writer writer;
  Node root = writer.root();
  const Node child = root.child("a");

  EXPECT_THROW(root.property("early"), SetupError);
  EXPECT_THROW(static_cast<void>(root.child("b")), SetupError);
}

TEST(FdtWriter, second_root_is_refused) {
  Writer writer;
  { const Node root = writer.root(); }

  EXPECT_THROW(static_cast<void>(writer.root()), SetupError);
}

TEST(FdtWriter, finish_is_refused_without_a_root_with_an_open_node_and_twice) {
  Writer rootless;
  Writer open;
  const Node root = open.root();
  Writer finished;
  { const Node ended = finished.root(); }
  static_cast<void>(finished.finish());

  EXPECT_THROW(static_cast<void>(rootless.finish()), SetupError);
  EXPECT_THROW(static_cast<void>(open.finish()), SetupError);
  EXPECT_THROW(static_cast<void>(finished.finish()), SetupError);
  EXPECT_THROW(static_cast<void>(finished.root()), SetupError);
}

TEST(FdtWriter, bad_names_and_embedded_nul_are_refused) {
  using namespace std::string_view_literals;
  Writer writer;
  Node root = writer.root();

  EXPECT_THROW(static_cast<void>(root.child("")), SetupError);
  EXPECT_THROW(static_cast<void>(root.child("a/b")), SetupError);
  EXPECT_THROW(static_cast<void>(root.child("a\0b"sv)), SetupError);
  EXPECT_THROW(root.property("a\0b"sv), SetupError);
  EXPECT_THROW(root.property("bootargs", "root=/dev/vda\0ro"sv), SetupError);
}

}  // namespace
}  // namespace redoubt::fdt
