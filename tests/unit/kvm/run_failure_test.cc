// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/run_failure.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "vmm/kvm/uapi.h"

namespace redoubt::kvm {
namespace {

struct Case {
  int error;
  ExitStatus status;
  const char* name;
};

class ProtectedRunFailure : public testing::TestWithParam<Case> {};

TEST_P(ProtectedRunFailure, has_its_own_status_name_meaning_and_remedy) {
  RunFailure failure;
  failure.error = GetParam().error;

  const Explanation explanation = explain(failure, Protection::Protected);

  EXPECT_EQ(explanation.status, GetParam().status);
  EXPECT_EQ(explanation.name, GetParam().name);
  EXPECT_FALSE(explanation.meaning.empty());
  EXPECT_FALSE(explanation.remedy.empty());
}

INSTANTIATE_TEST_SUITE_P(
    EveryErrno, ProtectedRunFailure,
    testing::Values(Case{ENOMEM, ExitStatus::MemoryExhausted, "locked-memory-exhausted"},
                    Case{EFAULT, ExitStatus::GuestPoisoned, "guest-memory-poisoned"},
                    Case{EIO, ExitStatus::BadBacking, "memory-not-swap-backed"},
                    Case{EPERM, ExitStatus::PageNotDonatable, "page-not-donatable"},
                    Case{EHWPOISON, ExitStatus::HardwareError, "hardware-memory-error"},
                    Case{EINVAL, ExitStatus::VcpuFailed, "vcpu-failed"},
                    Case{ENOEXEC, ExitStatus::VcpuFailed, "vcpu-failed"}),
    [](const auto& parameter) { return "errno_" + std::to_string(parameter.param.error); });

class ProtectedMemoryFault : public testing::TestWithParam<Case> {};

TEST_P(ProtectedMemoryFault, has_its_own_status_name_and_remedy_and_names_the_page) {
  RunFailure failure;
  failure.error = GetParam().error;
  failure.exit_reason = KVM_EXIT_MEMORY_FAULT;
  failure.ipa = 0x4000'3000;

  const Explanation explanation = explain(failure, Protection::Protected);

  EXPECT_EQ(explanation.status, GetParam().status);
  EXPECT_EQ(explanation.name, GetParam().name);
  EXPECT_NE(explanation.meaning.find("0x40003000"), std::string::npos) << explanation.meaning;
  EXPECT_FALSE(explanation.remedy.empty());
}

INSTANTIATE_TEST_SUITE_P(
    EveryErrno, ProtectedMemoryFault,
    testing::Values(Case{ENOMEM, ExitStatus::MemoryExhausted, "locked-memory-exhausted"},
                    Case{EFAULT, ExitStatus::PageNotDonatable, "page-not-donatable"},
                    Case{EHWPOISON, ExitStatus::GuestPoisoned, "guest-memory-poisoned"}),
    [](const auto& parameter) { return "errno_" + std::to_string(parameter.param.error); });

TEST(RunFailure, page_of_an_unprotected_guest_is_named_too) {
  RunFailure failure;
  failure.error = EFAULT;
  failure.exit_reason = KVM_EXIT_MEMORY_FAULT;
  failure.ipa = 0x4000'3000;

  const Explanation explanation = explain(failure, Protection::Unprotected);

  EXPECT_EQ(explanation.status, ExitStatus::VcpuFailed);
  EXPECT_NE(explanation.meaning.find("0x40003000"), std::string::npos) << explanation.meaning;
}

TEST(RunFailure, fail_entry_is_told_apart_from_other_exits) {
  RunFailure failure;
  failure.error = EINVAL;
  failure.exit_reason = KVM_EXIT_FAIL_ENTRY;

  EXPECT_EQ(explain(failure, Protection::Protected).name, "vcpu-fail-entry");
}

TEST(RunFailure, unprotected_guest_is_not_told_of_donation) {
  RunFailure failure;
  failure.error = EFAULT;

  EXPECT_EQ(explain(failure, Protection::Unprotected).status, ExitStatus::VcpuFailed);
}

TEST(RunFailure, unhandled_exit_is_named_with_its_code) {
  RunFailure failure;
  failure.exit_reason = KVM_EXIT_INTERNAL_ERROR;
  failure.detail = 0x17;

  const Explanation explanation = explain(failure, Protection::Protected);

  EXPECT_EQ(explanation.status, ExitStatus::VcpuFailed);
  EXPECT_NE(explanation.meaning.find("KVM_EXIT_INTERNAL_ERROR"), std::string::npos);
  EXPECT_NE(explanation.meaning.find("0x17"), std::string::npos);
}

}  // namespace
}  // namespace redoubt::kvm
