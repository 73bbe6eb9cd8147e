// SPDX-License-Identifier: Apache-2.0
#include "vmm/run_guest.h"

#include <optional>

#include <sys/resource.h>

#include "vmm/base/event_loop.h"
#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"
#include "vmm/guest_consoles.h"
#include "vmm/machine.h"
#include "vmm/signals.h"
#include "vmm/write_file.h"

namespace redoubt {

namespace {

template <class Report>
void publish(const Report& report, const char* name, const ReportOptions& options) {
  // The file first: whoever waits for the lines finds it complete.
  try {
    if (options.report) write_file(*options.report, to_json(report));
  } catch (const std::exception& error) {
    log::error("{}: {}", name, message_chain(error));
  }
  for (const std::string& line : to_lines(report)) log::info("{}", line);
}

// A proof while the guest runs is a service: if it fails that is told, and the guest goes on.
void prove(Machine& machine, const ReportOptions& options) {
  const Result<ProveReport, std::error_code> report = machine.prove();
  if (!report) {
    log::error("prove: guest memory cannot be tried: {}", report.error().message());
    return;
  }
  publish(*report, "prove", options);
}

void report_stats(const Machine& machine, const ReportOptions& options) {
  const Result<GuestStats, std::error_code> stats = machine.stats();
  if (!stats) {
    log::error("stats: the kernel's statistics cannot be read: {}", stats.error().message());
    return;
  }
  publish(*stats, "stats", options);
}

// A connection of the guest's vsock, or a client of its console, takes a descriptor each.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  [[maybe_unused]] const int refused = ::setrlimit(RLIMIT_NOFILE, &limit);
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

ExitStatus run_guest(const VmConfig& config, const ReportOptions& proof,
                     const ReportOptions& stats) {
  raise_descriptor_limit();
  EventLoop loop;
  Machine* running = nullptr;
  // Kept, so that a signal which comes together with a reset is not lost.
  std::optional<ExitStatus> wanted_end;
  const auto end = [&](ExitStatus status) {
    wanted_end = status;
    if (running != nullptr) running->end(status);
  };
  const Signals signals(loop, {.end = end, .prove = [&] {
                                 if (running != nullptr) prove(*running, proof);
                               }});
  GuestConsoles consoles(config, loop, [&] { end(ExitStatus::Interrupted); });

  announce(config);
  while (true) {
    Machine machine(config, loop, consoles);
    running = &machine;
    const ExitStatus status = machine.run();
    running = nullptr;
    if (proof.at_end) prove(machine, proof);
    if (stats.at_end) report_stats(machine, stats);
    consoles.flush();
    machine.report_window();
    announce_end(config, status, machine.donated_pages());
    if (status != ExitStatus::GuestReset || config.on_reset == OnReset::Exit) return status;
    if (wanted_end) return *wanted_end;
    log::info("{}: starting again in a new VM", config.name);
  }
}

}  // namespace redoubt
