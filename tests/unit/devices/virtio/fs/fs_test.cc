// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/fs/fs.h"

#include <cstring>
#include <fstream>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devices/virtio/features.h"
#include "tests/unit/devices/run_until.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "tests/unit/devices/virtio/fake_transport.h"
#include "tests/unit/devices/virtio/fs/fake_virtiofsd.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class FsTest : public testing::Test {
 protected:
  FsTest() {
    std::string pattern = testing::TempDir() + "share.XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    options_ = {"photos", folder_, false};
  }
  ~FsTest() override { std::filesystem::remove_all(folder_); }

  void make(const std::string& conduct = "") {
    virtiofsd_.emplace(conduct);
    device_.emplace(options_, loop_);
    transport_.emplace(driver_, *device_);
  }
  bool fails() {
    return run_until(loop_, [&] { return !transport_->failure().empty(); });
  }
  bool is_interrupted() {
    return run_until(loop_, [&] { return transport_->take_interrupt(); });
  }
  // What the constructor throws.
  std::optional<SetupError> refusal(const ShareOptions& options, const std::string& conduct = "") {
    virtiofsd_.emplace(conduct);
    try {
      const Fs device(options, loop_);
    } catch (const SetupError& error) {
      return error;
    }
    return std::nullopt;
  }

  EventLoop loop_;
  FakeDriver driver_;
  std::filesystem::path folder_;
  ShareOptions options_;
  std::optional<FakeVirtiofsd> virtiofsd_;
  std::optional<Fs> device_;
  std::optional<FakeTransport> transport_;
};

TEST_F(FsTest, is_a_file_system_device_with_its_tag) {
  make();
  EXPECT_EQ(device_->device_id(), 26U);
  EXPECT_EQ(device_->name(), "share photos");
  EXPECT_EQ(device_->max_queue_sizes().size(), 2U);
  const std::vector<std::byte>& config = transport_->config();
  ASSERT_EQ(config.size(), 40U);
  std::string tag(36, '\0');
  std::memcpy(tag.data(), config.data(), tag.size());
  EXPECT_EQ(tag, "photos" + std::string(30, '\0'));
  uint32_t request_queues = 0;
  std::memcpy(&request_queues, config.data() + 36, sizeof request_queues);
  EXPECT_EQ(request_queues, 1U);
}

TEST_F(FsTest, tag_may_fill_its_field) {
  options_.tag = std::string(36, 't');
  make();
  EXPECT_EQ(transport_->config().at(35), std::byte{'t'});
  EXPECT_EQ(transport_->config().at(36), std::byte{1});
}

TEST_F(FsTest, requests_cannot_take_more_of_the_window_than_the_ring_has_descriptors) {
  make();
  EXPECT_EQ(device_->queue_features(), virtio::kEventIdx);
  EXPECT_EQ(device_->features(), 0U);
}

TEST_F(FsTest, tag_that_does_not_fit_is_refused) {
  EXPECT_TRUE(refusal({"", folder_, false}));
  EXPECT_TRUE(refusal({std::string(37, 't'), folder_, false}));
}

TEST_F(FsTest, folder_that_is_not_there_is_refused_by_its_path) {
  const auto error = refusal({"photos", "/nonexistent/folder", false});
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), AllOf(HasSubstr("share photos"), HasSubstr("/nonexistent/folder")));
}

TEST_F(FsTest, file_is_no_folder) {
  std::ofstream(folder_ / "file") << "text";
  const auto error = refusal({"photos", folder_ / "file", false});
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), HasSubstr("is no folder"));
}

TEST_F(FsTest, missing_virtiofsd_is_refused_with_the_package_to_install) {
  for (const char* place : {"/usr/libexec/virtiofsd", "/usr/lib/virtiofsd"}) {
    if (::access(place, X_OK) == 0) GTEST_SKIP() << "this machine has " << place;
  }
  const std::string path = std::getenv("PATH") == nullptr ? "" : std::getenv("PATH");
  ::setenv("PATH", "/nonexistent", 1);
  try {
    const Fs device(options_, loop_);
    ADD_FAILURE() << "made";
  } catch (const SetupError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no virtiofsd"));
    EXPECT_THAT(error.remedy(), HasSubstr("package virtiofsd"));
  }
  ::setenv("PATH", path.c_str(), 1);
}

