// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/config_keys.h"

#include <algorithm>
#include <array>
#include <filesystem>

namespace redoubt::config {

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

constexpr std::array kHugepages = {
    Choice("auto", Hugepages::Auto, "as the host has it set"),
    Choice("always", Hugepages::Always, "ask for them"),
    Choice("never", Hugepages::Never, "refuse them"),
};

constexpr std::array kConsoleKinds = {
    Choice("stdio", ConsoleKind::Stdio, "this terminal, or whatever stdin and stdout are"),
    Choice("pty", ConsoleKind::Pty, "a new pseudoterminal; its name is printed at start"),
    Choice("file", ConsoleKind::File, "output goes to the file console.path; there is no input"),
    Choice("socket", ConsoleKind::Socket,
           "a unix socket at console.path, for one client at a time"),
    Choice("none", ConsoleKind::None, "output is thrown away; there is no input"),
};

constexpr std::array kOnReset = {
    Choice("restart", OnReset::Restart, "start the guest again, in new memory"),
    Choice("exit", OnReset::Exit, "end with exit code 32"),
};

constexpr std::array kSections = {
    ConfigSection{"memory", "The guest's memory."},
    ConfigSection{"boot", "What the guest starts with."},
    ConfigSection{"console", "Where the guest's serial console (PL011, ttyAMA0 in Linux) leads."},
};

ConfigValue path_value(const std::filesystem::path& path) {
  return path.empty() ? ConfigValue() : ConfigValue(path.string());
}

std::string as_string(const ConfigValue& value) { return std::get<std::string>(value); }
uint64_t as_number(const ConfigValue& value) { return std::get<uint64_t>(value); }

template <class Enumerator>
Enumerator as_choice(const ConfigValue& value) {
  return static_cast<Enumerator>(as_number(value));
}

const std::array kKeys = {
    ConfigKey{
        .path = "name",
        .type = KeyType::Text,
        .title = "Name of the guest",
        .description = "The guest's name in messages.",
        .example = "hello",
        .minimum = 1,
        .maximum = 255,
        .default_note = "the file's name without its extension",
        .get = [](const VmConfig& vm) { return ConfigValue(vm.name); },
        .set = [](VmConfig& vm, const ConfigValue& value) { vm.name = as_string(value); },
    },
    ConfigKey{
        .path = "protected",
        .type = KeyType::Boolean,
        .title = "Keep memory from the host",
        .description = "Whether the host is kept from reading and writing the guest's memory. A "
                       "protected guest needs a host that runs KVM in protected mode "
                       "(kvm-arm.mode=protected); an unprotected one runs on any arm64 host.",
        .example = "true",
        .get =
            [](const VmConfig& vm) { return ConfigValue(vm.protection == Protection::Protected); },
        .set =
            [](VmConfig& vm, const ConfigValue& value) {
              vm.protection =
                  std::get<bool>(value) ? Protection::Protected : Protection::Unprotected;
            },
    },
    ConfigKey{
        .path = "cpus",
        .type = KeyType::Integer,
        .title = "Number of vCPUs",
        .description = "How many vCPUs the guest has. Each is a thread of the host.",
        .example = "2",
        .minimum = 1,
        .maximum = 64,
        .get = [](const VmConfig& vm) { return ConfigValue(uint64_t{vm.vcpus}); },
        .set = [](VmConfig& vm,
                  const ConfigValue& value) { vm.vcpus = static_cast<uint32_t>(as_number(value)); },
    },
    ConfigKey{
        .path = "memory.size",
        .type = KeyType::Size,
        .title = "Size of RAM",
        .description = "How much RAM the guest has, from 32MiB to what the host can spare. Pages "
                       "of a protected guest are locked when it first touches them: the "
                       "locked-memory limit (ulimit -l) must allow for all of them.",
        .example = "512MiB",
        .minimum = 32 * kMiB,
        .maximum = kGuestAddressEnd - kRamStart,
        .multiple_of = kMiB,
        .get = [](const VmConfig& vm) { return ConfigValue(vm.memory.size); },
        .set = [](VmConfig& vm, const ConfigValue& value) { vm.memory.size = as_number(value); },
    },
    ConfigKey{
        .path = "memory.hugepages",
        .type = KeyType::Choice,
        .title = "Transparent hugepages",
        .description = "Whether RAM is backed by transparent hugepages: the guest starts faster, "
                       "the host gives memory in larger pieces.",
        .example = "auto",
        .choices = kHugepages,
        .get =
            [](const VmConfig& vm) {
              return ConfigValue(static_cast<uint64_t>(vm.memory.hugepages));
            },
        .set = [](VmConfig& vm,
                  const ConfigValue& value) { vm.memory.hugepages = as_choice<Hugepages>(value); },
    },
    ConfigKey{
        .path = "memory.dma_window",
        .type = KeyType::Size,
        .title = "Size of the DMA window",
        .description = "Memory through which a protected guest and its devices exchange data, "
                       "above RAM and besides it; the host can read it. auto: as much as the "
                       "configured devices need, which is none for the console.",
        .example = "8MiB",
        .allows_auto = true,
        .minimum = kMiB,
        .maximum = kGuestAddressEnd - kRamStart,
        .multiple_of = kMiB,
        .get =
            [](const VmConfig& vm) {
              return vm.memory.dma_window ? ConfigValue(*vm.memory.dma_window) : ConfigValue();
            },
        .set =
            [](VmConfig& vm, const ConfigValue& value) {
              vm.memory.dma_window.reset();
              if (const auto* size = std::get_if<uint64_t>(&value)) vm.memory.dma_window = *size;
            },
    },
    ConfigKey{
        .path = "boot.kernel",
        .type = KeyType::Path,
        .title = "Kernel file",
        .description = "An arm64 Linux kernel (Image, Image.gz, Image.zst or an EFI zboot image) "
                       "or a flat binary, which is entered at its first byte. A relative path "
                       "starts from the folder of this file.",
        .example = "../build/guest/Image",
        .required = true,
        .get = [](const VmConfig& vm) { return path_value(vm.boot.kernel); },
        .set = [](VmConfig& vm, const ConfigValue& value) { vm.boot.kernel = as_string(value); },
    },
    ConfigKey{
        .path = "boot.initrd",
        .type = KeyType::Path,
        .title = "Initial RAM disk file",
        .description = "An initrd or initramfs for the kernel. A relative path starts from the "
                       "folder of this file.",
        .example = "../build/guest/initramfs.cpio.gz",
        .default_note = "none",
        .get = [](const VmConfig& vm) { return path_value(vm.boot.initrd.value_or("")); },
        .set = [](VmConfig& vm, const ConfigValue& value) { vm.boot.initrd = as_string(value); },
    },
    ConfigKey{
        .path = "boot.cmdline",
        .type = KeyType::Text,
        .title = "Kernel command line",
        .description = "What the kernel is told, at most 2047 bytes. console=ttyAMA0 makes Linux "
                       "use the console.",
        .example = "console=ttyAMA0",
        .maximum = 2047,
        .default_note = "empty",
        .get = [](const VmConfig& vm) { return ConfigValue(vm.boot.cmdline); },
        .set = [](VmConfig& vm, const ConfigValue& value) { vm.boot.cmdline = as_string(value); },
    },
    ConfigKey{
        .path = "console.type",
        .type = KeyType::Choice,
        .title = "Kind of console",
        .description = "What the guest's serial console is connected to.",
        .example = "stdio",
        .choices = kConsoleKinds,
        .get =
            [](const VmConfig& vm) { return ConfigValue(static_cast<uint64_t>(vm.console.kind)); },
        .set = [](VmConfig& vm,
                  const ConfigValue& value) { vm.console.kind = as_choice<ConsoleKind>(value); },
    },
    ConfigKey{
        .path = "console.path",
        .type = KeyType::Path,
        .title = "File or socket of the console",
        .description = "The file to write to or the socket to listen on; console.type file and "
                       "socket need it. For pty, a symbolic link to make to the pseudoterminal; "
                       "stdio and none take no path. A relative path starts from the folder of "
                       "this file.",
        .example = "console.log",
        .default_note = "none",
        .get = [](const VmConfig& vm) { return path_value(vm.console.path); },
        .set = [](VmConfig& vm, const ConfigValue& value) { vm.console.path = as_string(value); },
    },
    ConfigKey{
        .path = "on_reset",
        .type = KeyType::Choice,
        .title = "What a reset does",
        .description = "What happens when the guest resets itself (PSCI SYSTEM_RESET).",
        .example = "restart",
        .choices = kOnReset,
        .get = [](const VmConfig& vm) { return ConfigValue(static_cast<uint64_t>(vm.on_reset)); },
        .set = [](VmConfig& vm,
                  const ConfigValue& value) { vm.on_reset = as_choice<OnReset>(value); },
    },
};

}  // namespace

std::string_view ConfigKey::section() const {
  const size_t dot = path.find('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

std::string_view ConfigKey::leaf() const {
  // npos + 1 is 0.
  return path.substr(path.find('.') + 1);
}

std::span<const ConfigKey> config_keys() { return kKeys; }
std::span<const ConfigSection> config_sections() { return kSections; }

const ConfigKey* find_key(std::string_view path) {
  const auto found = std::find_if(kKeys.begin(), kKeys.end(),
                                  [path](const ConfigKey& key) { return key.path == path; });
  return found == kKeys.end() ? nullptr : &*found;
}

const ConfigSection* find_section(std::string_view name) {
  const auto found =
      std::find_if(kSections.begin(), kSections.end(),
                   [name](const ConfigSection& section) { return section.name == name; });
  return found == kSections.end() ? nullptr : &*found;
}

}  // namespace redoubt::config
