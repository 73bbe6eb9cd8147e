// SPDX-License-Identifier: Apache-2.0
//
// Whether ASan or TSan, which keep memory of their own, is built in: gcc says so by macros, clang
// by features.
#pragma once

namespace redoubt {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

}  // namespace redoubt
