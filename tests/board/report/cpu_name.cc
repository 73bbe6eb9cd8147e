// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/cpu_name.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tests/board/report/text.h"

namespace redoubt::report {

namespace {

struct Processor {
  unsigned implementer = 0;
  unsigned part = 0;
  unsigned variant = 0;
  unsigned revision = 0;

  bool operator==(const Processor&) const = default;
};

struct Name {
  unsigned implementer;
  unsigned part;
  const char* name;
};

// MIDR_EL1 of processors that a host of protected guests may have.
constexpr std::array<Name, 48> kNames = {{
    {0x00, 0x051, "QEMU max"},        {0x41, 0xd03, "Cortex-A53"},
    {0x41, 0xd04, "Cortex-A35"},      {0x41, 0xd05, "Cortex-A55"},
    {0x41, 0xd06, "Cortex-A65"},      {0x41, 0xd07, "Cortex-A57"},
    {0x41, 0xd08, "Cortex-A72"},      {0x41, 0xd09, "Cortex-A73"},
    {0x41, 0xd0a, "Cortex-A75"},      {0x41, 0xd0b, "Cortex-A76"},
    {0x41, 0xd0c, "Neoverse-N1"},     {0x41, 0xd0d, "Cortex-A77"},
    {0x41, 0xd0e, "Cortex-A76AE"},    {0x41, 0xd40, "Neoverse-V1"},
    {0x41, 0xd41, "Cortex-A78"},      {0x41, 0xd42, "Cortex-A78AE"},
    {0x41, 0xd44, "Cortex-X1"},       {0x41, 0xd46, "Cortex-A510"},
    {0x41, 0xd47, "Cortex-A710"},     {0x41, 0xd48, "Cortex-X2"},
    {0x41, 0xd49, "Neoverse-N2"},     {0x41, 0xd4a, "Neoverse-E1"},
    {0x41, 0xd4b, "Cortex-A78C"},     {0x41, 0xd4c, "Cortex-X1C"},
    {0x41, 0xd4d, "Cortex-A715"},     {0x41, 0xd4e, "Cortex-X3"},
    {0x41, 0xd4f, "Neoverse-V2"},     {0x41, 0xd80, "Cortex-A520"},
    {0x41, 0xd81, "Cortex-A720"},     {0x41, 0xd82, "Cortex-X4"},
    {0x41, 0xd83, "Neoverse-V3AE"},   {0x41, 0xd84, "Neoverse-V3"},
    {0x41, 0xd85, "Cortex-X925"},     {0x41, 0xd87, "Cortex-A725"},
    {0x41, 0xd8e, "Neoverse-N3"},     {0x43, 0x0a1, "ThunderX"},
    {0x43, 0x0af, "ThunderX2"},       {0x46, 0x001, "A64FX"},
    {0x48, 0xd01, "TSV110"},          {0x4e, 0x004, "Carmel"},
    {0x51, 0x800, "Kryo 2xx Gold"},   {0x51, 0x804, "Kryo 4xx Gold"},
    {0x51, 0x805, "Kryo 4xx Silver"}, {0x51, 0xc00, "Falkor"},
    {0x51, 0x001, "Oryon"},           {0xc0, 0xac3, "Ampere-1"},
    {0xc0, 0xac4, "Ampere-1a"},       {0xc0, 0xac5, "Ampere-1b"},
}};

unsigned number_of(std::string_view text) {
  unsigned value = 0;
  const bool hex = text.starts_with("0x");
  std::from_chars(text.data() + (hex ? 2 : 0), text.data() + text.size(), value, hex ? 16 : 10);
  return value;
}

// "rNpM" is what Arm writes for variant N and revision M.
std::string name_of(const Processor& processor) {
  const auto* const known =
      std::find_if(kNames.begin(), kNames.end(), [&processor](const Name& name) {
        return name.implementer == processor.implementer && name.part == processor.part;
      });
  const std::string name =
      known != kNames.end()
          ? std::string(known->name)
          : fmt::format("implementer {:#04x} part {:#05x}", processor.implementer, processor.part);
  return fmt::format("{} r{}p{}", name, processor.variant, processor.revision);
}

}  // namespace

std::string cpus_text(std::string_view cpuinfo) {
  std::vector<std::pair<Processor, int>> kinds;
  Processor processor;
  for (const std::string_view line : lines_of(cpuinfo)) {
    const size_t colon = std::min(line.find(':'), line.size());
    const std::string_view key = trimmed(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(std::min(colon + 1, line.size())));
    if (key == "CPU implementer") processor.implementer = number_of(value);
    if (key == "CPU variant") processor.variant = number_of(value);
    if (key == "CPU part") processor.part = number_of(value);
    if (key != "CPU revision") continue;
    // It is the last line of a processor.
    processor.revision = number_of(value);
    const auto same = std::find_if(kinds.begin(), kinds.end(), [&processor](const auto& kind) {
      return kind.first == processor;
    });
    if (same == kinds.end()) {
      kinds.emplace_back(processor, 1);
    } else {
      ++same->second;
    }
  }
  std::string text;
  for (const auto& [kind, count] : kinds) {
    text += fmt::format("{}{} × {}", text.empty() ? "" : ", ", count, name_of(kind));
  }
  return text;
}

}  // namespace redoubt::report
