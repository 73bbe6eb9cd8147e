// SPDX-License-Identifier: Apache-2.0
//
// Result<T, E>: a value or the reason why there is none, for code that runs while the guest runs
// (exceptions are for set-up only, see setup_error.h). The names are those of std::expected, so a
// later toolchain can replace tl::expected by it.
//
//   Result<uint16_t, MemoryError> index = memory.load_acquire_u16(address);
//   if (!index) return Unexpected(index.error());
//   use(*index);
//
// or, in a function that itself returns a Result with the same error type:
//
//   const uint16_t index = TRY(memory.load_acquire_u16(address));
#pragma once

#include <utility>

#include <tl/expected.hpp>

namespace redoubt {

template <class T, class E>
class [[nodiscard]] Result : public tl::expected<T, E> {
 public:
  using tl::expected<T, E>::expected;
};

template <class E>
[[nodiscard]] constexpr tl::unexpected<std::decay_t<E>> Unexpected(E&& error) {
  return tl::unexpected<std::decay_t<E>>(std::forward<E>(error));
}

namespace detail {
template <class T, class E>
T take_value(tl::expected<T, E>& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace detail

}  // namespace redoubt

// Evaluates to the value of a Result, or returns its error from the enclosing function.
// A statement expression, so that it can stand on the right of an initialisation.
#define TRY(expression)                                                  \
  __extension__({                                                        \
    auto try_result_ = (expression);                                     \
    if (!try_result_) return ::redoubt::Unexpected(try_result_.error()); \
    ::redoubt::detail::take_value(try_result_);                          \
  })
