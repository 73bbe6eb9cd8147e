// SPDX-License-Identifier: Apache-2.0
//
// CapturedLog: what is logged as long as it lives, one message a line. Not to be read while another
// thread may log.
#pragma once

#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

namespace redoubt {

class CapturedLog {
 public:
  CapturedLog() : previous_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(stream_)));
    spdlog::default_logger()->set_pattern("%v");
  }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;
  ~CapturedLog() { spdlog::set_default_logger(previous_); }

  [[nodiscard]] std::string text() const { return stream_.str(); }
  [[nodiscard]] bool has(std::string_view part) const {
    return text().find(part) != std::string::npos;
  }

 private:
  std::ostringstream stream_;
  std::shared_ptr<spdlog::logger> previous_;
};

}  // namespace redoubt
