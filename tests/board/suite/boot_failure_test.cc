// SPDX-License-Identifier: Apache-2.0
//
// Every exit code that a user can meet without a guest that ends by itself: wrong input, an unfit
// host, and a host that harms the guest.
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/board/suite/support/guest_ram.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/injected_call.h"
#include "tests/board/suite/support/kvm_vm.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/page_map.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "tests/board/suite/support/suite_dir.h"

namespace redoubt::suite {
namespace {

namespace fs = std::filesystem;

class BootFailure : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name, std::ios::binary) << text;
    return directory_ / name;
  }

  ScratchFolder directory_;
};

TEST_F(BootFailure, host_that_has_no_descriptors_left) {
  REDOUBT_NEEDS_KVM(true);
  Launch launch{run_linux({})};
  launch.prepare = [] {
    const rlimit limit{5, 5};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  };
  RedoubtProcess redoubt(launch);

  EXPECT_EQ(redoubt.wait_exit(), 1) << redoubt.output();
  EXPECT_TRUE(redoubt.says("Too many open files")) << redoubt.output();
}

TEST_F(BootFailure, unknown_command) {
  RedoubtProcess redoubt({{"rum", "hello.yaml"}});

  EXPECT_EQ(redoubt.wait_exit(), 2) << redoubt.output();
  EXPECT_TRUE(redoubt.says("run")) << redoubt.output();
}

TEST_F(BootFailure, bad_yaml_is_shown_with_its_place) {
  const std::string path = file("bad.yaml", "protected: true\nmemroy:\n  size: 64MiB\n");
  RedoubtProcess redoubt({{"run", path}});

  EXPECT_EQ(redoubt.wait_exit(), 3) << redoubt.output();
  EXPECT_TRUE(redoubt.says(path + ":2:1:")) << redoubt.output();
  EXPECT_TRUE(redoubt.says("memory")) << redoubt.output();
}

TEST_F(BootFailure, missing_configuration) {
  RedoubtProcess redoubt({{"run", directory_ / "none.yaml"}});

  EXPECT_EQ(redoubt.wait_exit(), 3) << redoubt.output();
  EXPECT_TRUE(redoubt.says("No such file")) << redoubt.output();
}

TEST_F(BootFailure, host_without_dev_kvm) {
  if (::geteuid() != 0) GTEST_SKIP() << "hiding /dev/kvm needs root";
  Launch launch{run_linux({})};
  launch.prepare = [] {
    // A /dev without kvm, for the child alone.
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
        ::mount("none", "/dev", "tmpfs", 0, nullptr) != 0) {
      ::_exit(126);
    }
  };
  RedoubtProcess redoubt(launch);

  EXPECT_EQ(redoubt.wait_exit(), 4) << redoubt.output();
  EXPECT_TRUE(redoubt.says("/dev/kvm")) << redoubt.output();
}

struct BadKernel {
  const char* name;
  std::string contents;
  const char* message;
  int code = 6;
};

TEST_F(BootFailure, bad_kernels_are_refused_by_name) {
  REDOUBT_NEEDS_KVM(true);
  const BadKernel kernels[] = {
      {"empty", "", "empty", 3},
      {"elf", std::string("\x7f") + "ELF" + std::string(200, '\0'), "ELF"},
      {"gzip", std::string("\x1f\x8b\x08\0\0\0\0\0\0\0garbage", 17), "gzip"},
      {"zboot",
       std::string("MZ\0\0zimg\xff\xff\xff\x7f\xff\xff\xff\x7f", 16) + std::string(8, '\0') +
           "gzip" + std::string(60, '\0'),
       "zboot"},
      {"too-large", std::string(56, '\0') + std::string("ARM\x64", 4) + std::string(100, '\0'), ""},
  };
  for (const BadKernel& kernel : kernels) {
    std::string contents = kernel.contents;
    if (std::string(kernel.name) == "too-large") contents.replace(16, 8, "\0\0\0\0\0\0\0\x10", 8);
    const std::string path = file(kernel.name, contents);
    RedoubtProcess redoubt({run_linux({.more = {"--set=boot.kernel=" + path}})});

    EXPECT_EQ(redoubt.wait_exit(), kernel.code) << kernel.name << "\n" << redoubt.output();
    EXPECT_TRUE(redoubt.says(path)) << kernel.name << "\n" << redoubt.output();
    EXPECT_TRUE(redoubt.says(kernel.message)) << kernel.name << "\n" << redoubt.output();
  }
}

TEST_F(BootFailure, missing_kernel_and_initrd_are_refused_with_their_path) {
  for (const std::string key : {"boot.kernel", "boot.initrd"}) {
    RedoubtProcess redoubt({run_linux({.more = {"--set=" + key + "=/does/not/exist"}})});

    const int code = redoubt.wait_exit();
    EXPECT_TRUE(code == 3 || code == 6) << code << "\n" << redoubt.output();
    EXPECT_TRUE(redoubt.says("/does/not/exist")) << redoubt.output();
  }
}

TEST_F(BootFailure, guest_that_leaves_aarch64) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_flat("aarch32-flat.bin", true)});
  const int code = redoubt.wait_exit();
  if (redoubt.says("aarch32: not on this CPU")) GTEST_SKIP() << "this CPU has no AArch32";

  EXPECT_EQ(code, 75) << redoubt.output();
  EXPECT_TRUE(redoubt.says("vcpu-fail-entry")) << redoubt.output();
}

// What a debugger or a curious administrator does, through the kernel's own mapping of the pages.
void read_all_memory_of(pid_t pid) {
  const GuestRam ram = guest_ram_of(pid);
  std::vector<char> buffer(1 << 20);
  for (size_t at = 0; at < ram.size; at += buffer.size()) {
    iovec local{buffer.data(), buffer.size()};
    // SAFETY: an address of another process, which the kernel checks.
    iovec remote{reinterpret_cast<void*>(ram.start + at), buffer.size()};
    ::process_vm_readv(pid, &local, 1, &remote, 1, 0);
  }
}

