// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/devices/virtio/fs/fake_virtiofsd.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/vhost_user/vhost_user_message.h"
#include "devices/virtio/features.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

namespace {

using vhost_user::Header;
using vhost_user::Request;

constexpr const char* kConduct = "REDOUBT_FAKE_VIRTIOFSD";

bool conduct_has(const std::string& word) {
  const char* conduct = std::getenv(kConduct);
  return (" " + std::string(conduct == nullptr ? "" : conduct) + " ").find(" " + word + " ") !=
         std::string::npos;
}

[[noreturn]] void end_saying(const std::string& text, int status) {
  const std::string line = text + "\n";
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
  ::_exit(status);
}

struct Message {
  Header header{};
  std::array<std::byte, 512> payload{};
  UniqueFd fd;
};

std::optional<Message> receive(BorrowedFd connection) {
  Message message;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{&message.header, sizeof message.header};
  msghdr packet{};
  packet.msg_iov = &part;
  packet.msg_iovlen = 1;
  packet.msg_control = control.data();
  packet.msg_controllen = control.size();
  if (::recvmsg(connection.get(), &packet, MSG_WAITALL) !=
      static_cast<ssize_t>(sizeof message.header)) {
    return std::nullopt;
  }
  if (const cmsghdr* header = CMSG_FIRSTHDR(&packet); header != nullptr) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    message.fd = UniqueFd(number);
  }
  const size_t size = std::min<size_t>(message.header.size, message.payload.size());
  if (size > 0) {
    static_cast<void>(!::recv(connection.get(), message.payload.data(), size, MSG_WAITALL));
  }
  return message;
}

void answer(BorrowedFd connection, uint32_t request, uint64_t value) {
  struct {
    Header header;
    std::array<uint32_t, 2> payload;
  } reply{};
  reply.header = {request, Header::kVersion | Header::kReply, sizeof reply.payload};
  std::memcpy(reply.payload.data(), &value, sizeof value);
  static_cast<void>(!::send(connection.get(), &reply, sizeof reply, MSG_NOSIGNAL));
}

uint64_t answer_to(const Message& message) {
  switch (static_cast<Request>(message.header.request)) {
    case Request::GET_FEATURES:
      return vhost_user::kProtocolFeatures | virtio::kVersion1 | virtio::kEventIdx |
             virtio::kIndirectDesc;
    case Request::GET_PROTOCOL_FEATURES: return vhost_user::kReplyAck | vhost_user::kMq;
    case Request::GET_QUEUE_NUM: return 2;
    case Request::GET_VRING_BASE: return std::to_integer<uint64_t>(message.payload[0]);
    default: break;
  }
  return conduct_has("refuse=" + std::to_string(message.header.request)) ? 1 : 0;
}

bool has_answer_of_its_own(uint32_t request) {
  const auto which = static_cast<Request>(request);
  return which == Request::GET_FEATURES || which == Request::GET_PROTOCOL_FEATURES ||
         which == Request::GET_QUEUE_NUM || which == Request::GET_VRING_BASE;
}

void serve(BorrowedFd connection) {
  UniqueFd call;
  bool mute = false;
  while (std::optional<Message> message = receive(connection)) {
    const uint32_t request = message->header.request;
    const std::string number = std::to_string(request);
    if (conduct_has("die-at=" + number)) end_saying("dying of " + number, 5);
    mute = mute || conduct_has("mute-at=" + number);
    if (request == static_cast<uint32_t>(Request::SET_VRING_CALL)) call = std::move(message->fd);
    if (mute) continue;
    if (has_answer_of_its_own(request) || (message->header.flags & Header::kNeedReply) != 0) {
      answer(connection, request, answer_to(*message));
    }
    if (request == static_cast<uint32_t>(Request::SET_VRING_ENABLE)) {
      const uint64_t one = 1;  // as if something had been used
      static_cast<void>(!::write(call.get(), &one, sizeof one));
    }
  }
}

[[noreturn]] void play_virtiofsd(const std::vector<std::string>& arguments) {
  int listening = -1;
  std::string folder;
  for (const std::string& argument : arguments) {
    if (argument.starts_with("--fd=")) listening = std::atoi(argument.c_str() + 5);
    if (argument.starts_with("--shared-dir=")) folder = argument.substr(13);
    if (argument == "--readonly" && conduct_has("old")) {
      end_saying("error: unexpected argument '--readonly' found", 2);
    }
    if (argument == "--sandbox=namespace" && conduct_has("no-namespaces")) {
      end_saying("Error entering sandbox", 1);
    }
  }
  if (conduct_has("exit")) end_saying("no luck today", 9);
  if (::access(folder.c_str(), X_OK) != 0) end_saying("no folder " + folder, 3);
  const UniqueFd connection(::accept(listening, nullptr, nullptr));
  serve(connection);
  ::_exit(0);
}

// Before main(), which is GoogleTest's.
const bool is_virtiofsd = [] {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  file.close();
  if (!words.empty() && words[0].ends_with("/virtiofsd")) play_virtiofsd(words);
  return false;
}();

}  // namespace

FakeVirtiofsd::FakeVirtiofsd(const std::string& conduct) {
  std::string pattern = testing::TempDir() + "virtiofsd.XXXXXX";
  directory_ = ::mkdtemp(pattern.data());
  std::filesystem::create_symlink(std::filesystem::read_symlink("/proc/self/exe"),
                                  directory_ / "virtiofsd");
  if (const char* path = std::getenv("PATH"); path != nullptr) path_before_ = path;
  ::setenv("PATH", directory_.c_str(), 1);
  ::setenv(kConduct, conduct.c_str(), 1);
}

FakeVirtiofsd::~FakeVirtiofsd() {
  ::setenv("PATH", path_before_.c_str(), 1);
  ::unsetenv(kConduct);
  std::filesystem::remove_all(directory_);
}

}  // namespace redoubt
