// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/config_text.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/config/config_testing.h"

namespace redoubt::config {
namespace {

TEST(ConfigText, yaml_has_every_default_filled_in) {
  EXPECT_EQ(to_yaml(load_text(kMinimal)),
            "name: test\nprotected: true\ncpus: 1\n"
            "memory:\n  size: 256MiB\n  hugepages: auto\n  dma_window: auto\n"
            "boot:\n  kernel: /vm/Image\n  cmdline: \"\"\n"
            "console:\n  type: stdio\n"
            "on_reset: restart\n");
}

TEST(ConfigText, yaml_loads_as_the_same_configuration) {
  VmConfig config;
  config.vcpus = 64;
  config.protection = Protection::Unprotected;
  config.memory = {uint64_t{33} << 20, Hugepages::Always, uint64_t{3} << 20};
  config.console = {ConsoleKind::Socket, "/run/a b"};
  config.on_reset = OnReset::Exit;
  config.boot.kernel = "/a: #b/\"c\"\\d/é";
  config.boot.initrd = "/-";
  for (const std::string text : {"plain",
                                 "yes",
                                 "No",
                                 "null",
                                 "~",
                                 "1e5",
                                 "0x10",
                                 "true",
                                 "- a",
                                 "a: b",
                                 "a #b",
                                 "*a",
                                 "&a",
                                 "!a",
                                 "{a",
                                 "[a",
                                 "'a",
                                 "\"a",
                                 "\\",
                                 "%a",
                                 "@a",
                                 " a ",
                                 "a\tb",
                                 "é€😀",
                                 ".inf",
                                 "=",
                                 "<<",
                                 "?",
                                 "console=ttyAMA0 init=/bin/sh -- -c \"x\""}) {
    config.name = text;
    config.boot.cmdline = text;
    EXPECT_EQ(load_text(to_yaml(config)), config) << to_yaml(config);
  }
}

TEST(ConfigText, json_has_sizes_in_bytes_and_null_for_what_is_not_there) {
  const auto json = nlohmann::json::parse(to_json(load_text(kMinimal)));
  EXPECT_EQ(json.at("memory").at("size"), 268435456);
  EXPECT_EQ(json.at("memory").at("dma_window"), nullptr);
  EXPECT_EQ(json.at("boot").at("initrd"), nullptr);
  EXPECT_EQ(json.at("boot").at("kernel"), "/vm/Image");
  EXPECT_EQ(json.at("console").at("type"), "stdio");
  EXPECT_EQ(json.at("protected"), true);
}

TEST(ConfigText, json_survives_paths_that_are_not_utf8) {
  VmConfig config = load_text(kMinimal);
  config.boot.kernel = "/\xff";
  EXPECT_EQ(nlohmann::json::parse(to_json(config)).at("boot").at("kernel"), "/\xef\xbf\xbd");
}

}  // namespace
}  // namespace redoubt::config
