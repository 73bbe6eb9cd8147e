// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/image_file.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

constexpr uint32_t kSectorSize = 512;
constexpr uint32_t kLargestBlock = 65536;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why,
                         const std::string& remedy) {
  throw SetupError(fmt::format("disk {}: {}", path.string(), why), ExitStatus::SetupFailed, remedy);
}

std::string message(int error) { return std::generic_category().message(error); }

[[noreturn]] void refuse_to_open(const BlockOptions& options, int error) {
  const std::string path = options.path.string();
  std::string remedy;
  switch (error) {
    case ENOENT:
      remedy = fmt::format("correct the path, or make an empty disk with: truncate -s 4G {}", path);
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      remedy = options.readonly ? "let this user read it"
                                : "let this user write it, or give the disk readonly: true";
      break;
    case EISDIR:
    case ENXIO:
    case ENODEV:
    case ENOMEDIUM: remedy = "give the path of an image, or of a block device that is there"; break;
    case EMFILE:
    case ENFILE: remedy = "raise the limit of open files (ulimit -n)"; break;
    default: break;
  }
  refuse(path, fmt::format("cannot be opened: {}", message(error)), remedy);
}

// A size that a host reports, as one that can be used.
uint32_t block_size(uint64_t reported, uint32_t smallest) {
  return std::bit_floor(static_cast<uint32_t>(
      std::clamp<uint64_t>(reported, smallest, std::max(smallest, kLargestBlock))));
}

}  // namespace

ImageFile::ImageFile(const BlockOptions& options) : path_(options.path) {
  // O_NONBLOCK: a FIFO must not be waited for before it is refused.
  fd_.reset(::open(path_.c_str(),
                   (options.readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd_.valid()) refuse_to_open(options, errno);
  check_type();
  lock(!options.readonly);
  // io_uring does not wait for a file with O_NONBLOCK, but fails.
  if (::fcntl(fd_.get(), F_SETFL, 0) != 0) throw_errno("fcntl " + path_.string());
  if (options.direct) use_directly();
  find_block_sizes(options.direct);
  check_size();
}

ImageFile::~ImageFile() {
  // Not left to close(): the kernel may hold the open file for a moment longer, on account of
  // operations that have just ended, and a guest that resets opens it again at once.
  struct flock everything {};
  everything.l_type = F_UNLCK;
  ::fcntl(fd_.get(), F_OFD_SETLK, &everything);
}

void ImageFile::check_type() {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) throw_errno("fstat " + path_.string());
  is_block_device_ = S_ISBLK(status.st_mode);
  if (is_block_device_ || S_ISREG(status.st_mode)) return;
  const char* what = S_ISDIR(status.st_mode)    ? "is a directory"
                     : S_ISFIFO(status.st_mode) ? "is a FIFO"
                                                : "is neither a file nor a block device";
  refuse(path_, what, "give the path of an image or a block device");
}

void ImageFile::lock(bool exclusive) {
  struct flock everything {};
  everything.l_type = exclusive ? F_WRLCK : F_RDLCK;
  everything.l_whence = SEEK_SET;
  if (::fcntl(fd_.get(), F_OFD_SETLK, &everything) == 0) return;
  const int error = errno;
  if (error == EAGAIN || error == EACCES) {
    refuse(path_,
           exclusive ? "another process or disk has it open"
                     : "another process or disk has it open for writing",
           "end the other one first; a disk that all of them only read can be shared with "
           "readonly: true");
  }
  refuse(path_, fmt::format("cannot be locked: {}", message(error)),
         "keep the image on a file system with locks");
}

void ImageFile::use_directly() {
  if (::fcntl(fd_.get(), F_SETFL, O_DIRECT) == 0) return;
  refuse(path_, fmt::format("cannot be used with direct: true: {}", message(errno)),
         "leave out direct, or keep the image on a file system with direct I/O");
}

void ImageFile::find_block_sizes(bool direct) {
  uint64_t logical = kSectorSize;
  uint64_t physical = kSectorSize;
  if (is_block_device_) {
    int reported_logical = 0;
    unsigned reported_physical = 0;
    if (::ioctl(fd_.get(), BLKSSZGET, &reported_logical) != 0 ||
        ::ioctl(fd_.get(), BLKPBSZGET, &reported_physical) != 0) {
      refuse(path_, fmt::format("does not tell its block size: {}", message(errno)), "");
    }
    physical = reported_physical;
    // Through the page cache any sector will do.
    if (direct) logical = static_cast<uint64_t>(reported_logical);
  } else {
    struct statx status {};
    if (::statx(fd_.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_DIOALIGN, &status) != 0) {
      throw_errno("statx " + path_.string());
    }
    physical = std::min<uint64_t>(status.stx_blksize, 4096);
    // A page, where the file system does not say.
    const bool told = (status.stx_mask & STATX_DIOALIGN) != 0 && status.stx_dio_offset_align != 0;
    if (direct) logical = told ? status.stx_dio_offset_align : 4096;
  }
  logical_block_size_ = block_size(logical, kSectorSize);
  physical_block_size_ = block_size(physical, logical_block_size_);
}

void ImageFile::check_size() const {
  const off_t bytes = ::lseek(fd_.get(), 0, SEEK_END);
  if (bytes < 0) throw_errno("lseek " + path_.string());
  if (bytes == 0) {
    refuse(path_, "is empty",
           fmt::format("give it a size with: truncate -s 4G {}", path_.string()));
  }
  const uint64_t block = logical_block_size_;
  const uint64_t whole = (static_cast<uint64_t>(bytes) + block - 1) / block * block;
  if (whole == static_cast<uint64_t>(bytes)) return;
  refuse(path_, fmt::format("has {} bytes, which is no multiple of {}", bytes, block),
         fmt::format("if it is a raw image, fill it up with: truncate -s {} {}", whole,
                     path_.string()));
}

uint64_t ImageFile::size() const noexcept {
  const off_t bytes = ::lseek(fd_.get(), 0, SEEK_END);
  return bytes < 0 ? 0 : static_cast<uint64_t>(bytes) / logical_block_size_ * logical_block_size_;
}

}  // namespace redoubt
