// SPDX-License-Identifier: Apache-2.0
//
// CapturedLog: what is logged as long as it lives, one message a line, by default without its
// level. Not to be read while another thread may log.
#pragma once

#include <memory>
#include <sstream>
#include <string>
#include <string_view>

// Its header would be most of what the compiler has to do for a test.
namespace spdlog {
class logger;
}

namespace redoubt {

class CapturedLog {
 public:
  // `pattern` is spdlog's.
  explicit CapturedLog(const char* pattern = "%v");
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;
  ~CapturedLog();

  [[nodiscard]] std::string text() const { return stream_.str(); }
  [[nodiscard]] bool has(std::string_view part) const {
    return text().find(part) != std::string::npos;
  }

 private:
  std::ostringstream stream_;
  std::shared_ptr<spdlog::logger> previous_;
};

}  // namespace redoubt
