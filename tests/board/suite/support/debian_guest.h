// SPDX-License-Identifier: Apache-2.0
//
// DebianGuest: a guest that boots the Debian system under `redoubt run`, and a test that types
// commands at its console. Nothing sleeps: what is typed waits for what the guest has said.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "tests/board/suite/support/redoubt_process.h"

namespace redoubt::suite {

enum class DebianBoot {
  Shell,  // a shell of root instead of init: in seconds; the root disk is read-only
  Login,  // all of Debian, up to its login prompt; the root disk is written
};

enum class DebianConsole {
  Virtio,  // hvc0, quick; the first of the guest's `ports`
  Pl011,   // ttyAMA0, two exits for each character; for tests without virtio-console
};

struct DebianConfig {
  bool is_protected = true;
  DebianBoot boot = DebianBoot::Shell;
  DebianConsole console = DebianConsole::Virtio;
  unsigned cpus = 2;
  std::string memory = "256MiB";
  // YAML. The first two are items for the lists that the root disk and the console begin, such as
  // "  - path: /dev/vdc\n"; the last is whole keys, such as "vsock:\n  cid: 7\n".
  std::string more_disks{};
  std::string more_ports{};
  std::string more_keys{};
  std::string command_line{};            // words after those that every such guest gets
  std::vector<std::string> arguments{};  // of `redoubt run`, after the configuration
  Input input = Input::Pipe;
  std::function<void()> prepare{};  // as Launch::prepare
};

// The configuration as YAML, for a file anywhere: its paths are absolute.
[[nodiscard]] std::string debian_yaml(const DebianConfig& config);

class DebianGuest {
 public:
  // Long enough for a Debian boot in a guest of an emulated board that shares its machine.
  static constexpr std::chrono::seconds kBootPatience{400};

  // Writes the configuration to a file of its own and starts the guest; throws std::system_error.
  explicit DebianGuest(const DebianConfig& config);
  // Starts a guest by a configuration that is there already; throws std::system_error.
  DebianGuest(DebianBoot boot, const Launch& launch);
  ~DebianGuest();
  DebianGuest(const DebianGuest&) = delete;
  DebianGuest& operator=(const DebianGuest&) = delete;

  // Waits for the guest to be up, logs in as root where that is asked for, and makes the console
  // fit for run(). False if the guest did not get there: process().output() tells why.
  [[nodiscard]] bool log_in();

  struct Reply {
    int status = -1;     // of the command; -1 if the guest did not answer
    std::string output;  // standard output and error, lines end with \n
  };
  // One command for sh, of less than 4000 characters. It may end with & and may change directory.
  Reply run(std::string_view command, std::chrono::seconds patience = kPatience);

  // Powers the guest off as its user would. The exit code of redoubt.
  [[nodiscard]] int power_off();

  [[nodiscard]] RedoubtProcess& process() { return *process_; }

 private:
  bool wait_for_prompt(std::string_view prompt);

  const DebianBoot boot_;
  std::filesystem::path config_;  // of ours
  std::optional<RedoubtProcess> process_;
  size_t read_ = 0;  // how much of the process's output has been looked at
  unsigned replies_ = 0;
};

}  // namespace redoubt::suite
