// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/loader.h"

#include <exception>
#include <string>

#include <fmt/format.h>

#include "vmm/base/setup_error.h"

namespace redoubt::boot {
namespace {

constexpr uint64_t mebibytes_rounded_up(uint64_t bytes) {
  constexpr uint64_t kMebibyte = uint64_t{1} << 20;
  return bytes / kMebibyte + (bytes % kMebibyte != 0 ? 1 : 0);
}

[[noreturn]] void refuse(const Payload& payload, GuestRange ram, const DoesNotFit& error) {
  const std::string remedy =
      error.minimum_ram
          ? fmt::format("Set memory.size to at least {}MiB.",
                        mebibytes_rounded_up(*error.minimum_ram))
          : "No memory size helps: everything has to lie in the first 3 GiB of memory.";
  if (error.part == PayloadPart::Initrd) {
    payload.initrd->refuse(
        fmt::format("its {} bytes do not fit behind the kernel in {} MiB of guest memory",
                    payload.initrd->size(), ram.size() >> 20),
        remedy);
  }
  const KernelImage& kernel = payload.kernel;
  kernel.contents.refuse(
      fmt::format("needs {} bytes ({} MiB) at offset {:#x} of memory, and the guest has {} MiB",
                  kernel.memory_size(), mebibytes_rounded_up(kernel.memory_size()),
                  kernel.text_offset(), ram.size() >> 20),
      remedy);
}

void load_file(GuestMemory& memory, const PayloadFile& file, GuestAddress address) {
  try {
    memory.load_file(file.fd(), 0, address, file.size());
  } catch (const std::exception&) {
    std::throw_with_nested(file.error("cannot read it into guest memory"));
  }
}

}  // namespace

Payload open_payload(const std::filesystem::path& kernel,
                     const std::optional<std::filesystem::path>& initrd, uint64_t ram_size) {
  Payload payload = {open_kernel(kernel, ram_size), std::nullopt};
  if (initrd) payload.initrd.emplace("initrd", *initrd);
  return payload;
}

Placement place_payload(GuestRange ram, const Payload& payload) {
  const auto placement = place(ram, {.text_offset = payload.kernel.text_offset(),
                                     .kernel = payload.kernel.memory_size(),
                                     .initrd = payload.initrd ? payload.initrd->size() : 0});
  if (!placement) refuse(payload, ram, placement.error());
  return *placement;
}

EntryState load(GuestMemory& memory, const Payload& payload, const Placement& placement,
                std::span<const std::byte> device_tree) {
  load_file(memory, payload.kernel.contents, placement.kernel.start());
  if (payload.initrd) load_file(memory, *payload.initrd, placement.initrd->start());

  const GuestRange room = placement.device_tree;
  if (device_tree.size() > room.size()) {
    throw SetupError(fmt::format("the device tree has {} bytes, and {} is the most it may have",
                                 device_tree.size(), room.size()),
                     ExitStatus::BadPayload);
  }
  if (!memory.write(room.start(), device_tree)) {
    throw SetupError(
        fmt::format("cannot write the device tree to {:#x} in guest memory", room.start().value()),
        ExitStatus::BadPayload);
  }
  return {.pc = placement.kernel.start(), .x0 = room.start()};
}

}  // namespace redoubt::boot
