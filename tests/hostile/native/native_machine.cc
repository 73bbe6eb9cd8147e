// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/native/native_machine.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "devices/virtio/block/block.h"
#include "devices/virtio/console/virtio_console.h"
#include "devices/virtio/net/net.h"
#include "devices/virtio/rng/virtio_rng.h"
#include "devices/virtio/vsock/unix_vsock.h"
#include "tests/hostile/native/loopback_network.h"
#include "tests/hostile/vsock_header.h"
#include "vmm/memory_map.h"

namespace redoubt::hostile {

namespace {

// The arena and a little more on both sides. What of it stands for RAM and what for the window is
// the options' choice: the guest needs a mapping of its own of the arena, and the memory of a
// window alone can be mapped twice.
constexpr uint64_t kBefore = 0x1'0000;
constexpr uint64_t kWindowSize = 0x10'0000;

GuestRange memory_of(const NativeMachine::Options& options) {
  return {GuestAddress(options.arena - kBefore), kBefore + kWindowSize};
}

constexpr uint64_t kDiskSize = uint64_t{1} << 20;

// Reads nothing, writes nowhere.
class NoConsole final : public ConsoleBackend {
 public:
  void write(std::span<const std::byte>) noexcept override {}
  void connect(Sink) override {}
  void input_wanted() noexcept override {}
  void flush() override {}
};

std::filesystem::path make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "hostile-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return name;
}

std::vector<MemoryRegion> regions(const NativeMachine::Options& options) {
  return {{memory_of(options), DmaWindow{}}};
}

std::optional<GuestRange> window(const NativeMachine::Options& options) {
  if (!options.is_protected) return std::nullopt;
  return GuestRange(GuestAddress(kWindowArena), kWindowSize);
}

Protection protection(const NativeMachine::Options& options) {
  return options.is_protected ? Protection::Protected : Protection::Unprotected;
}

GuestPages::Sharing sharing(const NativeMachine::Options& options) {
  return options.is_protected ? GuestPages::Sharing::Called : GuestPages::Sharing::Never;
}

}  // namespace

NativeMachine::NativeMachine(const Options& options)
    : options_(options),
      folder_(make_folder()),
      memory_(regions(options)),
      dma_(memory_, window(options)),
      pages_(memory_, options.arena, sharing(options)),
      guest_(bus_, pages_, [this](bool in_vain) { between(in_vain); }) {
  for (unsigned number = 0; number < kDevices; ++number) {
    if ((options.devices >> number & 1) == 0) continue;
    Slot slot{make(number), nullptr};
    const GuestRange range = memory_map::virtio_mmio(number);
    slot.transport = std::make_unique<VirtioMmioTransport>(
        range, memory_map::virtio_mmio_spi(number), *slot.device, dma_, loop_, protection(options));
    bus_.add(range, *slot.transport);
    slots_.push_back(std::move(slot));
  }
  bus_.seal();
}

NativeMachine::~NativeMachine() {
  // Transports end before their devices, and these before the console.
  for (Slot& slot : slots_) slot.transport.reset();
  slots_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void NativeMachine::run(std::span<const evil_instruction> program,
                        const Interpreter::Limits& limits) {
  if (options_.loop == Options::Loop::Stepped) return guest_.run(program, limits);
  std::thread vcpu([&] {
    guest_.run(program, limits);
    loop_.stop();
  });
  loop_.run();
  vcpu.join();
}

std::unique_ptr<VirtioDevice> NativeMachine::make(unsigned device) {
  switch (device) {
    case kDisk: {
      const std::filesystem::path image = folder_ / "disk";
      std::ofstream(image).close();
      std::filesystem::resize_file(image, kDiskSize);
      BlockOptions options;
      options.path = image;
      options.serial = "hostile";
      return std::make_unique<Block>(options, loop_);
    }
    case kNetwork: {
      NetOptions options;
      options.name = "lan";
      return std::make_unique<Net>("hostile", options, std::make_unique<LoopbackNetwork>(), loop_);
    }
    case kConsole: {
      for (auto& port : console_) port = std::make_unique<NoConsole>();
      const std::array ports{ConsolePort{"hostile", true, *console_[0]},
                             ConsolePort{"stream", false, *console_[1]}};
      return std::make_unique<VirtioConsole>(loop_, ports);
    }
    case kVsock: {
      VsockOptions options;
      options.kind = VsockKind::Unix;
      options.cid = kGuestCid;
      options.path = folder_ / "vsock";
      return std::make_unique<UnixVsock>(loop_, options);
    }
    default: return std::make_unique<VirtioRng>(loop_);
  }
}

void NativeMachine::between(bool in_vain) {
  if (options_.loop == Options::Loop::Stepped) {
    // What is ready by now, and what that makes ready.
    loop_.post([this] { loop_.post([this] { loop_.stop(); }); });
    loop_.run();
  }
  if (!in_vain) {
    looks_in_vain_ = 0;
    return;
  }
  // The host's storage, and timers of devices, take their time.
  constexpr uint32_t kAtOnce = 100;
  if (++looks_in_vain_ <= kAtOnce) return std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::microseconds(50));
}

}  // namespace redoubt::hostile
