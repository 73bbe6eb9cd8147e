// SPDX-License-Identifier: Apache-2.0
//
// LevelInterrupt: a device's interrupt line, as far as a device can see it.
#pragma once

namespace redoubt {

class LevelInterrupt {
 public:
  enum class Level { Low, High };

  virtual ~LevelInterrupt() = default;

  // Called under the device's mutex, on a vCPU thread or the loop thread. A device calls it when
  // the level changes; calling it again with the same level is harmless.
  virtual void set(Level level) = 0;
};

}  // namespace redoubt
