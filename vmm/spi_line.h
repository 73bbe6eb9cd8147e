// SPDX-License-Identifier: Apache-2.0
//
// SpiLine: a device's level-triggered interrupt as a shared peripheral interrupt of the vGIC.
#pragma once

#include <cstdint>

#include "devices/interrupt.h"
#include "vmm/kvm/vm.h"
#include "vmm/memory_map.h"

namespace redoubt {

class SpiLine final : public LevelInterrupt {
 public:
  // `spi` counts from 0, as in the device tree; the GIC's own id is 32 more.
  SpiLine(kvm::Vm& vm, uint32_t spi) : vm_(vm), intid_(memory_map::kFirstSpiIntid + spi) {}

  void set(Level level) override {
    vm_.set_spi(intid_, level == Level::High ? kvm::LineLevel::High : kvm::LineLevel::Low);
  }

 private:
  kvm::Vm& vm_;
  const uint32_t intid_;
};

}  // namespace redoubt