TEST_F(BootFailure, host_that_reads_guest_memory_through_the_kernel) {
  REDOUBT_NEEDS_KVM(true);
  if (::geteuid() != 0) GTEST_SKIP() << "reading another process needs root";
  RedoubtProcess redoubt({run_linux({.memory = "64MiB", .mode = "loop"})});
  ASSERT_TRUE(redoubt.wait_for("redoubt-guest: userspace reached")) << redoubt.output();

  read_all_memory_of(redoubt.pid());

  EXPECT_EQ(redoubt.wait_exit(), 70) << redoubt.output();
  EXPECT_TRUE(redoubt.says("guest-memory-poisoned")) << redoubt.output();
}

// One huge page more than the host has reserved, for as long as this lives.
class SpareHugePage {
 public:
  SpareHugePage() {
    if (before_) reserved_ = write_file(kPath, std::to_string(std::stoul(*before_) + 1));
  }
  ~SpareHugePage() {
    if (reserved_) write_file(kPath, *before_);
  }
  SpareHugePage(const SpareHugePage&) = delete;
  SpareHugePage& operator=(const SpareHugePage&) = delete;

  [[nodiscard]] bool reserved() const { return reserved_; }

 private:
  static constexpr const char* kPath = "/proc/sys/vm/nr_hugepages";

  const std::optional<std::string> before_ = read_file(kPath);
  bool reserved_ = false;
};

TEST_F(BootFailure, memory_that_is_not_swap_backed) {
  REDOUBT_NEEDS_KVM(true);
  if (::geteuid() != 0) GTEST_SKIP() << "reaching into another process needs root";
  const SpareHugePage huge_page;
  if (!huge_page.reserved()) GTEST_SKIP() << "no huge pages to reserve";
  RedoubtProcess redoubt({run_flat("late-flat.bin", true, {"--set=memory.hugepages=never"})});
  ASSERT_TRUE(redoubt.wait_for("late: waiting")) << redoubt.output();

  // A huge page where the guest's first 2 MiB were, of which it has touched some.
  const uintptr_t start = guest_ram_of(redoubt.pid()).start;
  const int64_t mapped =
      call_in(redoubt.pid(), SYS_mmap,
              {start, uint64_t{2} << 20, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB, ~uint64_t{0}, 0});
  if (mapped < 0) {
    GTEST_SKIP() << "no huge page to be had: errno " << -mapped;
  }
  redoubt.type("x");

  // A kernel that names the page has one errno for all that cannot be donated.
  const bool named = protected_vms_have(KVM_CAP_MEMORY_FAULT_INFO);
  EXPECT_EQ(redoubt.wait_exit(), named ? 74 : 73) << redoubt.output();
  EXPECT_TRUE(redoubt.says(named ? "0x40004000" : "memory-not-swap-backed")) << redoubt.output();
}

TEST_F(BootFailure, page_that_is_somebody_elses) {
  REDOUBT_NEEDS_KVM(true);
  if (::geteuid() != 0) GTEST_SKIP() << "reaching into another process needs root";
  if (kernel_is_before(7, 3) && read_file("/proc/sys/kernel/panic_on_warn") == "1\n") {
    GTEST_SKIP() << "Linux 7.2 warns when EL2 refuses a page, and this host panics on warnings";
  }
  RedoubtProcess redoubt({run_flat("late-flat.bin", true, {"--set=memory.hugepages=never"})});
  ASSERT_TRUE(redoubt.wait_for("late: waiting")) << redoubt.output();

  // The guest's first page, which it has, where its late page was.
  constexpr uintptr_t kLatePage = 0x4000;
  const uintptr_t start = guest_ram_of(redoubt.pid()).start;
  const int64_t moved =
      call_in(redoubt.pid(), SYS_mremap,
              {start, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, start + kLatePage, 0});
  ASSERT_EQ(static_cast<uintptr_t>(moved), start + kLatePage);
  redoubt.type("x");

  EXPECT_EQ(redoubt.wait_exit(), 74) << redoubt.output();
  EXPECT_TRUE(redoubt.says("page-not-donatable")) << redoubt.output();
}

TEST_F(BootFailure, page_with_a_hardware_error) {
  REDOUBT_NEEDS_KVM(true);
  const fs::path offline = "/sys/devices/system/memory/hard_offline_page";
  if (::access(offline.c_str(), W_OK) != 0) {
    GTEST_SKIP() << "this kernel cannot be told of a bad page (" << offline << ")";
  }
  // Waits for a key before it reads its last page, which redoubt has written and nobody else used.
  RedoubtProcess redoubt({run_flat("late-flat.bin", true, {"--set=memory.hugepages=never"})});
  ASSERT_TRUE(redoubt.wait_for("late: waiting")) << redoubt.output();
  const uintptr_t start = guest_ram_of(redoubt.pid()).start;
  constexpr uintptr_t kLatePage = 0x4000;  // offset of the page in late-flat.bin
  const PageState page = page_state(redoubt.pid(), start + kLatePage);
  ASSERT_TRUE(page.present);
  if (!(std::ofstream(offline) << "0x" << std::hex << page.frame * page_size() << std::flush)) {
    GTEST_SKIP() << "the kernel did not take the page";
  }

  redoubt.type("x");

  EXPECT_EQ(redoubt.wait_exit(), 72) << redoubt.output();
  EXPECT_TRUE(redoubt.says("0x40004000")) << redoubt.output();
}

}  // namespace
}  // namespace redoubt::suite
