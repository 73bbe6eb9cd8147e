// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/uring_engine.h"

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/ioctl.h>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

constexpr uint32_t kBlockUringCmdDiscard = _IO(0x12, 0);  // BLOCK_URING_CMD_DISCARD, Linux 6.12
constexpr uint64_t kCancellation = ~uint64_t{0};          // not a tag

std::string remedy_for(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return "set kernel.io_uring_disabled=0 with sysctl, and let the container or service this "
             "process runs in use io_uring (its seccomp profile)";
    case ENOSYS: return "use a host kernel with CONFIG_IO_URING=y";
    case EINVAL: return "use Linux 7.2 or newer as the host's kernel";
    case EMFILE:
    case ENFILE: return "raise the limit of open files (ulimit -n)";
    default: return {};
  }
}

[[noreturn]] void refuse(const char* call, int error) {
  throw SetupError(
      fmt::format("disks need io_uring: {}: {}", call, std::generic_category().message(error)),
      ExitStatus::SetupFailed, remedy_for(error));
}

}  // namespace

UringEngine::UringEngine(BorrowedFd image, Discard discard, uint32_t capacity, EventFd& completed)
    : image_(image.get()), discard_(discard), completed_(completed) {
  const unsigned flags =
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
  if (const int error = ::io_uring_queue_init(capacity, &ring_, flags); error != 0) {
    refuse("io_uring_setup", -error);
  }
  if (const int error = ::io_uring_register_eventfd(&ring_, completed.fd().get()); error != 0) {
    ::io_uring_queue_exit(&ring_);
    refuse("io_uring_register", -error);
  }
}

UringEngine::~UringEngine() {
  (void)submit();
  io_uring_sqe* cancel = ::io_uring_get_sqe(&ring_);
  if (cancel != nullptr && in_flight_ > 0) {
    ::io_uring_prep_cancel64(cancel, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    ::io_uring_sqe_set_data64(cancel, kCancellation);
  }
  while (in_flight_ > 0) {
    ::io_uring_submit_and_wait(&ring_, 1);
    while (next_completion()) {
    }
  }
  ::io_uring_queue_exit(&ring_);
}

void UringEngine::start(uint32_t tag, const IoOperation& operation) {
  // There is always room: the ring has an entry for each operation there can be.
  io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
  const auto count = static_cast<unsigned>(operation.buffers.size());
  const auto offset = static_cast<off_t>(operation.offset);
  const auto length = static_cast<off_t>(operation.length);
  switch (operation.kind) {
    case IoOperation::Kind::Read:
      ::io_uring_prep_readv(sqe, image_, operation.buffers.data(), count, operation.offset);
      break;
    case IoOperation::Kind::Write:
      ::io_uring_prep_writev(sqe, image_, operation.buffers.data(), count, operation.offset);
      break;
    case IoOperation::Kind::Flush: ::io_uring_prep_fsync(sqe, image_, IORING_FSYNC_DATASYNC); break;
    case IoOperation::Kind::Discard:
      if (discard_ == Discard::BlockCommand) {
        ::io_uring_prep_rw(IORING_OP_URING_CMD, sqe, image_, nullptr, 0, 0);
        sqe->cmd_op = kBlockUringCmdDiscard;
        sqe->addr = operation.offset;
        sqe->addr3 = operation.length;
        break;
      }
      [[fallthrough]];
    case IoOperation::Kind::PunchHole:
      ::io_uring_prep_fallocate(sqe, image_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
                                length);
      break;
    case IoOperation::Kind::ZeroRange:
      ::io_uring_prep_fallocate(sqe, image_, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset,
                                length);
      break;
  }
  ::io_uring_sqe_set_data64(sqe, tag);
  ++in_flight_;
}

bool UringEngine::submit() {
  if (::io_uring_sq_ready(&ring_) == 0) return false;
  const int submitted = ::io_uring_submit(&ring_);
  if (submitted < 0) {
    static log::RateLimit limit;
    log::guest(limit, "block: io_uring_enter: {}", std::generic_category().message(-submitted));
  }
  // What the kernel had no memory for stays in the ring. It will be tried again.
  if (::io_uring_sq_ready(&ring_) > 0) completed_.signal();
  return submitted > 0;
}

std::optional<IoCompletion> UringEngine::next_completion() {
  io_uring_cqe* cqe = nullptr;
  while (::io_uring_peek_cqe(&ring_, &cqe) == 0) {
    const uint64_t tag = cqe->user_data;
    const int32_t result = cqe->res;
    ::io_uring_cqe_seen(&ring_, cqe);
    if (tag == kCancellation) continue;
    --in_flight_;
    return IoCompletion{static_cast<uint32_t>(tag), result};
  }
  return std::nullopt;
}

}  // namespace redoubt
