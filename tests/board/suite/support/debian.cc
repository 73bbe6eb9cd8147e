// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/debian.h"

#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "tests/board/suite/support/suite_dir.h"

namespace redoubt::suite {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string needed(const char* name) {
  std::string value = environment(name);
  if (value.empty()) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

}  // namespace

DebianDisks debian_disks() {
  return {needed("REDOUBT_DEBIAN_IMAGE"), needed("REDOUBT_DEBIAN_DISK"),
          needed("REDOUBT_SCRATCH_DISK")};
}

Launch debian_program(std::vector<std::string> words) {
  words.insert(words.begin(), suite_file("../../debian-exec").lexically_normal().string());
  return {.arguments = std::move(words), .program = "/bin/sh"};
}

Ended run_debian_program(std::vector<std::string> words, std::chrono::seconds patience) {
  RedoubtProcess process(debian_program(std::move(words)));
  process.close_input();
  const int status = process.wait_exit(patience);
  return {status, process.output()};
}

std::optional<NoDebian> why_no_debian() {
  if (!environment("REDOUBT_DEBIAN").empty()) return std::nullopt;
  const std::string why = environment("REDOUBT_NO_DEBIAN");
  return NoDebian{why.empty() ? "no Debian system: start the suite by run-suites" : why,
                  !environment("REDOUBT_DEBIAN_IMAGE").empty()};
}

}  // namespace redoubt::suite
