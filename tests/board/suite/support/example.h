// SPDX-License-Identifier: Apache-2.0
//
// A configuration of configs/ as it stands there, in a place where a test may make the files that
// it names.
#pragma once

#include <filesystem>
#include <string>

#include "tests/board/suite/support/scratch_folder.h"

namespace redoubt::suite {

// Lays out configs/ and build/guest/ in the folder as they are in the source tree: the
// configurations copied, the guest linked. Everybody may read them, as virtiofsd has to. Throws
// std::filesystem::filesystem_error.
void place_examples(const ScratchFolder& folder);

// Where place_examples() has put them.
[[nodiscard]] std::string example_config(const ScratchFolder& folder, const std::string& name);
[[nodiscard]] std::string example_guest_file(const ScratchFolder& folder, const std::string& name);

}  // namespace redoubt::suite
