// SPDX-License-Identifier: Apache-2.0
#include "devices/console/file_console.h"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

namespace {

std::string remedy_for(int error) {
  if (error == ENOENT) return "make the directory, or correct console.path";
  // O_NONBLOCK on a FIFO that nobody reads.
  if (error == ENXIO) return "start the reader of the FIFO first, or use a console of type socket";
  return "give console.path a file that this user may write";
}

}  // namespace

FileConsole::FileConsole(EventLoop& loop, const std::filesystem::path& path) : StreamConsole(loop) {
  // O_NONBLOCK: the path may name a FIFO or a terminal, and nobody else has this open file.
  UniqueFd file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
  if (!file.valid()) {
    const int error = errno;
    throw SetupError(fmt::format("console: cannot write to {}: {}", path.string(),
                                 std::generic_category().message(error)),
                     ExitStatus::SetupFailed, remedy_for(error));
  }
  output_.attach(StreamFd(std::move(file)), [path](const std::error_code& error) {
    log::warn("console: {}: {}; what the guest writes is dropped", path.string(), error.message());
  });
}

FileConsole::~FileConsole() { flush(); }

}  // namespace redoubt
