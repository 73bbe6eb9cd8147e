// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/base/captured_log.h"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

namespace redoubt {

CapturedLog::CapturedLog(const char* pattern) : previous_(spdlog::default_logger()) {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(stream_)));
  spdlog::default_logger()->set_pattern(pattern);
}

CapturedLog::~CapturedLog() { spdlog::set_default_logger(previous_); }

}  // namespace redoubt
