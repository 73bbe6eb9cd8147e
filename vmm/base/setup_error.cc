// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/setup_error.h"

#include <cerrno>
#include <exception>
#include <system_error>

namespace redoubt {

void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::string message_chain(const std::exception& error) {
  std::string text = error.what();
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    text += ": " + message_chain(cause);
  }
  return text;
}

std::string remedy_of(const std::exception& error) {
  std::string remedy;
  if (const auto* setup_error = dynamic_cast<const SetupError*>(&error)) {
    remedy = setup_error->remedy();
  }
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    if (std::string inner = remedy_of(cause); !inner.empty()) remedy = std::move(inner);
  }
  return remedy;
}

}  // namespace redoubt
