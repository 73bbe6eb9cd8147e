// SPDX-License-Identifier: Apache-2.0
//
// open_console: the console a configuration asks for.
#pragma once

#include <functional>
#include <memory>

#include "devices/console/console_backend.h"
#include "devices/console/console_options.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

// `on_quit` is called on the loop thread when the user of a terminal presses the escape key and x;
// it may not destroy the console. `loop` must outlive the console. Call before any thread exists.
// Throws SetupError or std::system_error.
[[nodiscard]] std::unique_ptr<ConsoleBackend> open_console(const ConsoleOptions& options,
                                                           EventLoop& loop,
                                                           std::function<void()> on_quit);

}  // namespace redoubt
