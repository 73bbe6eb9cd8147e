// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/nearest_name.h"

#include <algorithm>
#include <array>
#include <utility>

namespace redoubt::config {

namespace {

constexpr size_t kLongest = 40;  // longer than any name of ours; bounds the work

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Optimal string alignment distance, three rows at a time.
size_t distance(std::string_view a, std::string_view b) {
  std::array<std::array<size_t, kLongest + 1>, 3> rows{};
  auto* before = &rows[0];
  auto* previous = &rows[1];
  auto* current = &rows[2];
  for (size_t j = 0; j <= b.size(); ++j) (*previous)[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    (*current)[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      size_t best = std::min(
          {(*previous)[j] + 1, (*current)[j - 1] + 1, (*previous)[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1])) {
        best = std::min(best, (*before)[j - 2] + 1);
      }
      (*current)[j] = best;
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return (*previous)[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest_name(std::string_view typed,
                                             std::span<const std::string_view> names) {
  if (typed.empty() || typed.size() > kLongest) return std::nullopt;
  std::optional<std::string_view> nearest;
  // A slip in every other letter at most; never so many that nothing is left of what was typed.
  const size_t allowed = std::clamp<size_t>(typed.size() / 2, 1, 3);
  size_t least = std::min(allowed + 1, typed.size());
  for (const std::string_view name : names) {
    if (name.size() > kLongest) continue;
    const bool begun = typed.size() > 1 && name.starts_with(typed);
    const size_t found = begun ? 1 : distance(typed, name);
    if (found < least) {
      least = found;
      nearest = name;
    }
  }
  return nearest;
}

std::string did_you_mean(std::optional<std::string_view> name) {
  return name ? ", did you mean " + std::string(*name) + "?" : "";
}

std::string enumerate(std::span<const std::string_view> names, std::string_view last) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0 && i + 1 == names.size()) {
      text.append(" ").append(last).append(" ");
    } else if (i > 0) {
      text += ", ";
    }
    text += names[i];
  }
  return text;
}

}  // namespace redoubt::config
