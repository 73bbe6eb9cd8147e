// SPDX-License-Identifier: Apache-2.0
//
// RedoubtProcess: the redoubt binary as a user runs it, or another program, with its terminal or
// pipes in the hands of a test. Whatever the test does, the process is gone when this object is.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <termios.h>

#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

// Emulated boards are slow: long enough for the slowest step, short enough for a hung one.
inline constexpr std::chrono::seconds kPatience{100};

enum class Input {
  Pipe,      // standard input and output are pipes
  Terminal,  // a pseudo-terminal, whose modes can be looked at
};

struct Launch {
  std::vector<std::string> arguments;
  Input input = Input::Pipe;
  std::function<void()> prepare{};  // runs in the child, before exec; _exit()s if it cannot
  std::string program{};            // a path; redoubt if empty
};

class RedoubtProcess {
 public:
  explicit RedoubtProcess(Launch launch);  // throws std::system_error
  ~RedoubtProcess();
  RedoubtProcess(const RedoubtProcess&) = delete;
  RedoubtProcess& operator=(const RedoubtProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  // Reads until `text` has appeared `times` times in what the process wrote (the guest's console
  // on standard output, the log on standard error); false if it ended or kPatience ran out first.
  [[nodiscard]] bool wait_for(std::string_view text, unsigned times = 1);
  // Reads until `text` has appeared at `from` or later in what the process wrote; where it begins,
  // or nothing if the process ended or the time ran out first.
  [[nodiscard]] std::optional<size_t> find_from(size_t from, std::string_view text,
                                                std::chrono::seconds patience = kPatience);
  // Reads for so long, or until the process closes its output.
  void read_for(std::chrono::milliseconds time);
  void type(std::string_view text);
  void close_input();
  void signal(int number) const;

  // Reads to the end and waits. The exit code; 128 + n for a process killed by signal n; -1 if it
  // did not end within kPatience.
  [[nodiscard]] int wait_exit(std::chrono::seconds patience = kPatience);
  // The same without reading what it writes.
  [[nodiscard]] int wait_exit_unread();

  // Everything so far, console and log in the order of arrival.
  [[nodiscard]] const std::string& output() const { return output_; }
  [[nodiscard]] bool says(std::string_view text) const {
    return output_.find(text) != std::string::npos;
  }
  // How often; wait_for() and the like make it more.
  [[nodiscard]] unsigned times_said(std::string_view text) const;
  // Of Input::Terminal.
  [[nodiscard]] termios terminal_mode() const;

 private:
  using Clock = std::chrono::steady_clock;
  // Waits for output until `deadline`; false when there will be none.
  bool read_some(Clock::time_point deadline);
  int reap(Clock::time_point deadline);
  // Prints what the process does instead of what it was waited for.
  void tell_of_silence();

  pid_t pid_ = -1;
  UniqueFd to_;        // its standard input, or the terminal
  UniqueFd from_;      // its standard output; the terminal's twin
  UniqueFd log_;       // its standard error
  UniqueFd terminal_;  // the slave side, kept open to look at its modes
  std::optional<int> status_;
  std::string output_;
};

// `redoubt run CONFIG --set …`, for the Linux guest of the bundle in the given mode of its init.
struct LinuxGuest {
  bool is_protected = true;
  unsigned cpus = 1;
  std::string memory = "128MiB";
  std::string mode = "off";
  bool quiet = true;
  std::vector<std::string> more{};  // further arguments
};
[[nodiscard]] std::vector<std::string> run_linux(const LinuxGuest& guest);

// `redoubt run CONFIG` for a bare-metal payload of guest/bare-metal.
[[nodiscard]] std::vector<std::string> run_flat(const std::string& payload, bool is_protected,
                                                const std::vector<std::string>& more = {});

// For Launch::prepare.
void set_memlock_limit_or_exit(uint64_t bytes);
void drop_capability_or_exit(int capability);

}  // namespace redoubt::suite
