// SPDX-License-Identifier: Apache-2.0
//
// ConnectLine: what a client of the unix socket says first, "CONNECT PORT\n", as it comes in. Upper
// or lower case, a decimal port, blanks between and behind them, perhaps a carriage return.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace redoubt {

class ConnectLine {
 public:
  static constexpr size_t kMaxBytes = 32;  // with the newline

  enum class State { Partial, Complete, Bad };

  // Takes bytes up to the end of the line and returns how many those were; what follows is the
  // stream's. For as long as the line is Partial.
  size_t take(std::string_view bytes);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] uint32_t port() const { return port_; }  // of a Complete line

 private:
  void parse();

  State state_ = State::Partial;
  std::string line_;
  uint32_t port_ = 0;
};

}  // namespace redoubt
