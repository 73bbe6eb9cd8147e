// SPDX-License-Identifier: Apache-2.0
//
// Hostile programs on the command line; see usage().
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/hostile/fuzz_input.h"
#include "tests/hostile/hostile_cases.h"
#include "tests/hostile/native/native_machine.h"
#include "tests/hostile/random_program.h"
#include "vmm/base/log.h"

using namespace redoubt::hostile;

namespace {

// More than a fuzzer makes of anything useful.
constexpr size_t kLongestSeed = 600;

int usage() {
  std::cerr << "usage: hostile list               the named programs\n"
               "       hostile write NAME FILE    one of them, or `random-SEED`, as the initrd of\n"
               "                                  evil-flat.bin\n"
               "       hostile convert INPUT FILE what a fuzzer has found, in the same way\n"
               "       hostile run FILE           runs such a file natively; prints what it tells\n"
               "       hostile try INPUT          runs what a fuzzer has found\n"
               "       hostile seeds FOLDER       the named programs, to begin fuzzing with\n"
               "  `--unprotected` behind list, write and run: for a guest that is not protected\n";
  return EXIT_FAILURE;
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary);
  for (const std::byte byte : bytes) file.put(std::to_integer<char>(byte));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

Program program_of(std::string_view name, bool is_protected) {
  Program program(is_protected ? kWindowArena : kRamArena);
  constexpr std::string_view kRandom = "random-";
  if (name.starts_with(kRandom)) {
    add_random(program, std::stoull(std::string(name.substr(kRandom.size()))), 250);
    expect_all_work(program);
    return program;
  }
  for (const HostileCase& one : hostile_cases(is_protected)) {
    if (one.name != name) continue;
    one.build(program);
    return program;
  }
  throw std::runtime_error("no program is called " + std::string(name));
}

void run(const NativeMachine::Options& options, std::span<const evil_instruction> program) {
  NativeMachine machine(options);
  machine.run(program);
  const auto& told = machine.guest().told();
  size_t next = 0;
  const auto tell_up_to = [&](size_t end) {
    for (; next < end; ++next) std::cout << "tell: " << told[next] << "\n";
  };
  for (const Interpreter::Said& said : machine.guest().said()) {
    tell_up_to(said.told);
    std::cout << "evil: " << said.number << "\n";
  }
  tell_up_to(told.size());
  std::cout << "evil: over\n";
}

void run_file(const std::filesystem::path& path, bool is_protected) {
  const std::vector<std::byte> file = read_file(path);
  evil_header header{};
  if (file.size() < sizeof(header)) throw std::runtime_error("not a program");
  std::memcpy(&header, file.data(), sizeof(header));
  const size_t room = (file.size() - sizeof(header)) / sizeof(evil_instruction);
  if (header.magic != EVIL_MAGIC || header.count > room) throw std::runtime_error("not a program");
  std::vector<evil_instruction> program(header.count);
  std::memcpy(program.data(), file.data() + sizeof(header),
              program.size() * sizeof(evil_instruction));
  NativeMachine::Options options;
  options.is_protected = is_protected;
  options.arena = header.arena;
  run(options, program);
}

void try_input(const std::filesystem::path& path) {
  const FuzzInput input = decode_fuzz_input(read_file(path));
  NativeMachine::Options options;
  options.is_protected = input.is_protected;
  options.arena = input.arena();
  options.devices = input.devices;
  run(options, input.instructions);
}

// As the initrd of the board: there all devices are present, the others are left alone.
void convert(const std::filesystem::path& from, const std::filesystem::path& to) {
  const FuzzInput input = decode_fuzz_input(read_file(from));
  Program program(input.arena());
  for (const evil_instruction& i : input.instructions) {
    program.add(static_cast<evil_op>(i.op % EVIL_OPS), i.a, i.b, i.c);
  }
  write_file(to, program.file());
}

void write_seeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (const HostileCase& one : hostile_cases(true)) {
    Program program(kWindowArena);
    one.build(program);
    if (program.size() > kLongestSeed) continue;
    constexpr uint8_t kAllDevices = kDevices;
    write_file(folder / one.name, encode_fuzz_input(kAllDevices, program.instructions()));
  }
}

int obey(std::span<char*> words) {
  std::vector<std::string> arguments(words.begin() + 1, words.end());
  const bool is_protected = std::erase(arguments, "--unprotected") == 0;
  if (arguments.empty()) return usage();
  const std::string command = arguments[0];
  const size_t count = arguments.size();
  if (command == "list" && count == 1) {
    for (const HostileCase& one : hostile_cases(is_protected)) std::cout << one.name << "\n";
  } else if (command == "write" && count == 3) {
    write_file(arguments[2], program_of(arguments[1], is_protected).file());
  } else if (command == "convert" && count == 3) {
    convert(arguments[1], arguments[2]);
  } else if (command == "run" && count == 2) {
    run_file(arguments[1], is_protected);
  } else if (command == "try" && count == 2) {
    try_input(arguments[1]);
  } else if (command == "seeds" && count == 2) {
    write_seeds(arguments[1]);
  } else {
    return usage();
  }
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  redoubt::log::init(redoubt::log::Level::Warn);
  try {
    return obey(std::span(argv, static_cast<size_t>(argc)));
  } catch (const std::exception& error) {
    std::cerr << "hostile: " << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
