// SPDX-License-Identifier: Apache-2.0
#include "vmm/vcpu_threads.h"

#include <string>

#include <pthread.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

// Interrupts KVM_RUN. Its handler does nothing: the point is the EINTR, hence no SA_RESTART.
int kick_signal() { return SIGRTMIN; }

void install_kick_handler() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  if (::sigaction(kick_signal(), &action, nullptr) != 0) throw_errno("sigaction");
}

}  // namespace

VcpuThreads::VcpuThreads(std::span<kvm::Vcpu> vcpus, MmioBus& bus, VcpuEvents& events)
    : vcpus_(vcpus), bus_(bus), events_(events), gate_(vcpus.size()) {
  install_kick_handler();
  threads_.reserve(vcpus_.size());
  // Closed while threads are missing: a failure here leaves no vCPU that has run.
  gate_.close();
  try {
    for (kvm::Vcpu& vcpu : vcpus_) {
      threads_.emplace_back([this, &vcpu] { run_vcpu(vcpu); });
      const std::string name = "vcpu" + std::to_string(threads_.size() - 1);
      ::pthread_setname_np(threads_.back().native_handle(), name.c_str());
    }
  } catch (...) {
    gate_.stop();
    throw;
  }
  gate_.open();
}

VcpuThreads::~VcpuThreads() {
  gate_.stop();
  kick_all();
}

void VcpuThreads::kick_all() {
  for (kvm::Vcpu& vcpu : vcpus_) vcpu.request_exit();
  for (std::jthread& thread : threads_) ::pthread_kill(thread.native_handle(), kick_signal());
}

void VcpuThreads::pause() {
  gate_.close();
  kick_all();
  gate_.wait_closed();
}

void VcpuThreads::resume() { gate_.open(); }

void VcpuThreads::retry_memory() { gate_.retry_memory(); }

void VcpuThreads::run_vcpu(kvm::Vcpu& vcpu) noexcept {
  VcpuGate::Verdict verdict = gate_.pass();
  while (verdict == VcpuGate::Verdict::Run) verdict = serve(vcpu, vcpu.run());
}

VcpuGate::Verdict VcpuThreads::serve(kvm::Vcpu& vcpu, const kvm::Exit& exit) {
  using Verdict = VcpuGate::Verdict;
  return std::visit(Overloaded{
                        [&](const kvm::MmioRead& access) {
                          bus_.read(GuestAddress(access.ipa), access.data);
                          return Verdict::Run;
                        },
                        [&](const kvm::MmioWrite& access) {
                          bus_.write(GuestAddress(access.ipa), access.data);
                          return Verdict::Run;
                        },
                        [&](const kvm::Interrupted&) {
                          vcpu.clear_exit_request();
                          return gate_.pass();
                        },
                        [&](const kvm::RunFailure& failure) {
                          const bool out_of_memory = failure.error == ENOMEM;
                          events_.report(failure);
                          return out_of_memory ? gate_.wait_for_memory() : gate_.wait_for_stop();
                        },
                        [&](const auto& end) {
                          events_.report(end);
                          return gate_.wait_for_stop();
                        },
                    },
                    exit);
}

}  // namespace redoubt
