// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/connect_line.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace redoubt {

namespace {

constexpr std::string_view kWord = "connect";
constexpr std::string_view kBlanks = " \t";

bool is_connect(std::string_view word) {
  return std::equal(word.begin(), word.end(), kWord.begin(), kWord.end(), [](char a, char b) {
    return a == b || (a >= 'A' && a <= 'Z' && a - 'A' + 'a' == b);
  });
}

}  // namespace

size_t ConnectLine::take(std::string_view bytes) {
  const size_t newline = bytes.find('\n');
  const bool ended = newline != std::string_view::npos;
  const size_t size = ended ? newline + 1 : bytes.size();
  if (line_.size() + size > kMaxBytes || (!ended && line_.size() + size == kMaxBytes)) {
    state_ = State::Bad;
    return size;
  }
  line_ += bytes.substr(0, size);
  if (ended) parse();
  return size;
}

void ConnectLine::parse() {
  state_ = State::Bad;
  const std::string_view line = line_;
  if (!is_connect(line.substr(0, kWord.size()))) return;
  const size_t start = line.find_first_not_of(kBlanks, kWord.size());
  if (start == kWord.size() || start == std::string_view::npos) return;
  const char* const end = line.data() + line.size();
  const auto [rest, error] = std::from_chars(line.data() + start, end, port_);
  if (error != std::errc()) return;
  if (std::all_of(rest, end,
                  [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; })) {
    state_ = State::Complete;
  }
}

}  // namespace redoubt
