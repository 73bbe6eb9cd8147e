// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with the virtio devices of a configuration, in the exact words that a user reads.
#include <ostream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/unit/config/config_testing.h"

namespace redoubt::config {
namespace {

// Faults are in the second line, below the kernel.
class BadDevicesTest : public testing::TestWithParam<BadText> {};

TEST_P(BadDevicesTest, are_refused_with_their_place_and_reason) {
  const std::string text = std::string(kMinimal).append(GetParam().text).append("\n");
  EXPECT_EQ(faults_of(text), "test.yaml:" + std::string(GetParam().fault));
}

constexpr BadText kLists[] = {
    {"disks_is_a_map", "disks: {path: a}",
     "2:8: disks: expected a list of maps of path, readonly, direct, discard, serial and queues"},
    {"disks_is_nothing", "disks:",
     "2:1: disks: expected a list of maps of path, readonly, direct, discard, serial and queues"},
    {"disk_is_a_word", "disks: [{path: a}, b]",
     "2:20: disks[1]: expected a map of path, readonly, direct, discard, serial and queues"},
    {"disk_is_a_list", "disks: [[a]]",
     "2:9: disks[0]: expected a map of path, readonly, direct, discard, serial and queues"},
    {"vsock_is_nothing", "vsock:", "2:1: vsock: expected a map of type, cid and path"},
    {"vsock_is_a_list", "vsock: [{}]", "2:8: vsock: expected a map of type, cid and path"},
    {"misspelt_key", "disks:\n  - path: a\n  - path: b\n    seriall: c",
     "5:5: disks[1].seriall: unknown key, did you mean disks[1].serial? (known here: path, "
     "readonly, direct, discard, serial and queues)"},
    {"key_of_another_list", "disks: [{path: a, mac: b}]",
     "2:19: disks[0].mac: unknown key, did you mean networks[N].mac? (known here: path, readonly, "
     "direct, discard, serial and queues)"},
    {"duplicate_key", "disks:\n  - path: a\n    path: b",
     "4:5: duplicate key \"path\", first given in line 3"},
    {"disk_without_path", "disks:\n  - readonly: true",
     "3:5: disks[0].path: is required, and not given"},
    {"port_without_name", "ports: [{type: none}]",
     "2:9: ports[0].name: is required, and not given"},
    {"port_without_type", "ports: [{name: a}]", "2:9: ports[0].type: is required, and not given"},
    {"share_without_path", "shares: [{tag: a}]",
     "2:10: shares[0].path: is required, and not given"},
};

constexpr BadText kValues[] = {
    {"serial_long", "disks: [{path: a, serial: abcdefghijklmnopqrstu}]",
     "2:27: disks[0].serial: at most 20 bytes, got 21"},
    {"serial_not_ascii", "disks: [{path: a, serial: é}]",
     "2:27: disks[0].serial: may have printable ASCII characters only, got \"é\""},
    {"serial_empty", "disks: [{path: a, serial: \"\"}]",
     "2:27: disks[0].serial: must not be empty"},
    {"disk_queues_none", "disks: [{path: a, queues: 0}]",
     "2:27: disks[0].queues: expected an integer from 1 to 64, got \"0\""},
    {"network_queues_many", "networks: [{type: tap, tap: a, queues: 9}]",
     "2:40: networks[0].queues: expected an integer from 1 to 8, got \"9\""},
    {"mac_short", "networks: [{mac: \"52:54:00\"}]",
     "2:18: networks[0].mac: expected a MAC address such as 52:54:00:12:34:56, got the string "
     "\"52:54:00\""},
    {"mac_letters", "networks: [{mac: 52:54:00:12:34:xx}]",
     "2:18: networks[0].mac: expected a MAC address such as 52:54:00:12:34:56, got "
     "\"52:54:00:12:34:xx\""},
    {"mac_sign", "networks: [{mac: 52:54:00:12:34:-1}]",
     "2:18: networks[0].mac: expected a MAC address such as 52:54:00:12:34:56, got "
     "\"52:54:00:12:34:-1\""},
    {"mac_of_a_group", "networks: [{mac: 01:54:00:12:34:56}]",
     "2:18: networks[0].mac: a group's address cannot be a device's own, got "
     "\"01:54:00:12:34:56\""},
    {"mac_of_nobody", "networks: [{mac: 00:00:00:00:00:00}]",
     "2:18: networks[0].mac: the address of no station"},
    {"tap_long", "networks: [{type: tap, tap: abcdefghijklmnop}]",
     "2:29: networks[0].tap: at most 15 bytes, got 16"},
    {"tap_pattern", "networks: [{type: tap, tap: tap%d}]",
     "2:29: networks[0].tap: may have letters, digits, '.', '_' and '-' only, and no '.' or '-' in "
     "front, got \"tap%d\""},
    {"fd_of_stdin", "networks: [{type: tap, fd: 0}]",
     "2:28: networks[0].fd: expected an integer from 3 to 1048575, got \"0\""},
    {"port_name_is_a_path", "ports: [{name: a/b, type: none}]",
     "2:16: ports[0].name: may have letters, digits, '.', '_' and '-' only, and no '.' or '-' in "
     "front, got \"a/b\""},
    {"cid_of_the_host", "vsock: {cid: 2}",
     "2:14: vsock.cid: expected an integer from 3 to 4294967294, got \"2\""},
    {"cid_of_anybody", "vsock: {cid: 4294967295}",
     "2:14: vsock.cid: expected an integer from 3 to 4294967294, got \"4294967295\""},
    {"tag_long", "shares: [{tag: abcdefghijklmnopqrstuvwxyzabcdefghijk, path: a}]",
     "2:16: shares[0].tag: at most 36 bytes, got 37"},
    {"tag_is_an_option", "shares: [{tag: -o, path: a}]",
     "2:16: shares[0].tag: may have letters, digits, '.', '_' and '-' only, and no '.' or '-' in "
     "front, got \"-o\""},
    {"rng_word", "rng: yes", "2:6: rng: expected true or false, got \"yes\", did you mean true?"},
};

constexpr BadText kCombinations[] = {
    {"tap_without_interface", "networks: [{type: tap}]",
     "2:19: networks[0].type: tap needs networks[0].tap or networks[0].fd"},
    {"tap_and_fd", "networks: [{type: tap, tap: a, fd: 3}]",
     "2:36: networks[0].fd: networks[0].tap is given too: give one of the two"},
    {"passt_with_tap", "networks: [{tap: a}]",
     "2:18: networks[0].tap: networks[0].type passt takes no networks[0].tap"},
    {"passt_with_fd", "networks: [{type: passt, fd: 3}]",
     "2:30: networks[0].fd: networks[0].type passt takes no networks[0].fd"},
    {"passt_with_queues", "networks: [{queues: 2}]",
     "2:21: networks[0].queues: passt has one pair of queues"},
    {"passt_with_vhost", "networks: [{vhost: on}]",
     "2:20: networks[0].vhost: passt moves the packets itself: vhost is for type tap"},
    {"fd_with_queues", "networks: [{type: tap, fd: 3, queues: 2}]",
     "2:39: networks[0].queues: a tap given as fd has one pair of queues: give its name instead"},
    {"unix_without_path", "vsock: {type: unix}", "2:15: vsock.type: unix needs vsock.path"},
    {"vhost_with_path", "vsock: {path: a}",
     "2:15: vsock.path: vsock.type vhost takes no vsock.path"},
    {"port_file_without_path", "ports: [{name: a, type: file}]",
     "2:25: ports[0].type: file needs ports[0].path"},
    {"port_none_with_path", "ports: [{name: a, type: none, path: b}]",
     "2:37: ports[0].path: ports[0].type none takes no ports[0].path"},
    {"stdio_of_console_and_port", "ports: [{name: a, type: stdio}]",
     "2:25: ports[0].type: stdio is taken by console.type: give that another type, such as none"},
    {"stdio_of_two_ports",
     "console: {type: none}\nports: [{name: a, type: stdio}, {name: b, type: stdio}]",
     "3:49: ports[1].type: stdio is taken by ports[0].type: give that another type"},
    {"same_network_name", "networks: [{name: a}, {name: b}, {name: a}]",
     "2:41: networks[2].name: a is that of networks[0] already"},
    {"name_that_another_network_has_by_default", "networks: [{name: net1}, {}]",
     "2:26: networks[1].name: net1 is that of networks[0] already"},
    {"same_tap", "networks: [{type: tap, tap: a}, {type: tap, tap: a}]",
     "2:50: networks[1].tap: a is that of networks[0] already"},
    {"same_fd", "networks: [{type: tap, fd: 3}, {type: tap, fd: 3}]",
     "2:48: networks[1].fd: 3 is that of networks[0] already"},
    {"same_mac", "networks: [{mac: 52:54:00:12:34:AA}, {mac: 52:54:00:12:34:aa}]",
     "2:44: networks[1].mac: \"52:54:00:12:34:aa\" is that of networks[0] already"},
    {"same_port_name", "ports: [{name: a, type: none}, {name: a, type: none}]",
     "2:39: ports[1].name: a is that of ports[0] already"},
    {"same_tag", "shares: [{tag: a, path: b}, {tag: a, path: c}]",
     "2:35: shares[1].tag: a is that of shares[0] already"},
    {"same_image", "disks: [{path: a}, {path: b}, {path: ./a}]",
     "2:38: disks[2].path: /vm/a is in use by disks[0].path: only readers can share a file"},
    {"image_with_reader_and_writer", "disks: [{path: a, readonly: true}, {path: a}]",
     "2:43: disks[1].path: /vm/a is in use by disks[0].path: only readers can share a file"},
    {"console_writes_the_image", "console: {type: file, path: a}\ndisks: [{path: a}]",
     "3:16: disks[0].path: /vm/a is in use by console.path: only readers can share a file"},
    {"disk_is_the_kernel", "disks: [{path: Image}]",
     "2:16: disks[0].path: /vm/Image is in use by boot.kernel: only readers can share a file"},
    {"same_socket", "ports: [{name: a, type: socket, path: s}]\nvsock: {type: unix, path: s}",
     "3:27: vsock.path: /vm/s is in use by ports[0].path: only readers can share a file"},
    {"window_too_small_for_the_second",
     "memory: {dma_window: 10MiB}\ndisks: [{path: a}]\nnetworks: [{}]",
     "2:22: memory.dma_window: 10MiB is too small: networks[0] no longer fits; the devices need "
     "14MiB (disks[0] 8MiB, networks[0] 4MiB, 1MiB besides them), which auto gives them"},
    {"window_too_small_for_the_first", "memory: {dma_window: 1MiB}\nrng: true",
     "2:22: memory.dma_window: 1MiB is too small: rng no longer fits; the devices need 2MiB (rng "
     "64KiB, 1MiB besides them), which auto gives them"},
    {"window_by_default_does_not_fit", "memory: {size: 1023GiB}\nrng: true",
     "2:1: memory.dma_window: 2MiB do not fit below guest address 1TiB: RAM of 1023GiB leaves 0"},
};

INSTANTIATE_TEST_SUITE_P(Lists, BadDevicesTest, testing::ValuesIn(kLists), name_of);
INSTANTIATE_TEST_SUITE_P(Values, BadDevicesTest, testing::ValuesIn(kValues), name_of);
INSTANTIATE_TEST_SUITE_P(Combinations, BadDevicesTest, testing::ValuesIn(kCombinations), name_of);

TEST(BadDevices, refused_values_are_not_compared) {
  EXPECT_EQ(
      faults_of("boot: {kernel: I}\nnetworks: [{name: /}, {name: /}]\nports: [{type: fil}]\n"),
      "test.yaml:2:19: networks[0].name: may have letters, digits, '.', '_' and '-' only, "
      "and no '.' or '-' in front, got \"/\"\n"
      "test.yaml:2:30: networks[1].name: may have letters, digits, '.', '_' and '-' only, "
      "and no '.' or '-' in front, got \"/\"\n"
      "test.yaml:3:9: ports[0].name: is required, and not given\n"
      "test.yaml:3:16: ports[0].type: expected stdio, pty, file, socket or none, got "
      "\"fil\", did you mean file?");
}

TEST(BadDevices, readers_may_share_an_image) {
  EXPECT_EQ(faults_of("boot: {kernel: I}\ndisks: [{path: a, readonly: true}, {path: a, readonly: "
                      "true}]\n"),
            "");
}

TEST(BadDevices, override_is_at_fault_where_it_contradicts_the_file) {
  EXPECT_EQ(faults_of("boot: {kernel: I}\nvsock: {type: unix, path: v}\n", {"vsock.type=vhost"}),
            "--set vsock.type: vsock.type vhost takes no vsock.path");
}

TEST(BadDevices, socket_paths_end_where_the_kernel_wants) {
  const auto fault = [](const std::string& key, size_t length) {
    const std::string path = "/" + std::string(length - 1, 's');
    return faults_of("boot: {kernel: I}\n" + key + "path: " + path + "}" +
                     (key.find('[') == std::string::npos ? "" : "]") + "\n");
  };
  EXPECT_EQ(fault("ports: [{name: a, type: socket, ", 107), "");
  EXPECT_NE(fault("ports: [{name: a, type: socket, ", 108), "");
  EXPECT_EQ(fault("ports: [{name: a, type: file, ", 108), "");
  EXPECT_EQ(fault("vsock: {type: unix, ", 96), "");
  const std::string path = "/" + std::string(96, 's');
  EXPECT_EQ(fault("vsock: {type: unix, ", 97),
            "test.yaml:2:27: vsock.path: the path of a unix socket has at most 96 bytes before "
            "_PORT; " +
                path + " has 97");
}

std::string repeated(const std::string& key, size_t count, const std::string& item) {
  std::string text = key + ":\n";
  for (size_t i = 0; i < count; ++i) {
    std::string line = item;
    for (size_t at = line.find('#'); at != std::string::npos; at = line.find('#')) {
      line.replace(at, 1, std::to_string(i));
    }
    text += "  - " + line + "\n";
  }
  return text;
}

TEST(DeviceCount, thirty_two_of_one_kind_are_fine_and_the_next_one_is_refused) {
  const std::string disks = std::string(kMinimal) + repeated("disks", 32, "path: d#");
  EXPECT_EQ(faults_of(disks), "");
  EXPECT_EQ(faults_of(disks + "  - path: more\n"),
            "test.yaml:35:5: disks[32]: one virtio device too many: a guest has at most 32, and "
            "this configuration has 33 (all ports count as one, every disk, network and share, "
            "vsock and rng as one each)");
}

TEST(DeviceCount, every_device_counts_and_all_ports_are_one) {
  // 8 + 8 + 1 + 1 + 1 + 13
  const std::string text = std::string(kMinimal) + repeated("disks", 8, "path: d#") +
                           repeated("networks", 8, "name: n#") +
                           repeated("ports", 4, "{name: p#, type: none}") +
                           "vsock: {}\nrng: true\n" + repeated("shares", 13, "{tag: t#, path: s}");
  EXPECT_EQ(faults_of(text), "");
  EXPECT_EQ(faults_of(text, {"shares[13].tag=a", "shares[13].path=/s"}),
            "--set shares[13]: one virtio device too many: a guest has at most 32, and this "
            "configuration has 33 (all ports count as one, every disk, network and share, vsock "
            "and rng as one each)");
}

TEST(DeviceCount, the_device_in_excess_is_named_where_it_is_asked_for) {
  const std::string disks = std::string(kMinimal) + repeated("disks", 32, "path: d#");
  const auto place = [&disks](const std::string& more) {
    const std::string fault = faults_of(disks + more);
    return fault.substr(0, fault.find(" one virtio device too many"));
  };
  EXPECT_EQ(place("networks: [{}]\n"), "test.yaml:35:12: networks[0]:");
  EXPECT_EQ(place("ports: [{name: a, type: none}]\n"), "test.yaml:35:9: ports[0]:");
  EXPECT_EQ(place("vsock: {}\n"), "test.yaml:35:1: vsock:");
  EXPECT_EQ(place("rng: true\n"), "test.yaml:35:6: rng:");
}

TEST(DeviceCount, console_has_thirty_one_ports) {
  const std::string ports = std::string(kMinimal) + repeated("ports", 31, "{name: p#, type: none}");
  EXPECT_EQ(faults_of(ports), "");
  EXPECT_EQ(faults_of(ports + "  - {name: more, type: none}\n"),
            "test.yaml:34:5: ports[31]: a console has at most 31 ports, these are 32");
}

}  // namespace
}  // namespace redoubt::config
