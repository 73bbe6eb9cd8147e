// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/board/suite/isolation_operations.h"
#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/io_ring.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {
namespace {

constexpr size_t kSize = sizeof kWord;

// What goes in at one end comes out at the other.
struct Channel {
  UniqueFd in;
  UniqueFd out;
};

Channel make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw_errno("pipe2");
  return {UniqueFd(ends[1]), UniqueFd(ends[0])};
}

Channel make_sockets() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    throw_errno("socketpair");
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A TCP connection of this host with itself, for which MSG_ZEROCOPY is on.
Channel make_connection() {
  const UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  // SAFETY: the socket calls take every kind of address as a sockaddr.
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  const int on = 1;
  if (::bind(server.get(), name, length) != 0 || ::listen(server.get(), 1) != 0 ||
      ::getsockname(server.get(), name, &length) != 0 ||
      ::connect(client.get(), name, length) != 0 ||
      ::setsockopt(client.get(), SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) != 0) {
    throw Unavailable("no TCP over the loopback interface, or without SO_ZEROCOPY");
  }
  return {std::move(client), UniqueFd(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC))};
}

UniqueFd make_file() {
  UniqueFd file(::memfd_create("file", MFD_CLOEXEC));
  if (::pwrite(file.get(), &kOther, kSize, 0) != ssize_t{kSize}) throw_errno("memfd");
  return file;
}

// Of a call that changes the page, by what it returned.
Sight changed(ssize_t result) { return {.error = result < 0 ? errno : 0}; }

// Of a call that looks at the page: what it has put into the file, or into the channel.
Sight left_in_file(ssize_t result, BorrowedFd file) {
  if (result < 0) return {.error = errno};
  uint64_t word = 0;
  if (::pread(file.get(), &word, kSize, 0) != ssize_t{kSize}) throw_errno("read of a file");
  return {.word = word};
}

Sight came_out(ssize_t result, const Channel& channel) {
  if (result < 0) return {.error = errno};
  uint64_t word = 0;
  if (::read(channel.out.get(), &word, kSize) != ssize_t{kSize}) throw_errno("read");
  return {.word = word};
}

// Puts the other word into the channel for the page to be read from it.
void fill(const Channel& channel) {
  if (::write(channel.in.get(), &kOther, kSize) != ssize_t{kSize}) throw_errno("write");
}

iovec vector_of(const Page& page) { return {page.data, kSize}; }

}  // namespace

Sight user_load(const Page& page) {
  uint64_t word = 0;
  for (unsigned byte = 0; byte < kSize; ++byte) {
    const HostAccess access = host_load(page.data + byte);
    if (!access.went_through()) return {.access = access};
    word |= uint64_t{access.value} << (8 * byte);
  }
  return {.word = word};
}

Sight user_store(const Page& page) {
  return {.access = host_store(page.data, static_cast<uint8_t>(kOther))};
}

Sight user_execute(const Page& page) {
  // Where the page can be read, what is in it is made visible to instruction fetch; doing so
  // without a look would meet the signal that is the instruction's to meet.
  if (write_to_pipe_from(page.data, 1) == 0) {
    // SAFETY: the builtin takes its addresses as char*.
    auto* const code = reinterpret_cast<char*>(page.data);
    __builtin___clear_cache(code, code + kSize);
  }
  const HostAccess access = host_call(page.data);
  if (!access.went_through()) return {.access = access};
  constexpr uint8_t kReturned = 0xc7;
  return {.word = access.value == kReturned ? kWord : access.value};
}

Sight write_to_file(const Page& page) {
  const UniqueFd file = make_file();
  return left_in_file(::pwrite(file.get(), page.data, kSize, 0), file);
}

Sight read_from_file(const Page& page) {
  return changed(::pread(make_file().get(), page.data, kSize, 0));
}

Sight writev_to_file(const Page& page) {
  const UniqueFd file = make_file();
  const iovec vector = vector_of(page);
  return left_in_file(::pwritev(file.get(), &vector, 1, 0), file);
}

Sight readv_from_file(const Page& page) {
  const iovec vector = vector_of(page);
  return changed(::preadv(make_file().get(), &vector, 1, 0));
}

Sight write_to_pipe(const Page& page) {
  const Channel pipe = make_pipe();
  return came_out(::write(pipe.in.get(), page.data, kSize), pipe);
}

Sight read_from_pipe(const Page& page) {
  const Channel pipe = make_pipe();
  fill(pipe);
  return changed(::read(pipe.out.get(), page.data, kSize));
}

Sight send_to_socket(const Page& page) {
  const Channel sockets = make_sockets();
  return came_out(::send(sockets.in.get(), page.data, kSize, 0), sockets);
}

Sight receive_from_socket(const Page& page) {
  const Channel sockets = make_sockets();
  fill(sockets);
  return changed(::recv(sockets.out.get(), page.data, kSize, 0));
}

Sight write_by_io_uring(const Page& page) {
  const UniqueFd file = make_file();
  IoRing ring;
  if (const int error = ring.write(file, page.data, kSize); error != 0) return {.error = error};
  return left_in_file(kSize, file);
}

Sight write_by_io_uring_buffer(const Page& page) {
  const UniqueFd file = make_file();
  IoRing ring;
  ring.register_buffer(page.data, page_size());
  if (const int error = ring.write_fixed(file, page.data, kSize); error != 0) {
    return {.error = error};
  }
  return left_in_file(kSize, file);
}

Sight read_by_io_uring_buffer(const Page& page) {
  const UniqueFd file = make_file();
  IoRing ring;
  ring.register_buffer(page.data, page_size());
  return {.error = ring.read_fixed(file, page.data, kSize)};
}

Sight send_without_copy(const Page& page) {
  const Channel connection = make_connection();
  return came_out(::send(connection.in.get(), page.data, kSize, MSG_ZEROCOPY), connection);
}

Sight vmsplice_to_pipe(const Page& page) {
  const Channel pipe = make_pipe();
  const iovec vector = vector_of(page);
  return came_out(::vmsplice(pipe.in.get(), &vector, 1, 0), pipe);
}

Sight read_of_memfd(const Page& page) { return left_in_file(0, page.memfd); }

Sight write_to_memfd(const Page& page) {
  return changed(::pwrite(page.memfd.get(), &kOther, kSize, 0));
}

Sight sendfile_of_memfd(const Page& page) {
  const Channel pipe = make_pipe();
  off_t from = 0;
  return came_out(::sendfile(pipe.in.get(), page.memfd.get(), &from, kSize), pipe);
}

}  // namespace redoubt::suite
