// SPDX-License-Identifier: Apache-2.0
#include "vmm/write_file.h"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

namespace {

void write_all(BorrowedFd fd, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd.get(), text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      throw_errno("write " + name);
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

void write_file(const std::filesystem::path& path, std::string_view text) {
  std::string temporary = path.string() + ".XXXXXX";
  const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) throw_errno("create " + temporary);
  try {
    write_all(fd, text, temporary);
    if (::fchmod(fd.get(), 0644) != 0) throw_errno("fchmod " + temporary);
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw_errno("rename to " + path.string());
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void write_standard_output(std::string_view text) {
  write_all(BorrowedFd(STDOUT_FILENO), text, "standard output");
}

}  // namespace redoubt
