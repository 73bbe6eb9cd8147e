// SPDX-License-Identifier: Apache-2.0
#include "vmm/vcpu_gate.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace redoubt {
namespace {

using Verdict = VcpuGate::Verdict;

TEST(VcpuGate, open_gate_lets_a_thread_pass) {
  VcpuGate gate(1);

  EXPECT_EQ(gate.pass(), Verdict::Run);
}

TEST(VcpuGate, stopped_gate_ends_whoever_comes) {
  VcpuGate gate(1);
  gate.stop();

  EXPECT_EQ(gate.pass(), Verdict::Stop);
  EXPECT_EQ(gate.wait_for_memory(), Verdict::Stop);
  EXPECT_EQ(gate.wait_for_stop(), Verdict::Stop);
}

TEST(VcpuGate, closing_returns_only_when_every_thread_waits) {
  constexpr size_t kThreads = 4;
  constexpr int kRounds = 200;
  VcpuGate gate(kThreads);
  std::atomic<int> running = 0;
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      while (gate.pass() == Verdict::Run) {
        ++running;
        --running;
      }
    });
  }

  for (int round = 0; round < kRounds; ++round) {
    gate.close();
    gate.wait_closed();
    EXPECT_EQ(running, 0);
    gate.open();
  }
  gate.stop();
}

TEST(VcpuGate, thread_short_of_memory_waits_for_a_retry) {
  VcpuGate gate(1);
  Verdict verdict = Verdict::Stop;
  std::jthread thread([&] { verdict = gate.wait_for_memory(); });
  gate.wait_closed();

  gate.retry_memory();
  thread.join();

  EXPECT_EQ(verdict, Verdict::Run);
}

TEST(VcpuGate, retry_does_not_open_a_closed_gate) {
  VcpuGate gate(1);
  std::atomic<bool> passed = false;
  std::jthread thread([&] { passed = gate.wait_for_memory() == Verdict::Run; });
  gate.wait_closed();
  gate.close();
  gate.retry_memory();
  gate.wait_closed();
  EXPECT_FALSE(passed);

  gate.open();
  thread.join();

  EXPECT_TRUE(passed);
}

TEST(VcpuGate, ended_thread_counts_as_waiting) {
  VcpuGate gate(1);
  Verdict verdict = Verdict::Run;
  std::jthread thread([&] { verdict = gate.wait_for_stop(); });

  gate.close();
  gate.wait_closed();
  gate.open();
  gate.stop();
  thread.join();

  EXPECT_EQ(verdict, Verdict::Stop);
}

}  // namespace
}  // namespace redoubt
