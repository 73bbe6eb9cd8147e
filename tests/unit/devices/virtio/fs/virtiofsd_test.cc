// SPDX-License-Identifier: Apache-2.0
//
// The real virtiofsd, where the machine has one, with a driver of ours that speaks FUSE.
#include "devices/virtio/fs/virtiofsd.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <poll.h>
#include <unistd.h>

#include "devices/virtio/features.h"
#include "devices/virtio/fs/fs.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "tests/unit/devices/virtio/fake_transport.h"

namespace redoubt {
namespace {

constexpr uint16_t kRequests = 1;
constexpr std::string_view kName = "greeting";
constexpr std::string_view kText = "hello from the host";

struct Reply {
  int error;  // errno
  std::vector<std::byte> body;

  template <class T>
  [[nodiscard]] T as() const {
    T object{};
    EXPECT_GE(body.size(), sizeof object);
    if (body.size() >= sizeof object) std::memcpy(&object, body.data(), sizeof object);
    return object;
  }
};

template <class T>
std::string bytes_of(const T& object) {
  std::string bytes(sizeof object, '\0');
  std::memcpy(bytes.data(), &object, sizeof object);
  return bytes;
}

class RealVirtiofsd : public testing::Test {
 protected:
  void SetUp() override {
    const std::array<std::filesystem::path, 2> places{"/usr/libexec", "/usr/lib"};
    if (!find_program("virtiofsd", places)) GTEST_SKIP() << "this machine has no virtiofsd";
    std::string pattern = testing::TempDir() + "share.XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(folder_ / kName) << kText;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void mount(bool readonly) {
    device_.emplace(ShareOptions{"photos", folder_, readonly}, loop_);
    transport_.emplace(driver_, *device_);
    start();
  }
  void start() {
    // Without EVENT_IDX every used buffer interrupts.
    transport_->start(transport_->offered() & ~virtio::kEventIdx);
    fuse_init_in init{};
    init.major = FUSE_KERNEL_VERSION;
    init.minor = 31;
    init.max_readahead = 65536;
    const Reply reply = request(FUSE_INIT, 0, bytes_of(init), sizeof(fuse_init_out));
    ASSERT_EQ(reply.error, 0);
    ASSERT_EQ(reply.as<fuse_init_out>().major, 7U);
  }

  Reply request(uint32_t opcode, uint64_t node, const std::string& body, uint32_t answer_bytes) {
    fuse_in_header header{};
    header.len = static_cast<uint32_t>(sizeof header + body.size());
    header.opcode = opcode;
    header.unique = ++unique_;
    header.nodeid = node;
    const FakeRequest sent = driver_.chain()
                                 .readable(bytes_of(header) + body)
                                 .writable(static_cast<uint32_t>(sizeof(fuse_out_header)))
                                 .writable(answer_bytes)
                                 .submit(kRequests);
    const uint64_t one = 1;
    EXPECT_EQ(::write(transport_->kick(kRequests).fd().get(), &one, sizeof one), 8);
    return wait_for_reply(sent);
  }

  Reply wait_for_reply(const FakeRequest& sent) {
    for (int i = 0; i < 20; ++i) {
      if (!driver_.used(kRequests).empty()) {
        const std::vector<std::byte> bytes = driver_.written(sent);
        fuse_out_header out{};
        std::memcpy(&out, bytes.data(), sizeof out);
        EXPECT_EQ(out.unique, unique_);
        const auto body = std::span(bytes).first(out.len).subspan(sizeof out);
        return {-out.error, {body.begin(), body.end()}};
      }
      pollfd poller{.fd = transport_->interrupt().fd().get(), .events = POLLIN, .revents = 0};
      ::poll(&poller, 1, 1000);
      static_cast<void>(transport_->take_interrupt());
    }
    ADD_FAILURE() << "no reply";
    return {ETIMEDOUT, {}};
  }

  std::string read_greeting() {
    const std::string name = std::string(kName) + '\0';
    const Reply found = request(FUSE_LOOKUP, FUSE_ROOT_ID, name, sizeof(fuse_entry_out));
    EXPECT_EQ(found.error, 0);
    const uint64_t node = found.as<fuse_entry_out>().nodeid;
    fuse_open_in open_in{};
    open_in.flags = O_RDONLY;
    const Reply opened = request(FUSE_OPEN, node, bytes_of(open_in), sizeof(fuse_open_out));
    EXPECT_EQ(opened.error, 0);
    fuse_read_in read_in{};
    read_in.fh = opened.as<fuse_open_out>().fh;
    read_in.size = 4096;
    const Reply data = request(FUSE_READ, node, bytes_of(read_in), 4096);
    EXPECT_EQ(data.error, 0);
    std::string text(data.body.size(), '\0');
    std::memcpy(text.data(), data.body.data(), text.size());
    return text;
  }

  int make_folder(const std::string& name) {
    fuse_mkdir_in in{};
    in.mode = 0755;
    return request(FUSE_MKDIR, FUSE_ROOT_ID, bytes_of(in) + name + '\0', sizeof(fuse_entry_out))
        .error;
  }

  EventLoop loop_;
  FakeDriver driver_;
  std::filesystem::path folder_;
  uint64_t unique_ = 0;
  std::optional<Fs> device_;
  std::optional<FakeTransport> transport_;
};

TEST_F(RealVirtiofsd, file_of_the_folder_is_read) {
  mount(false);
  EXPECT_EQ(read_greeting(), kText);
}

TEST_F(RealVirtiofsd, folder_is_written_to) {
  mount(false);
  EXPECT_EQ(make_folder("new"), 0);
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "new"));
}

TEST_F(RealVirtiofsd, folder_shared_for_reading_alone_is_not_written_to) {
  mount(true);
  EXPECT_EQ(read_greeting(), kText);
  EXPECT_EQ(make_folder("new"), EROFS);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "new"));
}

TEST_F(RealVirtiofsd, path_out_of_the_folder_is_not_found) {
  mount(false);
  for (const std::string& name : {std::string("../etc"), std::string("greeting/../../etc")}) {
    EXPECT_NE(request(FUSE_LOOKUP, FUSE_ROOT_ID, name + '\0', sizeof(fuse_entry_out)).error, 0)
        << name;
  }
}

TEST_F(RealVirtiofsd, works_again_after_a_reset) {
  mount(false);
  transport_->reset();
  start();
  EXPECT_EQ(read_greeting(), kText);
}

TEST_F(RealVirtiofsd, does_not_touch_memory_after_a_reset) {
  mount(false);
  transport_->reset();
  driver_.chain().writable(64).submit(kRequests);
  const uint64_t one = 1;
  ASSERT_EQ(::write(transport_->kick(kRequests).fd().get(), &one, sizeof one), 8);
  device_->stop();
  EXPECT_EQ(driver_.used_index(kRequests), 0);
}

}  // namespace
}  // namespace redoubt
