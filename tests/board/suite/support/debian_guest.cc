// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/debian_guest.h"

#include <charconv>
#include <fstream>
#include <system_error>

#include <unistd.h>

#include "tests/board/suite/support/debian.h"
#include "tests/board/suite/support/suite_dir.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {

namespace {

constexpr std::string_view kPrompt = "redoubt-shell# ";

std::filesystem::path write_config(const std::string& text) {
  std::string name = (std::filesystem::temp_directory_path() / "redoubt-debian-XXXXXX").string();
  const UniqueFd file(::mkstemp(name.data()));
  if (!file.valid()) throw_errno(name);
  std::ofstream(name) << text;
  return name;
}

std::string kernel_command_line(const DebianConfig& config) {
  std::string line = config.console == DebianConsole::Virtio ? "console=hvc0" : "console=ttyAMA0";
  line += " quiet panic=-1 root=/dev/vda ";
  line += config.boot == DebianBoot::Login ? "rw" : "ro init=/usr/local/sbin/redoubt-shell";
  if (!config.command_line.empty()) line += ' ' + config.command_line;
  return line;
}

}  // namespace

std::string debian_yaml(const DebianConfig& config) {
  const DebianDisks disks = debian_disks();
  const bool login = config.boot == DebianBoot::Login;
  const bool virtio = config.console == DebianConsole::Virtio;
  std::string yaml = "name: debian\n";
  yaml += "protected: " + std::string(config.is_protected ? "true" : "false") + '\n';
  yaml += "cpus: " + std::to_string(config.cpus) + '\n';
  yaml += "memory:\n  size: " + config.memory + '\n';
  yaml += "boot:\n  kernel: " + suite_file("../guest/Image").lexically_normal().string() + '\n';
  yaml += "  cmdline: " + kernel_command_line(config) + '\n';
  yaml += "disks:\n  - path: " + (login ? disks.disk : disks.image) + '\n';
  yaml += login ? "" : "    readonly: true\n";
  yaml += config.more_disks;
  if (virtio) {
    yaml += "console:\n  type: none\nports:\n  - name: console\n    type: stdio\n";
  } else if (!config.more_ports.empty()) {
    yaml += "ports:\n";
  }
  return yaml + config.more_ports + config.more_keys;
}

DebianGuest::DebianGuest(const DebianConfig& config)
    : boot_(config.boot), config_(write_config(debian_yaml(config))) {
  Launch launch{{"run", config_.string()}, config.input, config.prepare};
  launch.arguments.insert(launch.arguments.end(), config.arguments.begin(), config.arguments.end());
  process_.emplace(launch);
}

DebianGuest::DebianGuest(DebianBoot boot, const Launch& launch) : boot_(boot) {
  process_.emplace(launch);
}

DebianGuest::~DebianGuest() {
  std::error_code ignored;
  std::filesystem::remove(config_, ignored);
}

bool DebianGuest::wait_for_prompt(std::string_view prompt) {
  const auto at = process_->find_from(read_, prompt, kBootPatience);
  if (at) read_ = *at + prompt.size();
  return at.has_value();
}

bool DebianGuest::log_in() {
  if (boot_ == DebianBoot::Login) {
    if (!wait_for_prompt("login: ")) return false;
    process_->type("root\n");
    if (!wait_for_prompt("Password: ")) return false;
    process_->type("redoubt\n");
    if (!wait_for_prompt("# ")) return false;
    // bash edits the line on the terminal; a plain shell leaves it alone. The echo of what is typed
    // is not the prompt.
    process_->type("exec env TERM=dumb PS1='redoubt-''shell# ' sh\n");
  }
  if (!wait_for_prompt(kPrompt)) return false;
  return run("stty -echo -onlcr; PS1= PS2=").status == 0;
}

DebianGuest::Reply DebianGuest::run(std::string_view command, std::chrono::seconds patience) {
  // As it is typed it is no marker: a terminal that echoes does not answer.
  const std::string number = std::to_string(++replies_);
  const std::string marker = "\n<reply " + number + ": ";
  process_->type(std::string(command) + "\nprintf '\\n<reply %d: %d>\\n' " + number + " $?\n");
  const auto at = process_->find_from(read_, marker, patience);
  const auto end = at ? process_->find_from(*at + marker.size(), ">\n", patience) : std::nullopt;
  if (!end) return {-1, process_->output().substr(read_)};
  Reply reply{-1, process_->output().substr(read_, *at - read_)};
  const char* text = process_->output().data();
  std::from_chars(text + *at + marker.size(), text + *end, reply.status);
  read_ = *end + 2;
  return reply;
}

int DebianGuest::power_off() {
  process_->type(boot_ == DebianBoot::Login ? "systemctl poweroff\n" : "exit\n");
  return process_->wait_exit(kBootPatience);
}

}  // namespace redoubt::suite
