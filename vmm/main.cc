// SPDX-License-Identifier: Apache-2.0
//
// redoubt: from the command line to an exit code. What failed is printed here and nowhere else.
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <variant>

#include <unistd.h>

#include "vmm/base/exit_status.h"
#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"
#include "vmm/cli/colors.h"
#include "vmm/cli/command_line.h"
#include "vmm/config/config_text.h"
#include "vmm/config/load_config.h"
#include "vmm/doctor/diagnose_guest.h"
#include "vmm/doctor/diagnose_host.h"
#include "vmm/doctor/report.h"
#include "vmm/machine_layout.h"
#include "vmm/run_guest.h"
#include "vmm/write_file.h"

namespace redoubt {

namespace {

int to_code(ExitStatus status) { return static_cast<int>(status); }

int execute(const cli::PrintCommand& command) {
  write_standard_output(command.text);
  return 0;
}

int execute(const cli::RunCommand& command) {
  log::init(command.log_level);
  const VmConfig config = config::load_config(command.config.file, command.config.overrides);
  return to_code(run_guest(config, {.at_end = command.prove, .report = command.prove_report},
                           {.at_end = command.stats, .report = command.stats_report}));
}

int execute(const cli::CheckCommand& command) {
  const VmConfig config = config::load_config(command.config.file, command.config.overrides);
  write_standard_output(command.json ? config::to_json(config) : config::to_yaml(config));
  return 0;
}

int execute(const cli::DtbCommand& command) {
  const VmConfig config = config::load_config(command.config.file, command.config.overrides);
  const std::vector<std::byte> blob = preview_device_tree(config);
  // SAFETY: bytes looked at as characters.
  const std::string_view text(reinterpret_cast<const char*>(blob.data()), blob.size());
  if (command.output) {
    write_file(*command.output, text);
  } else if (::isatty(STDOUT_FILENO) == 1) {
    throw SetupError("a device tree blob is not for a terminal", ExitStatus::Usage,
                     "write it to a file with -o FILE, or pipe it: redoubt dtb vm.yaml | dtc");
  } else {
    write_standard_output(text);
  }
  return 0;
}

int execute(const cli::DoctorCommand& command) {
  doctor::HostFacts facts = doctor::gather_host_facts("/");
  facts.kvm = doctor::gather_kvm_facts();
  doctor::Findings findings = doctor::diagnose_host(facts);
  if (command.config) {
    const VmConfig config = config::load_config(command.config->file, command.config->overrides,
                                                config::FileChecks::Skip);
    const doctor::Findings guest = doctor::diagnose_guest(config, facts);
    findings.insert(findings.end(), guest.begin(), guest.end());
  }
  write_standard_output(
      command.json ? doctor::to_json(findings)
                   : doctor::to_text(findings, cli::colors_for(BorrowedFd(STDOUT_FILENO))));
  return doctor::any_bad(findings) ? to_code(ExitStatus::HostUnfit) : 0;
}

int report(const std::exception& error, ExitStatus status) {
  const config::Colors colors = cli::colors_for(BorrowedFd(STDERR_FILENO));
  if (const auto* config_error = dynamic_cast<const config::ConfigError*>(&error)) {
    std::cerr << config_error->render(colors);
    return to_code(status);
  }
  std::cerr << (colors == config::Colors::On ? "\x1b[31mredoubt: error:\x1b[0m "
                                             : "redoubt: error: ")
            << message_chain(error) << '\n';
  if (const std::string remedy = remedy_of(error); !remedy.empty()) {
    std::cerr << "redoubt: " << remedy << '\n';
  }
  return to_code(status);
}

int run_command_line(int argc, char** argv) {
  try {
    return std::visit([](const auto& command) { return execute(command); },
                      cli::parse_command_line(argc, argv, REDOUBT_VERSION));
  } catch (const SetupError& error) {
    return report(error, error.status());
  } catch (const std::exception& error) {
    return report(error, ExitStatus::SetupFailed);
  }
}

}  // namespace

}  // namespace redoubt

int main(int argc, char** argv) { return redoubt::run_command_line(argc, argv); }
