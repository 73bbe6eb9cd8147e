// SPDX-License-Identifier: Apache-2.0
//
// The machine itself: what every guest has.
#include <array>

#include "vmm/config/console_keys.h"
#include "vmm/config/key_access.h"
#include "vmm/config/key_tables.h"

namespace redoubt::config {

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

constexpr std::array kHugepages = {
    Choice("auto", Hugepages::Auto,
           "ask for them where the kernel gives them to a protected guest whole, and leave it to "
           "the host's setting elsewhere"),
    Choice("always", Hugepages::Always, "ask for them"),
    Choice("never", Hugepages::Never, "refuse them"),
};

constexpr std::array kOnReset = {
    Choice("restart", OnReset::Restart, "start the guest again, in new memory"),
    Choice("exit", OnReset::Exit, "end with exit code 32"),
};

std::vector<ConfigKey> top_keys() {
  return {
      bound<&VmConfig::name>({
          .name = "name",
          .type = KeyType::Text,
          .title = "Name of the guest",
          .description = "The guest's name in messages.",
          .example = "hello",
          .minimum = 1,
          .maximum = 255,
          .default_note = "the file's name without its extension",
      }),
      bound<&VmConfig::protection>({
          .name = "protected",
          .type = KeyType::Boolean,
          .title = "Keep memory from the host",
          .description = "Whether the host is kept from reading and writing the guest's memory. A "
                         "protected guest needs a host that runs KVM in protected mode "
                         "(kvm-arm.mode=protected); an unprotected one runs on any arm64 host.",
          .example = "true",
      }),
      bound<&VmConfig::vcpus>({
          .name = "cpus",
          .type = KeyType::Integer,
          .title = "Number of vCPUs",
          .description = "How many vCPUs the guest has. Each is a thread of the host.",
          .example = "2",
          .minimum = 1,
          .maximum = 64,
      }),
      bound<&VmConfig::on_reset>({
          .name = "on_reset",
          .type = KeyType::Choice,
          .title = "What a reset does",
          .description = "What happens when the guest resets itself (PSCI SYSTEM_RESET).",
          .example = "restart",
          .choices = kOnReset,
      }),
      bound<&VmConfig::rng>({
          .name = "rng",
          .type = KeyType::Boolean,
          .title = "Entropy device",
          .description = "Whether the guest has a virtio entropy device, fed by the host's "
                         "getrandom. It keeps a guest from waiting at boot; it keeps no secret "
                         "from the host, which knows every byte that it gave.",
          .example = "true",
      }),
  };
}

std::vector<ConfigKey> memory_keys() {
  return {
      bound<&VmConfig::memory, &MemoryOptions::size>({
          .name = "size",
          .type = KeyType::Size,
          .title = "Size of RAM",
          .description = "How much RAM the guest has, from 32MiB to what the host can spare. Pages "
                         "of a protected guest are locked when it first touches them: the "
                         "locked-memory limit (ulimit -l) must allow for all of them.",
          .example = "512MiB",
          .minimum = 32 * kMiB,
          .maximum = kGuestAddressEnd - kRamStart,
          .multiple_of = kMiB,
      }),
      bound<&VmConfig::memory, &MemoryOptions::hugepages>({
          .name = "hugepages",
          .type = KeyType::Choice,
          .title = "Transparent hugepages",
          .description = "Whether RAM is backed by transparent hugepages: the guest starts faster, "
                         "the host gives memory in larger pieces.",
          .example = "auto",
          .choices = kHugepages,
      }),
      bound<&VmConfig::memory, &MemoryOptions::prefault>({
          .name = "prefault",
          .type = KeyType::Boolean,
          .title = "Give all memory before the start",
          .description = "Whether the guest is given all of its memory, the DMA window too, before "
                         "it runs, instead of page by page as it touches it: a host that cannot "
                         "spare the memory then says so at the start. Needs a host kernel with "
                         "KVM_PRE_FAULT_MEMORY for guests of this kind; Linux 7.2 has it for "
                         "protected ones if it is patched, and refuses otherwise.",
          .example = "true",
      }),
      bound<&VmConfig::memory, &MemoryOptions::dma_window>({
          .name = "dma_window",
          .type = KeyType::Size,
          .title = "Size of the DMA window",
          .description = "Memory through which a protected guest and its devices exchange data, "
                         "above RAM and besides it; the host can read it. auto: as much as the "
                         "configured virtio devices need, which is none where there are none. An "
                         "unprotected guest needs no window.",
          .example = "64MiB",
          .allows_auto = true,
          .minimum = kMiB,
          .maximum = kGuestAddressEnd - kRamStart,
          .multiple_of = kMiB,
      }),
  };
}

std::vector<ConfigKey> boot_keys() {
  return {
      bound<&VmConfig::boot, &BootOptions::kernel>({
          .name = "kernel",
          .type = KeyType::Path,
          .title = "Kernel file",
          .description = "An arm64 Linux kernel (Image, Image.gz, Image.zst or an EFI zboot image) "
                         "or a flat binary, which is entered at its first byte. A relative path "
                         "starts from the folder of this file.",
          .example = "../build/guest/Image",
          .required = true,
      }),
      bound<&VmConfig::boot, &BootOptions::initrd>({
          .name = "initrd",
          .type = KeyType::Path,
          .title = "Initial RAM disk file",
          .description = "An initrd or initramfs for the kernel. A relative path starts from the "
                         "folder of this file.",
          .example = "../build/guest/initramfs.cpio.gz",
          .default_note = "none",
      }),
      bound<&VmConfig::boot, &BootOptions::cmdline>({
          .name = "cmdline",
          .type = KeyType::Text,
          .title = "Kernel command line",
          .description = "What the kernel is told, at most 2047 bytes. console=ttyAMA0 makes Linux "
                         "use the serial console, console=hvc0 the first tty of ports.",
          .example = "console=ttyAMA0",
          .maximum = 2047,
          .default_note = "empty",
      }),
  };
}

std::vector<ConfigKey> console_keys() {
  return {
      bound<&VmConfig::console, &ConsoleOptions::kind>({
          .name = "type",
          .type = KeyType::Choice,
          .title = "Kind of console",
          .description = "What the guest's serial console is connected to.",
          .example = "stdio",
          .choices = kConsoleKinds,
      }),
      bound<&VmConfig::console, &ConsoleOptions::path>(console_path("console.log")),
  };
}

}  // namespace

std::vector<ConfigSection> machine_sections() {
  return {
      map_section({
          .name = "",
          .shape = Shape::Map,
          .title = "Redoubt guest",
          .description = "A virtual machine for `redoubt run`.",
          .keys = top_keys(),
      }),
      map_section({
          .name = "memory",
          .shape = Shape::Map,
          .title = "Memory",
          .description = "The guest's memory.",
          .keys = memory_keys(),
      }),
      map_section({
          .name = "boot",
          .shape = Shape::Map,
          .title = "Boot",
          .description = "What the guest starts with.",
          .keys = boot_keys(),
      }),
      map_section({
          .name = "console",
          .shape = Shape::Map,
          .title = "Serial console",
          .description = "Where the guest's serial console (PL011, ttyAMA0 in Linux) leads.",
          .keys = console_keys(),
      }),
  };
}

}  // namespace redoubt::config
