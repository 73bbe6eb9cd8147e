// SPDX-License-Identifier: Apache-2.0
//
// Which sanitizer is built in: gcc says so by macros, clang by features.
#pragma once

namespace redoubt {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitized = true;
#elif defined(__has_feature)
constexpr bool kAddressSanitized = __has_feature(address_sanitizer);
#else
constexpr bool kAddressSanitized = false;
#endif

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitized = true;
#elif defined(__has_feature)
constexpr bool kThreadSanitized = __has_feature(thread_sanitizer);
#else
constexpr bool kThreadSanitized = false;
#endif

constexpr bool kSanitized = kAddressSanitized || kThreadSanitized;

}  // namespace redoubt
