// SPDX-License-Identifier: Apache-2.0
//
// Starts the distribution's virtiofsd, which serves one folder over vhost-user. Everything about
// paths in the folder is its work: it changes its root to the folder, drops what privileges it can
// and filters its system calls, so that a guest that breaks it is still in the folder.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "devices/vhost_user/vhost_user_front_end.h"
#include "devices/virtio/fs/share_options.h"
#include "vmm/base/child_process.h"

namespace redoubt {

struct Virtiofsd {
  std::unique_ptr<ChildProcess> process;
  std::unique_ptr<VhostUserFrontEnd> front_end;  // which has agreed with it
};

// Finds, starts and greets it. Throws SetupError if the folder or the program is not there, or the
// program does not start with these options (an old one has no --readonly).
[[nodiscard]] Virtiofsd start_virtiofsd(const ShareOptions& options, uint16_t queues);

// "virtiofsd: it exited with status 1", with what it wrote last; or what else is known.
[[nodiscard]] std::string describe_end(const ChildProcess& virtiofsd, VhostUserError error);

}  // namespace redoubt
