// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/passt_process.h"

#include <exception>
#include <filesystem>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/epoll.h>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

constexpr size_t kLongestLine = 400;

std::filesystem::path find_passt(const std::string& network) {
  const std::optional<std::filesystem::path> found = find_program("passt");
  if (found) return *found;
  throw SetupError(fmt::format("net {}: there is no passt in PATH", network),
                   ExitStatus::SetupFailed,
                   "install it (sudo apt install passt), or use a network of type tap");
}

std::vector<std::string> arguments() {
  // --fd also makes it end with the connection.
  std::vector<std::string> words{"--foreground", "--fd", std::to_string(ChildProcess::kFirstFd)};
  if (!log::enabled(log::Level::Debug)) words.emplace_back("--quiet");
  return words;
}

ChildProcess start_passt(const std::string& network, const BorrowedFd& socket) {
  const std::filesystem::path program = find_passt(network);
  try {
    return {program, arguments(), std::span(&socket, 1)};
  } catch (const std::system_error&) {
    std::throw_with_nested(SetupError(fmt::format("net {}: cannot start passt", network)));
  }
}

}  // namespace

PasstProcess::PasstProcess(std::string network, BorrowedFd socket, EventLoop& loop)
    : network_(std::move(network)), process_(start_passt(network_, socket)) {
  messages_watch_ = loop.watch(process_.messages(), EPOLLIN, [this](uint32_t) { read_messages(); });
  end_watch_ = loop.watch(process_.ended(), EPOLLIN, [this](uint32_t) { on_end(); });
}

std::string PasstProcess::last_words(std::string_view before) {
  read_messages();
  return last_line_.empty() ? std::string() : fmt::format("{}{}", before, last_line_);
}

void PasstProcess::read_messages() {
  const std::optional<std::string> text = process_.read_messages();
  if (!text) {
    messages_watch_.cancel();
    take_line(std::exchange(line_, {}));
    return;
  }
  for (const char character : *text) {
    if (character == '\n') {
      take_line(std::exchange(line_, {}));
    } else if (line_.size() < kLongestLine) {
      line_ += character;
    }
  }
}

void PasstProcess::take_line(std::string_view line) {
  if (line.empty()) return;
  last_line_ = line;
  log::debug("net {}: passt: {}", network_, line);
}

void PasstProcess::on_end() {
  end_watch_.cancel();
  log::warn("net {}: passt has ended: {}{}", network_,
            process_.how_it_ended().value_or("nobody knows how"), last_words("; it said: "));
}

}  // namespace redoubt
