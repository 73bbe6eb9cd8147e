// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/config/example_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "vmm/config/config_text.h"
#include "vmm/config/load_config.h"

namespace redoubt::config {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> examples() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(example_folder())) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  return files;
}

TEST(ExampleConfigs, are_there) { EXPECT_GE(examples().size(), 7U); }

TEST(ExampleConfigs, all_load_and_survive_being_printed) {
  for (const fs::path& file : examples()) {
    const VmConfig config = load_config(file, {}, FileChecks::Skip);
    EXPECT_EQ(parse_config(file, to_yaml(config), "/", {}, FileChecks::Skip), config) << file;
  }
}

TEST(ExampleConfigs, all_name_the_schema_for_editors) {
  for (const fs::path& file : examples()) {
    std::ifstream stream(file);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_NE(text.find("\n# yaml-language-server: $schema=redoubt.schema.json\n"),
              std::string::npos)
        << file;
  }
}

TEST(ExampleConfigs, cover_what_their_names_say) {
  const auto load = [](const char* name) {
    return load_config(example_folder() / name, {}, FileChecks::Skip);
  };
  EXPECT_EQ(load("hello.yaml").protection, Protection::Protected);
  EXPECT_EQ(load("unprotected.yaml").protection, Protection::Unprotected);
  EXPECT_EQ(load("window.yaml").memory.dma_window, uint64_t{8} << 20);
  const VmConfig devices = load("virtio.yaml");
  EXPECT_TRUE(!devices.disks.empty() && !devices.networks.empty() && !devices.ports.empty() &&
              devices.vsock && devices.rng && !devices.shares.empty());
  EXPECT_FALSE(load("debian.yaml").disks.empty());
  EXPECT_EQ(load("bare-metal.yaml").boot.initrd, std::nullopt);
}

}  // namespace
}  // namespace redoubt::config
