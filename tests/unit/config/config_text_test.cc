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
            "name: test\nprotected: true\ncpus: 1\non_reset: restart\nrng: false\n"
            "memory:\n  size: 256MiB\n  hugepages: auto\n  prefault: false\n  dma_window: auto\n"
            "boot:\n  kernel: /vm/Image\n  cmdline: \"\"\n"
            "console:\n  type: stdio\n");
}

VmConfig with_devices() {
  VmConfig config = load_text(kMinimal);
  config.console.kind = ConsoleKind::None;
  config.rng = true;
  config.disks = {{.path = "/a.img", .serial = "root disk", .queues = 4},
                  {.path = "/b.img", .readonly = true, .direct = true, .discard = false}};
  config.networks = {{.name = "lan",
                      .kind = NetKind::Tap,
                      .tap = "tap0",
                      .mac = MacAddress{0x52, 0x54, 0, 0xab, 0xcd, 0xef},
                      .queues = 8,
                      .vhost = VhostUse::On},
                     {.name = "42", .kind = NetKind::Tap, .fd = 7},
                     {.name = "out"}};
  config.ports = {{"hvc0", true, {ConsoleKind::Stdio, {}}},
                  {"agent", false, {ConsoleKind::Socket, "/run/agent"}}};
  config.vsock = VsockOptions{VsockKind::Unix, 0xffff'fffe, "/run/vsock"};
  config.shares = {{"src", "/usr/src", true}};
  return config;
}

TEST(ConfigText, yaml_of_devices_is_a_list_of_maps) {
  VmConfig config = load_text(kMinimal);
  config.disks = {{.path = "/a.img"}, {.path = "/b.img", .serial = "b"}};
  config.vsock = VsockOptions{};
  const std::string text = to_yaml(config);
  EXPECT_NE(text.find("disks:\n"
                      "  - path: /a.img\n    readonly: false\n    direct: false\n"
                      "    discard: true\n    queues: 1\n"
                      "  - path: /b.img\n    readonly: false\n    direct: false\n"
                      "    discard: true\n    serial: b\n    queues: 1\n"
                      "vsock:\n  type: vhost\n  cid: 3\n"),
            std::string::npos)
      << text;
}

TEST(ConfigText, yaml_of_devices_loads_as_the_same_configuration) {
  const VmConfig config = with_devices();
  EXPECT_EQ(load_text(to_yaml(config)), config) << to_yaml(config);
}

TEST(ConfigText, json_has_lists_of_devices_and_null_for_no_vsock) {
  const auto none = nlohmann::json::parse(to_json(load_text(kMinimal)));
  EXPECT_EQ(none.at("disks"), nlohmann::json::array());
  EXPECT_EQ(none.at("vsock"), nullptr);
  const auto all = nlohmann::json::parse(to_json(with_devices()));
  EXPECT_EQ(all.at("disks").at(1).at("path"), "/b.img");
  EXPECT_EQ(all.at("disks").at(1).at("serial"), nullptr);
  EXPECT_EQ(all.at("networks").at(0).at("mac"), "52:54:00:ab:cd:ef");
  EXPECT_EQ(all.at("networks").at(1).at("fd"), 7);
  EXPECT_EQ(all.at("ports").at(1).at("type"), "socket");
  EXPECT_EQ(all.at("vsock").at("cid"), 4294967294);
}

TEST(ConfigText, yaml_loads_as_the_same_configuration) {
  VmConfig config;
  config.vcpus = 64;
  config.protection = Protection::Unprotected;
  config.memory = {uint64_t{33} << 20, Hugepages::Always, true, uint64_t{3} << 20};
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