TEST_F(FsTest, virtiofsd_that_ends_at_once_is_refused_with_its_last_words) {
  const auto error = refusal(options_, "exit");
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), AllOf(HasSubstr("exited with status 9"), HasSubstr("no luck today")));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child was left behind";
}

TEST_F(FsTest, virtiofsd_that_cannot_share_for_reading_alone_is_refused) {
  const auto error = refusal({"photos", folder_, true}, "old");
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), HasSubstr("unexpected argument '--readonly'"));
  EXPECT_THAT(error->remedy(), HasSubstr("--readonly"));
  EXPECT_FALSE(refusal(options_, "old")) << "which it can share for reading and writing";
}

TEST_F(FsTest, virtiofsd_without_what_is_needed_is_refused) {
  const auto error = refusal(options_, "refuse=16 die-at=17");
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), HasSubstr("exited with status 5"));
}

TEST_F(FsTest, root_does_without_namespaces_where_there_are_none) {
  if (::geteuid() != 0) GTEST_SKIP() << "a chroot needs root";
  EXPECT_FALSE(refusal(options_, "no-namespaces"));
}

TEST_F(FsTest, memory_that_is_no_memfd_is_refused) {
  virtiofsd_.emplace();
  device_.emplace(options_, loop_);
  FakeDriver plain(FakeDriver::Memory::Plain);
  EXPECT_THROW(FakeTransport(plain, *device_), SetupError);
}

TEST_F(FsTest, started_back_end_can_interrupt_the_driver) {
  make();
  transport_->start();
  EXPECT_TRUE(is_interrupted());
  EXPECT_EQ(transport_->failure(), "");
}

TEST_F(FsTest, works_again_after_a_reset) {
  make();
  for (int i = 0; i < 3; ++i) {
    transport_->start();
    EXPECT_TRUE(is_interrupted());
    EXPECT_EQ(transport_->failure(), "");
    transport_->reset();
  }
}

TEST_F(FsTest, stop_may_come_without_start_and_twice) {
  make();
  device_->stop();
  transport_->start();
  device_->stop_queue(0);
  device_->stop();
  EXPECT_EQ(transport_->failure(), "");
}

TEST_F(FsTest, refused_request_fails_the_device) {
  make("refuse=5");  // SET_MEM_TABLE
  transport_->start();
  ASSERT_TRUE(fails());
  EXPECT_THAT(transport_->failure(), HasSubstr("refused a request"));
}

class DeathOfVirtiofsd : public FsTest, public testing::WithParamInterface<int> {};

TEST_P(DeathOfVirtiofsd, while_starting_fails_the_device) {
  make("die-at=" + std::to_string(GetParam()));
  transport_->start();
  ASSERT_TRUE(fails());
  EXPECT_THAT(transport_->failure(), HasSubstr("exited with status 5"));
}

// SET_FEATURES, SET_MEM_TABLE, SET_VRING_NUM, …ADDR, …BASE, …KICK, …CALL, …ENABLE.
INSTANTIATE_TEST_SUITE_P(Fs, DeathOfVirtiofsd, testing::Values(2, 5, 8, 9, 10, 12, 13, 18));

TEST_F(FsTest, death_while_idle_fails_the_device) {
  make();
  transport_->start();
  ASSERT_TRUE(is_interrupted());
  // The only child there is.
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), 0);
  ASSERT_EQ(info.si_pid, 0) << "it has ended already";
  std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  pid_t pid = 0;
  if (!(children >> pid)) GTEST_SKIP() << "this kernel does not list children";
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(fails());
  EXPECT_THAT(transport_->failure(), HasSubstr("killed by signal 9"));
}

TEST_F(FsTest, death_while_stopping_does_not_hold_the_reset_up) {
  make("die-at=11");  // GET_VRING_BASE
  transport_->start();
  transport_->reset();
  transport_->start();
  ASSERT_TRUE(fails());
  EXPECT_THAT(transport_->failure(), HasSubstr("virtiofsd"));
}

TEST_F(FsTest, back_end_that_does_not_stop_is_killed) {
  make("mute-at=11");  // GET_VRING_BASE
  transport_->start();
  transport_->reset();
  transport_->start();
  ASSERT_TRUE(fails());
  EXPECT_THAT(transport_->failure(), HasSubstr("killed by signal 9"));
}

TEST_F(FsTest, destroying_the_device_ends_virtiofsd) {
  make();
  transport_->start();
  transport_.reset();
  device_.reset();
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace redoubt
