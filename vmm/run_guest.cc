// SPDX-License-Identifier: Apache-2.0
#include "vmm/run_guest.h"

#include <memory>

#include "devices/console/open_console.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"
#include "vmm/machine.h"
#include "vmm/signals.h"
#include "vmm/write_file.h"

namespace redoubt {

namespace {

// A proof while the guest runs is a service: if it fails that is told, and the guest goes on.
void prove(Machine& machine, const ProveOptions& options) {
  const Result<ProveReport, std::error_code> report = machine.prove();
  if (!report) {
    log::error("prove: guest memory cannot be tried: {}", report.error().message());
    return;
  }
  // The file first: whoever waits for the lines finds it complete.
  try {
    if (options.report) write_file(*options.report, to_json(*report));
  } catch (const std::exception& error) {
    log::error("prove: {}", message_chain(error));
  }
  for (const std::string& line : to_lines(*report)) log::info("{}", line);
}

void announce(const VmConfig& config) {
  log::info("{}: {} guest, {} vCPU{}, {} MiB", config.name,
            config.protection == Protection::Protected ? "protected" : "unprotected", config.vcpus,
            config.vcpus == 1 ? "" : "s", config.memory.size >> 20);
}

void announce_end(const VmConfig& config, ExitStatus status, std::optional<uint64_t> donated) {
  if (donated) {
    log::info("{}: {}; {} pages were donated to it", config.name, describe(status), *donated);
  } else {
    log::info("{}: {}", config.name, describe(status));
  }
}

}  // namespace

ExitStatus run_guest(const VmConfig& config, const ProveOptions& options) {
  EventLoop loop;
  Machine* running = nullptr;
  // Kept, so that a signal which comes together with a reset is not lost.
  std::optional<ExitStatus> wanted_end;
  const auto end = [&](ExitStatus status) {
    wanted_end = status;
    if (running != nullptr) running->end(status);
  };
  const Signals signals(loop, {.end = end, .prove = [&] {
                                 if (running != nullptr) prove(*running, options);
                               }});
  const std::unique_ptr<ConsoleBackend> console =
      open_console(config.console, loop, [&] { end(ExitStatus::Interrupted); });

  announce(config);
  while (true) {
    Machine machine(config, loop, *console);
    running = &machine;
    const ExitStatus status = machine.run();
    running = nullptr;
    if (options.at_end) prove(machine, options);
    console->flush();
    announce_end(config, status, machine.donated_pages());
    if (status != ExitStatus::GuestReset || config.on_reset == OnReset::Exit) return status;
    if (wanted_end) return *wanted_end;
    log::info("{}: starting again in a new VM", config.name);
  }
}

}  // namespace redoubt
