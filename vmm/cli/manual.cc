// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/manual.h"

#include <algorithm>
#include <array>

namespace redoubt::cli {

namespace {

constexpr std::array kExamples = {
    Entry{"redoubt doctor", "Can this host run protected guests? What is missing?"},
    Entry{"redoubt check vm.yaml", "Find mistakes and show the configuration with all defaults."},
    Entry{"redoubt run vm.yaml", "Run a guest on this terminal."},
    Entry{"redoubt run vm.yaml --set cpus=4 --set memory.size=1GiB",
          "Run it with some values changed."},
    Entry{"redoubt run vm.yaml --set 'disks[0].path=disk.img' --set 'networks[0].type=passt'",
          "Run it with this image as its first disk, and its first network over passt."},
    Entry{"redoubt run vm.yaml --prove-report proof.json",
          "When the guest has ended, try to read all of its memory and record what was refused."},
    Entry{"redoubt dtb vm.yaml -o vm.dtb", "Write the device tree that the guest would see."},
    Entry{"redoubt schema > redoubt.schema.json", "Let an editor complete and check vm.yaml."},
};

constexpr std::array kSignals = {
    Entry{"SIGUSR1", "Try every page of guest memory now, and report how many were refused."},
    Entry{"SIGINT, SIGTERM, SIGHUP", "Stop the guest at once; exit with 130, 143 or 129."},
};

constexpr std::array kKeys = {
    Entry{"Ctrl-A x", "Stop the guest (exit code 130)."},
    Entry{"Ctrl-A a", "Send Ctrl-A to the guest."},
};

constexpr std::array kExitStatuses = {
    ExitStatus::GuestOff,         ExitStatus::SetupFailed,   ExitStatus::Usage,
    ExitStatus::BadConfig,        ExitStatus::HostUnfit,     ExitStatus::MemoryRefused,
    ExitStatus::BadPayload,       ExitStatus::GuestReset,    ExitStatus::GuestPoisoned,
    ExitStatus::MemoryExhausted,  ExitStatus::HardwareError, ExitStatus::BadBacking,
    ExitStatus::PageNotDonatable, ExitStatus::VcpuFailed,    ExitStatus::HungUp,
    ExitStatus::Interrupted,      ExitStatus::Terminated,
};

constexpr std::array kAbout = {
    Entry{"run",
          "Runs until the guest powers off, or ends in another way that has an exit code of its\n"
          "own (see redoubt --help). The guest's console is where console.type leads it; messages\n"
          "go to standard error. SIGUSR1 proves at any moment, --prove when the guest has ended."},
    Entry{"check",
          "Reports every mistake in the file and in --set, with its place; finds missing files\n"
          "too. If there is none, prints the configuration with all defaults, as YAML that loads\n"
          "as the same guest."},
    Entry{"doctor",
          "Looks at this host and says what it can run, with evidence and remedy; with a\n"
          "configuration, looks at the kernel and the files that it names as well."},
    Entry{"dtb", "Reads the files that the configuration names, and needs no KVM."},
    Entry{"completion",
          "bash:  source <(redoubt completion bash)\n"
          "zsh:   redoubt completion zsh > \"${fpath[1]}/_redoubt\"\n"
          "fish:  redoubt completion fish > ~/.config/fish/completions/redoubt.fish"},
    Entry{"man", "To read it: redoubt man | man -l -"},
    Entry{"schema",
          "An editor with YAML support uses it for a file that begins with\n"
          "# yaml-language-server: $schema=redoubt.schema.json"},
};

}  // namespace

std::span<const Entry> examples() { return kExamples; }
std::span<const Entry> signals() { return kSignals; }
std::span<const Entry> keys() { return kKeys; }
std::span<const ExitStatus> exit_statuses() { return kExitStatuses; }

std::string_view about(std::string_view subcommand) {
  const auto found = std::find_if(kAbout.begin(), kAbout.end(), [subcommand](const Entry& entry) {
    return entry.term == subcommand;
  });
  return found == kAbout.end() ? std::string_view() : found->meaning;
}

}  // namespace redoubt::cli
