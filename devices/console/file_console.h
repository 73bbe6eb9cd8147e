// SPDX-License-Identifier: Apache-2.0
//
// FileConsole: the guest's output into a file; no input.
#pragma once

#include <filesystem>

#include "devices/console/stream_console.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

class FileConsole final : public StreamConsole {
 public:
  // Makes the file, readable by its owner only, or empties the one that is there. Throws
  // SetupError.
  FileConsole(EventLoop& loop, const std::filesystem::path& path);
  ~FileConsole() override;
};

}  // namespace redoubt
