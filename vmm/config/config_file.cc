// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/config_file.h"

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/unique_fd.h"
#include "vmm/config/config_error.h"

namespace redoubt::config {

namespace fs = std::filesystem;

namespace {

constexpr size_t kLargestConfig = size_t{1} << 20;
constexpr off_t kSector = 512;

std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void refuse(const fs::path& file, std::string message) {
  throw ConfigError({{file.string(), {}, std::move(message), {}}});
}

// With errno, what this process may not do to a file.
bool is_denied(const fs::path& file, int mode) {
  return ::faccessat(AT_FDCWD, file.c_str(), mode, AT_EACCESS) != 0;
}

struct Opened {
  UniqueFd fd;
  std::string fault;  // empty: a regular file, open for reading
};

Opened open_regular(const fs::path& file) {
  // Not blocking, for what is a FIFO after all.
  UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return {{}, "cannot be opened: " + reason(errno)};
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return {{}, "cannot be examined: " + reason(errno)};
  if (S_ISDIR(status.st_mode)) return {{}, "is a folder, not a file"};
  if (!S_ISREG(status.st_mode)) return {{}, "is not a regular file"};
  return {std::move(fd), {}};
}

ssize_t read_some(BorrowedFd fd, std::array<char, 4096>& buffer) {
  ssize_t count = 0;
  do {
    count = ::read(fd.get(), buffer.data(), buffer.size());
  } while (count < 0 && errno == EINTR);
  return count;
}

}  // namespace

std::string read_config_file(const fs::path& file) {
  const Opened opened = open_regular(file);
  if (!opened.fault.empty()) refuse(file, opened.fault);
  std::string text;
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t count = read_some(opened.fd, buffer);
    if (count < 0) refuse(file, "cannot be read: " + reason(errno));
    if (count == 0) break;
    text.append(buffer.data(), static_cast<size_t>(count));
    if (text.size() > kLargestConfig) refuse(file, "is larger than 1MiB: not a configuration");
  }
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  return text;
}

std::optional<std::string> why_not_readable(const fs::path& file) {
  const Opened opened = open_regular(file);
  if (!opened.fault.empty()) return opened.fault;
  struct stat status {};
  if (::fstat(opened.fd.get(), &status) == 0 && status.st_size == 0) return "is empty";
  return std::nullopt;
}

std::optional<std::string> why_not_creatable(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return "is a folder, not a file";
    if (is_denied(file, W_OK)) return "cannot be written: " + reason(errno);
    return std::nullopt;
  }
  const fs::path folder = file.parent_path();
  if (::stat(folder.c_str(), &status) != 0) {
    return "cannot be created: " + folder.string() + ": " + reason(errno);
  }
  if (!S_ISDIR(status.st_mode)) {
    return "cannot be created: " + folder.string() + " is not a folder";
  }
  if (is_denied(folder, W_OK | X_OK)) {
    return "cannot be created: " + folder.string() + ": " + reason(errno);
  }
  return std::nullopt;
}

std::optional<std::string> why_no_disk(const fs::path& file, bool readonly) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return "cannot be examined: " + reason(errno);
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
    return "is neither a regular file nor a block device";
  }
  const UniqueFd fd(::open(file.c_str(), (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    return (readonly ? "cannot be opened: " : "cannot be opened for writing: ") + reason(errno);
  }
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);  // of a block device, st_size says nothing
  if (size < 0) return "has no size: " + reason(errno);
  if (size == 0) return "is empty";
  if (size % kSector != 0) {
    return "is no disk image: its " + std::to_string(size) +
           " bytes are no multiple of 512 (raw images only)";
  }
  return std::nullopt;
}

std::optional<std::string> why_no_folder(const fs::path& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return "cannot be examined: " + reason(errno);
  if (!S_ISDIR(status.st_mode)) return "is no folder";
  if (is_denied(folder, R_OK | X_OK)) return "cannot be read: " + reason(errno);
  return std::nullopt;
}

fs::path resolve(const fs::path& folder, const fs::path& path) {
  if (path.is_absolute()) return path;
  fs::path resolved = folder;
  bool leading = true;
  for (const fs::path& part : path) {
    if (part == ".") continue;
    if (part == ".." && leading) {
      resolved = resolved.parent_path();
    } else {
      leading = false;
      resolved /= part;
    }
  }
  return resolved;
}

fs::path folder_of(const fs::path& file) {
  const fs::path parent = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::error_code error;
  fs::path folder = fs::canonical(parent, error);
  return error ? parent : folder;
}

}  // namespace redoubt::config
