// SPDX-License-Identifier: Apache-2.0
//
// A protected guest that calls its hypervisor at random, a million times (REDOUBT_HYPERCALLS=N sets
// the count; fewer where tests are to take less long), and a neighbour that must not notice.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/board/suite/support/contract_guest.h"
#include "tests/board/suite/support/guest_ram.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/rounds.h"
#include "tests/seed.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kRam = 0x4000'0000;
constexpr uint64_t kPrivateWord = 0x7072'6976'6174'6521;
constexpr uint64_t kSharedWord = 0x7368'6172'6564'2121;

uint64_t number_from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::stoull(text) : otherwise;
}

size_t warnings(const std::string& log) {
  size_t found = 0;
  for (const char* sign : {"WARNING:", "BUG:", "Oops", "hyp panic"}) {
    for (size_t at = log.find(sign); at != std::string::npos; at = log.find(sign, at + 1)) ++found;
  }
  return found;
}

// A protected VM with a page of its own and one that it shares, which are as they were whenever
// somebody looks, from inside and from outside.
class Neighbour {
 public:
  Neighbour() {
    pages_.keep_out_of_children();
    guest_.back_window(pages_);
    EXPECT_EQ(guest_.write(Guest::window_page(0), kPrivateWord), answer(0));
    EXPECT_EQ(guest_.write(Guest::window_page(1), kSharedWord), answer(0));
    EXPECT_EQ(guest_.share(Guest::window_page(1)), answer(0));
  }

  void expect_as_it_was() {
    ASSERT_EQ(guest_.read(Guest::window_page(0)), answer(kPrivateWord));
    ASSERT_EQ(guest_.read(Guest::window_page(1)), answer(kSharedWord));
    ASSERT_EQ(host_load(pages_.page(0)).signal, SIGSEGV);
    ASSERT_EQ(pages_.read_word(1), kSharedWord);
  }

 private:
  const Backing pages_ = Backing::anonymous(2 * page_size());
  Guest guest_;
};

// Takes the page away of which the guest has told the address.
void poison_a_page(const RedoubtProcess& redoubt) {
  const std::string before = "hypercalls: page ";
  const size_t at = redoubt.output().find(before);
  ASSERT_NE(at, std::string::npos);
  const uint64_t ipa = std::stoull(redoubt.output().substr(at + before.size()), nullptr, 16);
  uint64_t word = ~uint64_t{0};
  const uintptr_t address = guest_ram_of(redoubt.pid()).start + (ipa - kRam);
  ASSERT_EQ(read_through_kernel(redoubt.pid(), address, &word), ssize_t{sizeof word});
  ASSERT_EQ(word, 0u) << "it was not the guest's";
}

TEST(IsolationHypercalls, at_random_harm_neither_the_host_nor_a_neighbour) {
  REDOUBT_NEEDS_KVM(true);
  if (::geteuid() != 0) GTEST_SKIP() << "taking a page away from a guest needs root";
  const uint32_t seed = test_seed();
  const uint64_t calls = number_from_environment("REDOUBT_HYPERCALLS", rounds(1'000'000));
  std::cout << "REDOUBT_SEED=" << seed << " REDOUBT_HYPERCALLS=" << calls << std::endl;
  RecordProperty("seed", std::to_string(seed));
  RecordProperty("calls", std::to_string(calls));
  const size_t warned = warnings(kernel_log());
  RedoubtProcess redoubt(
      {run_flat("hypercalls-flat.bin", true,
                {"--set=memory.hugepages=never", "--set=boot.cmdline=seed=" + std::to_string(seed) +
                                                     " calls=" + std::to_string(calls)})});
  ASSERT_TRUE(redoubt.wait_for("hypercalls: ready")) << redoubt.output();
  poison_a_page(redoubt);
  Neighbour neighbour;

  const auto begin = std::chrono::steady_clock::now();
  redoubt.type("x");
  size_t looks = 0;
  const auto over = [&] { return redoubt.says("hypercalls: done") || redoubt.says("stopped"); };
  while (!over() && std::chrono::steady_clock::now() - begin < std::chrono::minutes(20)) {
    redoubt.read_for(std::chrono::milliseconds(50));
    ASSERT_NO_FATAL_FAILURE(neighbour.expect_as_it_was());
    if (++looks % 200 == 0) std::cout << "neighbour as it was, look " << looks << std::endl;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
  EXPECT_TRUE(redoubt.says(", 0 wrong")) << redoubt.output();
  EXPECT_FALSE(redoubt.says("done, 0 exceptions")) << "none of the calls was about no memory";
  EXPECT_EQ(warnings(kernel_log()), warned);
  neighbour.expect_as_it_was();
  std::cout << calls << " calls in " << took.count() << " s, neighbour looked at " << looks
            << " times" << std::endl;
}

}  // namespace
}  // namespace redoubt::suite
