// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/fs/virtiofsd.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

// For a program that has to be read from a slow disk and to set up its namespaces first.
constexpr std::chrono::seconds kTimeToStart{20};

struct Sockets {
  UniqueFd listening;
  UniqueFd connected;
};

// A folder that nobody else can look into, for the moment in which a socket has a name.
class PrivateFolder {
 public:
  PrivateFolder() {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    const bool usable = runtime != nullptr && *runtime == '/' && ::access(runtime, W_OK) == 0;
    path_ = std::string(usable ? runtime : "/tmp") + "/redoubt-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw_errno("mkdtemp " + path_);
  }
  ~PrivateFolder() {
    ::unlink(socket().c_str());
    ::rmdir(path_.c_str());
  }
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;
  [[nodiscard]] std::string socket() const { return path_ + "/fs"; }

 private:
  std::string path_;
};

UniqueFd make_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) throw_errno("socket AF_UNIX");
  return fd;
}

// virtiofsd wants a socket to accept one connection from. Ours is in its queue before virtiofsd is
// started, and the name is gone, so that nobody comes in between.
Sockets make_connection() {
  const PrivateFolder folder;
  const std::string name = folder.socket();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    throw_errno("bind " + name);
  }
  std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  // SAFETY: the socket calls take every kind of address through this type, and its size.
  const auto* any = reinterpret_cast<const sockaddr*>(&address);
  Sockets sockets{make_socket(), make_socket()};
  if (::bind(sockets.listening.get(), any, sizeof address) != 0) throw_errno("bind " + name);
  if (::listen(sockets.listening.get(), 1) != 0) throw_errno("listen on " + name);
  if (::connect(sockets.connected.get(), any, sizeof address) != 0) throw_errno("connect " + name);
  return sockets;
}

[[noreturn]] void refuse(const ShareOptions& options, const std::string& what, std::string remedy) {
  throw SetupError("share " + options.tag + ": " + what, ExitStatus::SetupFailed,
                   std::move(remedy));
}

std::filesystem::path find_virtiofsd(const ShareOptions& options) {
  // Where distributions put what only other programs start.
  const std::array<std::filesystem::path, 2> places{"/usr/libexec", "/usr/lib"};
  const auto found = find_program("virtiofsd", places);
  if (!found) {
    refuse(options, "there is no virtiofsd, in $PATH, /usr/libexec or /usr/lib",
           "install the package virtiofsd (in Debian from version 13 on)");
  }
  return *found;
}

Virtiofsd start(const std::filesystem::path& program, const ShareOptions& options,
                const std::string& sandbox) {
  Sockets sockets = make_connection();
  std::vector<std::string> arguments{"--fd=" + std::to_string(ChildProcess::kFirstFd),
                                     "--shared-dir=" + options.path.string(),
                                     "--sandbox=" + sandbox, "--log-level=warn"};
  if (options.readonly) arguments.emplace_back("--readonly");
  const std::array fds{BorrowedFd(sockets.listening)};
  return {std::make_unique<ChildProcess>(program, arguments, fds),
          std::make_unique<VhostUserFrontEnd>(std::move(sockets.connected))};
}

// A connection closes a moment before its process is gone.
std::optional<std::string> end_of(const ChildProcess& process) {
  pollfd poller{.fd = process.ended().get(), .events = POLLIN, .revents = 0};
  static_cast<void>(::poll(&poller, 1, 1000));
  return process.how_it_ended();
}

// The last line that has something on it.
std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

std::string describe_end(const ChildProcess& virtiofsd, VhostUserError error) {
  std::optional<std::string> end;
  if (error == VhostUserError::Gone) end = end_of(virtiofsd);
  std::string text = "virtiofsd: " + end.value_or(std::string(describe(error)));
  std::string said;
  for (auto more = virtiofsd.read_messages(); more && !more->empty();) {
    said += *more;
    more = virtiofsd.read_messages();
  }
  if (!said.empty()) text += " (" + last_line(said) + ")";
  return text;
}

Virtiofsd start_virtiofsd(const ShareOptions& options, uint16_t queues) {
  if (std::error_code error; !std::filesystem::is_directory(options.path, error)) {
    refuse(options, options.path.string() + (error ? ": " + error.message() : " is no folder"), {});
  }
  const std::filesystem::path program = find_virtiofsd(options);
  // Its namespaces need no privileges, but a root file system that can be exchanged; an initramfs
  // is none, and root can do without.
  std::vector<std::string> sandboxes{"namespace"};
  if (::geteuid() == 0) sandboxes.emplace_back("chroot");
  std::string failure;
  for (const std::string& sandbox : sandboxes) {
    Virtiofsd started = start(program, options, sandbox);
    const auto agreed = started.front_end->agree(queues, kTimeToStart);
    if (agreed) {
      if (!failure.empty()) {
        log::warn("share {}: virtiofsd is in a chroot instead of namespaces: {}", options.tag,
                  failure);
      }
      return started;
    }
    failure = describe_end(*started.process, agreed.error());
  }
  refuse(options, failure,
         options.readonly ? "only a virtiofsd with the option --readonly (see its --help) can "
                            "share a folder for reading alone"
                          : "try `virtiofsd --help`, and whether this user may make namespaces");
}

}  // namespace redoubt
