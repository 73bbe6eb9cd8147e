// SPDX-License-Identifier: Apache-2.0
//
// Whether a VM's memory is out of its host's reach.
#pragma once

namespace redoubt {

enum class Protection { Protected, Unprotected };

}  // namespace redoubt
