// SPDX-License-Identifier: Apache-2.0
//
// Writes a flattened device tree (Devicetree Specification 0.4, chapter 5) front to back:
//
//   fdt::Writer writer;
//   {
//     fdt::Node root = writer.root();
//     root.property_u32("#address-cells", {2});
//     fdt::Node uart = root.child("pl011@9000000");
//     uart.property_strings("compatible", {"arm,pl011", "arm,primecell"});
//     uart.property_u64("reg", {0x0900'0000, 0x1000});
//   }
//   const std::vector<std::byte> blob = writer.finish();
//
// A node ends where its Node goes out of scope, and a node's properties come before its children:
// using a Node while a child of it is open, or setting a property after it had a child, throws
// SetupError, as does everything else that would make an ill-formed tree. Set-up only, one thread;
// the Writer must outlive its Nodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "vmm/fdt/phandles.h"

namespace redoubt::fdt {

class Writer;

class Node {
 public:
  Node(Node&& other) noexcept;
  Node& operator=(Node&&) = delete;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();  // ends the node

  // `name` with its unit address, as in "pl011@9000000".
  [[nodiscard]] Node child(std::string_view name);

  void property(std::string_view name);  // present, without a value
  void property(std::string_view name, std::string_view text);
  void property_strings(std::string_view name, std::initializer_list<std::string_view> texts);
  void property_u32(std::string_view name, std::initializer_list<uint32_t> cells);
  void property_u32(std::string_view name, std::span<const uint32_t> cells);
  // Each value as two cells, the high one first.
  void property_u64(std::string_view name, std::initializer_list<uint64_t> values);
  void property_u64(std::string_view name, std::span<const uint64_t> values);
  void property_bytes(std::string_view name, std::span<const std::byte> bytes);

 private:
  friend class Writer;
  Node(Writer& writer, uint32_t depth) : writer_(&writer), depth_(depth) {}

  Writer* writer_;  // null once moved from
  uint32_t depth_;  // the root's is 1
};

class Writer {
 public:
  Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  [[nodiscard]] Node root();  // once
  // For a node's "phandle" property and for those that refer to the node; never the same twice.
  [[nodiscard]] uint32_t new_phandle() { return next_phandle_++; }
  // The tree, after the root has ended. Once.
  [[nodiscard]] std::vector<std::byte> finish();

 private:
  friend class Node;
  Node begin_node(std::string_view name, uint32_t parent_depth);
  void end_node(uint32_t depth) noexcept;
  void add_property(uint32_t depth, std::string_view name, std::span<const std::byte> value);
  template <class Operation>
  int run_growing(Operation operation);

  std::vector<std::byte> buffer_;  // libfdt's, in its sequential-write state
  uint32_t next_phandle_ = kFirstFreePhandle;
  uint32_t depth_ = 0;             // of the innermost open node; 0: none
  bool takes_properties_ = false;  // the innermost open node has had no child yet
  bool root_ended_ = false;
  int error_ = 0;  // of an end_node(), for finish() to report
};

}  // namespace redoubt::fdt
