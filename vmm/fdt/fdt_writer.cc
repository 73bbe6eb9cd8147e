// SPDX-License-Identifier: Apache-2.0
#include "vmm/fdt/fdt_writer.h"

#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <libfdt.h>

#include "vmm/base/setup_error.h"

namespace redoubt::fdt {
namespace {

constexpr size_t kInitialSize = 4096;
// libfdt counts in int. A guest's tree is a few kilobytes; whoever places it has a tighter limit.
constexpr size_t kMaximumSize = size_t{64} << 20;

[[noreturn]] void misuse(std::string_view what, std::string_view name) {
  throw SetupError(fmt::format("device tree: {} \"{}\"", what, name));
}

void check(int error, std::string_view what, std::string_view name) {
  if (error == 0) return;
  throw SetupError(
      fmt::format("device tree: cannot add {} \"{}\": {}", what, name, ::fdt_strerror(error)));
}

// libfdt takes C strings: a NUL inside would silently cut the rest off.
std::string c_string(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) misuse("NUL character in", text);
  return std::string(text);
}

template <class Integer>
void append_big_endian(std::vector<std::byte>& bytes, Integer value) {
  for (int shift = std::numeric_limits<Integer>::digits - 8; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::byte>(value >> shift));
  }
}

void append_string(std::vector<std::byte>& bytes, std::string_view text) {
  const std::string checked = c_string(text);
  const auto* first = std::as_bytes(std::span(checked)).data();
  bytes.insert(bytes.end(), first, first + checked.size());
  bytes.push_back(std::byte{0});
}

}  // namespace

// --- Node ------------------------------------------------------------------------------------

Node::Node(Node&& other) noexcept
    : writer_(std::exchange(other.writer_, nullptr)), depth_(other.depth_) {}

Node::~Node() {
  if (writer_ != nullptr) writer_->end_node(depth_);
}

Node Node::child(std::string_view name) {
  if (name.empty() || name.find('/') != std::string_view::npos) misuse("bad node name", name);
  return writer_->begin_node(name, depth_);
}

void Node::property(std::string_view name) { writer_->add_property(depth_, name, {}); }

void Node::property(std::string_view name, std::string_view text) {
  property_strings(name, {text});
}

void Node::property_strings(std::string_view name, std::initializer_list<std::string_view> texts) {
  std::vector<std::byte> value;
  for (const std::string_view text : texts) append_string(value, text);
  writer_->add_property(depth_, name, value);
}

void Node::property_u32(std::string_view name, std::initializer_list<uint32_t> cells) {
  property_u32(name, std::span(cells.begin(), cells.size()));
}

void Node::property_u32(std::string_view name, std::span<const uint32_t> cells) {
  std::vector<std::byte> value;
  for (const uint32_t cell : cells) append_big_endian(value, cell);
  writer_->add_property(depth_, name, value);
}

void Node::property_u64(std::string_view name, std::initializer_list<uint64_t> values) {
  property_u64(name, std::span(values.begin(), values.size()));
}

void Node::property_u64(std::string_view name, std::span<const uint64_t> values) {
  std::vector<std::byte> value;
  for (const uint64_t number : values) append_big_endian(value, number);
  writer_->add_property(depth_, name, value);
}

void Node::property_bytes(std::string_view name, std::span<const std::byte> bytes) {
  writer_->add_property(depth_, name, bytes);
}

// --- Writer ----------------------------------------------------------------------------------

// Runs a libfdt call again in a larger buffer for as long as it says there is no space; a call
// that fails so has left the tree as it was.
template <class Operation>
int Writer::run_growing(Operation operation) {
  int error = operation();
  while (error == -FDT_ERR_NOSPACE && buffer_.size() < kMaximumSize) {
    std::vector<std::byte> larger(buffer_.size() * 2);
    error = ::fdt_resize(buffer_.data(), larger.data(), static_cast<int>(larger.size()));
    if (error != 0) return error;
    buffer_ = std::move(larger);
    error = operation();
  }
  return error;
}

// To look for each property's name among those that are there takes longer than all the rest, and
// saves a few kilobytes of a blob that is read once.
Writer::Writer() : buffer_(kInitialSize) {
  check(::fdt_create_with_flags(buffer_.data(), static_cast<int>(buffer_.size()),
                                FDT_CREATE_FLAG_NO_NAME_DEDUP),
        "tree", "");
  check(::fdt_finish_reservemap(buffer_.data()), "reserve map", "");
}

Node Writer::root() {
  if (depth_ != 0 || root_ended_ || buffer_.empty()) misuse("second root node", "/");
  return begin_node("", 0);
}

Node Writer::begin_node(std::string_view name, uint32_t parent_depth) {
  if (depth_ != parent_depth) misuse("the parent is not the innermost open node of", name);
  const std::string checked = c_string(name);
  check(run_growing([&] { return ::fdt_begin_node(buffer_.data(), checked.c_str()); }), "node",
        name);
  depth_ = parent_depth + 1;
  takes_properties_ = true;
  return {*this, depth_};
}

void Writer::end_node(uint32_t depth) noexcept {
  int error = -FDT_ERR_BADSTRUCTURE;
  if (depth == depth_) error = run_growing([&] { return ::fdt_end_node(buffer_.data()); });
  if (error_ == 0) error_ = error;
  depth_ = depth - 1;
  takes_properties_ = false;
  root_ended_ = depth_ == 0;
}

void Writer::add_property(uint32_t depth, std::string_view name, std::span<const std::byte> value) {
  if (depth != depth_ || !takes_properties_) misuse("the node had a child before property", name);
  if (value.size() > kMaximumSize) misuse("too long a value for property", name);
  const std::string checked = c_string(name);
  check(run_growing([&] {
          return ::fdt_property(buffer_.data(), checked.c_str(), value.data(),
                                static_cast<int>(value.size()));
        }),
        "property", name);
}

std::vector<std::byte> Writer::finish() {
  if (!root_ended_) misuse("an open node, or none:", "/");
  check(error_, "end of node", "");
  check(run_growing([&] { return ::fdt_finish(buffer_.data()); }), "end of tree", "");
  buffer_.resize(fdt_totalsize(buffer_.data()));
  root_ended_ = false;
  return std::exchange(buffer_, {});
}

}  // namespace redoubt::fdt
