// SPDX-License-Identifier: Apache-2.0
#include "devices/console/pty_console.h"

#include <array>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace fs = std::filesystem;

namespace {

constexpr const char* kTerminals = "/dev/pts/";

// Where a symbolic link points to; empty if `path` is none.
std::string target_of(const fs::path& path) {
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  return error ? std::string() : target.string();
}

}  // namespace

PtyConsole::PtyConsole(EventLoop& loop, fs::path link)
    : StreamConsole(loop), link_(std::move(link)) {
  UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!master.valid()) throw_errno("console: cannot open a pseudo-terminal");
  open_terminal(master);
  // Two descriptors of one open file, because the loop watches each direction by itself.
  UniqueFd for_output(::fcntl(master.get(), F_DUPFD_CLOEXEC, 0));
  if (!for_output.valid()) throw_errno("dup");
  output_.attach(StreamFd(std::move(for_output)), [](const std::error_code& error) {
    log::warn("console: pseudo-terminal: {}; what the guest writes is dropped", error.message());
  });
  input_.attach(StreamFd(std::move(master)), {});
  if (!link_.empty()) make_link();
  log::info("console: terminal {}", terminal_);
}

PtyConsole::~PtyConsole() {
  flush();
  if (!link_.empty() && target_of(link_) == terminal_) ::unlink(link_.c_str());
}

void PtyConsole::open_terminal(BorrowedFd master) {
  std::array<char, 64> name{};
  if (::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0 ||
      ::ptsname_r(master.get(), name.data(), name.size()) != 0) {
    throw_errno("console: cannot unlock a pseudo-terminal");
  }
  terminal_ = name.data();
  terminal_fd_ = UniqueFd(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios mode{};
  if (!terminal_fd_.valid() || ::tcgetattr(terminal_fd_.get(), &mode) != 0) {
    throw_errno("console: cannot open " + terminal_);
  }
  // The guest's own terminal line does the editing and the echo.
  ::cfmakeraw(&mode);
  if (::tcsetattr(terminal_fd_.get(), TCSANOW, &mode) != 0) throw_errno("tcsetattr");
}

void PtyConsole::make_link() {
  if (::symlink(terminal_.c_str(), link_.c_str()) == 0) return;
  if (errno != EEXIST) {
    throw SetupError(
        fmt::format("console: cannot make the link {}: {}", link_.string(),
                    std::generic_category().message(errno)),
        ExitStatus::SetupFailed,
        "give console.path a name in a directory that exists and that this user may write");
  }
  // A link of a run that was killed points to a terminal that is gone, or by now to ours.
  const std::string target = target_of(link_);
  const bool stale = target.starts_with(kTerminals) &&
                     (target == terminal_ || ::access(target.c_str(), F_OK) != 0);
  if (!stale) {
    const std::string what =
        target.empty() ? "exists and is no symbolic link" : "points to " + target;
    throw SetupError(fmt::format("console: cannot make the link {}: it {}", link_.string(), what),
                     ExitStatus::SetupFailed,
                     "remove it if nothing needs it, or change console.path");
  }
  if (::unlink(link_.c_str()) != 0 || ::symlink(terminal_.c_str(), link_.c_str()) != 0) {
    throw_errno("console: cannot replace the link " + link_.string());
  }
}

}  // namespace redoubt
