// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/fault_path.h"

#include <cstring>
#include <ostream>

#include "tests/board/suite/support/backing.h"

namespace redoubt::suite {
namespace {

std::vector<std::string> with(std::vector<std::string> functions,
                              const std::vector<std::string>& more) {
  functions.insert(functions.end(), more.begin(), more.end());
  return functions;
}

std::string result(int returned) {
  const char* name = returned < 0 ? ::strerrorname_np(-returned) : nullptr;
  return name != nullptr ? name : std::to_string(returned);
}

// Empty for what is no step of the handler.
std::string step(const Probe::Call& call) {
  const std::string pages = std::to_string(call.arguments[1]);
  if (call.function == "topup_hyp_memcache") return "top up " + result(call.returned);
  if (call.function == "account_locked_vm") {
    if (call.arguments[1] == 0) return "";
    const bool more = (call.arguments[2] & 1) != 0;
    return more ? "charge " + pages + " " + result(call.returned) : "uncharge " + pages;
  }
  if (call.function == "pin_user_pages_fast") return "pin more " + result(call.returned);
  if (call.function.starts_with("pin_user_pages")) return "pin " + result(call.returned);
  if (call.function == kDonate) {
    return "donate " + std::to_string(call.arguments[2] / page_size()) + " " +
           result(call.returned);
  }
  if (call.function == "pkvm_check_poison_fault") return "ask why " + result(call.returned);
  if (call.function == "send_sig_mceerr") return "signal";
  return "";
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Donation& donation) {
  return out << donation.pages << " pages at 0x" << std::hex << donation.ipa << std::dec << ": "
             << result(donation.returned);
}

std::vector<Donation> donations_in(const Probe& probe) {
  std::vector<Donation> donations;
  for (const Probe::Call& call : probe.calls()) {
    if (call.function != kDonate) continue;
    donations.push_back({call.arguments[1], call.arguments[2] / page_size(), call.returned});
  }
  return donations;
}

// pin_user_pages() is the stock handler's; the last three are the patched one's.
FaultPath::FaultPath(const std::vector<std::string>& more)
    : probe_(with({"topup_hyp_memcache", "account_locked_vm", kDonate, "send_sig_mceerr",
                   "pin_user_pages"},
                  more),
             {"pin_user_pages_unlocked", "pin_user_pages_fast", "pkvm_check_poison_fault"}) {}

std::string FaultPath::steps() const {
  std::string all;
  for (const Probe::Call& call : probe_.calls()) {
    const std::string text = step(call);
    if (text.empty()) continue;
    if (!all.empty()) all += ", ";
    all += text;
  }
  return all;
}

}  // namespace redoubt::suite
