// SPDX-License-Identifier: Apache-2.0
//
// A passt of our own. Where the real one is not installed, and for what it would never do, this
// test program itself plays passt: it is started through a link of that name, and does what the
// environment says.
#include "devices/virtio/net/passt.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/virtio/net/net.h"
#include "tests/unit/devices/console/support.h"
#include "tests/unit/devices/run_until.h"
#include "tests/unit/devices/virtio/net/net_fixture.h"
#include "vmm/base/child_process.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

using testing::HasSubstr;

constexpr const char* kPart = "REDOUBT_TEST_PASST";

void say(const std::string& text) {
  static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

// Sends back whatever comes, until its socket closes.
void echo(int fd) {
  std::array<char, 4096> bytes{};
  ssize_t count = 0;
  while ((count = ::recv(fd, bytes.data(), bytes.size(), 0)) > 0) {
    static_cast<void>(!::send(fd, bytes.data(), static_cast<size_t>(count), MSG_NOSIGNAL));
  }
}

[[noreturn]] void play_passt(const std::string& part, const std::string& arguments) {
  const int fd = ChildProcess::kFirstFd;
  if (arguments.find("--foreground --fd 3") == std::string::npos) ::_exit(99);
  if (part == "echo") echo(fd);
  if (part == "refuse") {
    say("a first line\nno interface with a default route\n");
    ::_exit(1);
  }
  if (part == "bad length") {
    static_cast<void>(!::send(fd, "\xff\xff\xff\xff", 4, MSG_NOSIGNAL));
    echo(fd);
  }
  if (part == "linger") {
    static_cast<void>(!::send(fd, "\0\0\0\0", 4, MSG_NOSIGNAL));
    for (;;) ::pause();
  }
  ::_exit(0);
}

// Before main(), which is GoogleTest's.
const bool is_passt = [] {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string name;
  std::getline(file, name, '\0');
  const char* part = std::getenv(kPart);
  if (!name.ends_with("/passt") || part == nullptr) return false;
  std::string arguments;
  for (std::string word; std::getline(file, word, '\0');) arguments += word + " ";
  play_passt(part, arguments);
}();

class PasstTest : public testing::Test {
 protected:
  PasstTest() : path_(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH")) {
    options_.name = "lan";
    options_.kind = NetKind::Passt;
  }
  ~PasstTest() override {
    ::setenv("PATH", path_.c_str(), 1);
    ::unsetenv(kPart);
  }

  // From now on passt is this program, playing that part.
  void passt_is(const char* part) {
    if (!std::filesystem::exists(directory_ / "passt")) {
      std::filesystem::create_symlink(std::filesystem::read_symlink("/proc/self/exe"),
                                      directory_ / "passt");
    }
    ::setenv("PATH", (directory_ / "").c_str(), 1);
    ::setenv(kPart, part, 1);
  }

  // The next frame; nothing, and the reason, if the backend has ended.
  std::optional<Bytes> receive(Passt& passt) {
    pollfd poller{.fd = passt.fd(0).get(), .events = POLLIN, .revents = 0};
    while (true) {
      const auto frame = passt.receive(0);
      if (!frame) why_ = frame.error().why;
      if (!frame) return std::nullopt;
      if (*frame) return Bytes((*frame)->data.begin(), (*frame)->data.end());
      if (::poll(&poller, 1, 20'000) != 1) return std::nullopt;
    }
  }

  [[nodiscard]] static bool is_running(pid_t pid) { return ::kill(pid, 0) == 0; }

  TemporaryDirectory directory_;
  EventLoop loop_;
  NetOptions options_;
  std::string why_;

 private:
  const std::string path_;
};

TEST_F(PasstTest, host_without_passt_is_told_what_to_do) {
  ::setenv("PATH", (directory_ / "").c_str(), 1);
  try {
    const Passt passt(options_, loop_);
    FAIL();
  } catch (const SetupError& error) {
    EXPECT_STREQ(error.what(), "net lan: there is no passt in PATH");
    EXPECT_THAT(error.remedy(), HasSubstr("apt install passt"));
  }
}

TEST_F(PasstTest, passt_that_cannot_be_executed_is_named) {
  std::ofstream(directory_ / "passt") << "no program";
  std::filesystem::permissions(directory_ / "passt", std::filesystem::perms::owner_all);
  ::setenv("PATH", (directory_ / "").c_str(), 1);
  try {
    const Passt passt(options_, loop_);
    FAIL();
  } catch (const SetupError& error) {
    EXPECT_THAT(message_chain(error), HasSubstr("net lan: cannot start passt: execute "));
  }
}

TEST_F(PasstTest, frames_pass_in_both_directions) {
  passt_is("echo");
  Passt passt(options_, loop_);
  for (unsigned i = 0; i < 3; ++i) {
    ASSERT_EQ(passt.send(0, {}, test_frame(1514, i)).value(), NetBackend::Sent::Taken);
  }
  ASSERT_TRUE(passt.flush(0).value());
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(receive(passt), test_frame(1514, i));
}

TEST_F(PasstTest, process_is_gone_when_the_backend_is) {
  passt_is("linger");
  pid_t pid = 0;
  {
    Passt passt(options_, loop_);
    ASSERT_TRUE(receive(passt));
    pid = passt.pid();
    EXPECT_TRUE(is_running(pid));
  }
  EXPECT_FALSE(is_running(pid));
}

TEST_F(PasstTest, nothing_stays_open) {
  passt_is("echo");
  const auto open_files = [] {
    const std::filesystem::directory_iterator files("/proc/self/fd");
    return std::distance(begin(files), end(files));
  };
  const auto before = open_files();
  { const Passt passt(options_, loop_); }
  EXPECT_EQ(open_files(), before);
}

TEST_F(PasstTest, end_of_the_process_ends_the_backend_with_its_last_words) {
  passt_is("refuse");
  Passt passt(options_, loop_);
  EXPECT_EQ(receive(passt), std::nullopt);
  EXPECT_EQ(why_, "passt ended: no interface with a default route");
  EXPECT_EQ(receive(passt), std::nullopt);
}

TEST_F(PasstTest, end_of_the_process_is_logged_once_with_status_and_last_words) {
  const CapturedLog log;
  passt_is("refuse");
  const Passt passt(options_, loop_);
  EXPECT_TRUE(run_until(loop_, [&] { return log.has("passt has ended"); }));
  run_some(loop_);
  EXPECT_TRUE(
      log.has("net lan: passt has ended: it exited with status 1; it said: no interface "
              "with a default route"));
  EXPECT_EQ(log.text().find("has ended"), log.text().rfind("has ended"));
}

TEST_F(PasstTest, frame_longer_than_any_ends_the_backend) {
  passt_is("bad length");
  Passt passt(options_, loop_);
  EXPECT_EQ(receive(passt), std::nullopt);
  EXPECT_THAT(why_, HasSubstr("passt sent a frame of more than 65554 bytes"));
}

TEST_F(PasstTest, device_whose_passt_is_killed_fails_and_says_so) {
  passt_is("linger");
  auto backend = std::make_unique<Passt>(options_, loop_);
  const pid_t pid = backend->pid();
  FakeDriver driver;
  Net net("guest", options_, std::move(backend), loop_);
  FakeTransport transport(driver, net);
  transport.start();
  driver.chain().writable(2048).submit(kRx);
  transport.notify(kRx);
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(run_until(loop_, [&] { return !transport.failure().empty(); }));
  EXPECT_EQ(transport.failure(), "passt ended");
}

TEST_F(PasstTest, device_offers_no_offloads) {
  passt_is("echo");
  const Net net("guest", options_, open_net_backend(options_, loop_), loop_);
  EXPECT_EQ(net.features(), virtio::kNetMac | virtio::kNetStatus | virtio::kNetMrgRxbuf);
}

// An ARP request (RFC 826) for 10.0.2.2.
Bytes arp_request() {
  Bytes frame(42);
  std::fill_n(frame.begin(), 6, std::byte{0xff});
  const std::array<unsigned, 16> sender_on{0x02, 0, 0, 0, 0, 1, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1};
  for (size_t i = 0; i < sender_on.size(); ++i) frame[6 + i] = static_cast<std::byte>(sender_on[i]);
  frame[22] = std::byte{0x02};
  frame[27] = std::byte{0x01};
  const std::array<unsigned, 4> target{10, 0, 2, 2};
  for (size_t i = 0; i < target.size(); ++i) frame[38 + i] = static_cast<std::byte>(target[i]);
  return frame;
}

TEST_F(PasstTest, real_passt_answers) {
  if (!find_program("passt")) GTEST_SKIP() << "passt is not installed";
  Passt passt(options_, loop_);
  ASSERT_EQ(passt.send(0, {}, arp_request()).value(), NetBackend::Sent::Taken);
  ASSERT_TRUE(passt.flush(0));
  while (const auto frame = receive(passt)) {
    if ((*frame)[12] != std::byte{0x08} || (*frame)[13] != std::byte{0x06}) continue;
    EXPECT_EQ((*frame)[21], std::byte{2}) << "an ARP reply";
    EXPECT_EQ((*frame)[5], std::byte{1}) << "to who has asked";
    return;
  }
  GTEST_SKIP() << "passt does not run here: " << why_;
}

}  // namespace
}  // namespace redoubt
