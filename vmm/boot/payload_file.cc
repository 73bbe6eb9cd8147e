// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/payload_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace redoubt::boot {

PayloadFile::PayloadFile(std::string_view role, const std::filesystem::path& path)
    : name_(fmt::format("{} {}", role, path.native())) {
  // O_NONBLOCK: a FIFO is refused below and not waited for.
  fd_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd_.valid()) refuse(fmt::format("cannot open it: {}", std::strerror(errno)));
  struct stat status = {};
  if (::fstat(fd_.get(), &status) != 0) refuse(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) refuse("is a directory", "Name the file itself.");
  if (!S_ISREG(status.st_mode)) {
    refuse("is not a regular file", "Copy it to a file: its length has to be known beforehand.");
  }
  if (status.st_size == 0) refuse("is empty");
  size_ = static_cast<uint64_t>(status.st_size);
}

PayloadFile::PayloadFile(const PayloadFile& packed, UniqueFd contents, uint64_t size)
    : name_(packed.name_), fd_(std::move(contents)), size_(size) {
  if (size_ == 0) refuse("unpacks to nothing");
}

size_t PayloadFile::read(uint64_t offset, std::span<std::byte> bytes) const {
  size_t done = 0;
  while (done < bytes.size() && offset + done < size_) {
    const ssize_t count = ::pread(fd_.get(), bytes.data() + done, bytes.size() - done,
                                  static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse(fmt::format("cannot read it: {}", std::strerror(errno)));
    if (count == 0) break;  // the file has been cut short since it was opened
    done += static_cast<size_t>(count);
  }
  return done;
}

SetupError PayloadFile::error(const std::string& why, std::string remedy) const {
  return SetupError(fmt::format("{}: {}", name_, why), ExitStatus::BadPayload, std::move(remedy));
}

void PayloadFile::refuse(const std::string& why, std::string remedy) const {
  throw error(why, std::move(remedy));
}

}  // namespace redoubt::boot
