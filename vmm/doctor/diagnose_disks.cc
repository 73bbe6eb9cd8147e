// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/unique_fd.h"
#include "vmm/config/config_file.h"
#include "vmm/config/config_value.h"
#include "vmm/doctor/diagnose_devices.h"
#include "vmm/doctor/diagnose_host.h"

namespace redoubt::doctor {

namespace {

// Whether an open file description elsewhere holds a lock that the disk's own would run into.
bool is_locked(BorrowedFd image, bool readonly) {
  struct flock everything {};
  everything.l_type = readonly ? F_RDLCK : F_WRLCK;
  everything.l_whence = SEEK_SET;
  return ::fcntl(image.get(), F_OFD_GETLK, &everything) == 0 && everything.l_type != F_UNLCK;
}

Finding judge(const std::string& id, const BlockOptions& disk) {
  const std::string title = "disk " + id;
  const std::string path = disk.path.string();
  if (const auto fault = config::why_no_disk(disk.path, disk.readonly)) {
    return {id, Verdict::Bad, title, path + " " + *fault,
            disk.readonly ? "give the path of a raw image or block device that can be read"
                          : "give the path of a raw image or block device that can be read and "
                            "written, or set readonly: true"};
  }
  const int mode = disk.readonly ? O_RDONLY : O_RDWR;
  const UniqueFd fd(::open(disk.path.c_str(), mode | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) {
    return {id, Verdict::Bad, title, fmt::format("{}: {}", path, std::strerror(errno)), ""};
  }
  if (is_locked(fd, disk.readonly)) {
    return {id, Verdict::Bad, title, path + " is locked by another process",
            "end the guest or program that uses it; only disks that are all readonly can share an "
            "image"};
  }
  if (disk.direct && ::fcntl(fd.get(), F_SETFL, O_DIRECT) != 0) {
    return {id, Verdict::Bad, title,
            fmt::format("{}: its file system has no direct I/O: {}", path, std::strerror(errno)),
            "leave out direct, or keep the image on another file system"};
  }
  const auto size = static_cast<uint64_t>(::lseek(fd.get(), 0, SEEK_END));
  return {id, Verdict::Good, title,
          fmt::format("{}: {} of {}, {}", path,
                      S_ISBLK(status.st_mode) ? "a block device" : "a raw image",
                      config::format_size(size), disk.readonly ? "read only" : "writable"),
          ""};
}

}  // namespace

Findings diagnose_disks(const VmConfig& config, const HostFacts& host) {
  Findings findings;
  if (config.disks.empty()) return findings;
  Finding engine = io_uring(host);
  engine.id = "guest-io-uring";
  engine.title = "host lets disks use io_uring";
  if (engine.verdict != Verdict::Good) engine.verdict = Verdict::Bad;
  findings.push_back(engine);
  for (size_t i = 0; i < config.disks.size(); ++i) {
    findings.push_back(judge(fmt::format("disks[{}]", i), config.disks[i]));
  }
  return findings;
}

}  // namespace redoubt::doctor
