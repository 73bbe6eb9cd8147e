// SPDX-License-Identifier: Apache-2.0
//
// redoubt-board-report: what run-suites cannot do with a shell. On the host, without other files:
//
//   redoubt-board-report environment
//       prints what this host is and has, as JSON. Makes a protected VM that never runs.
//   redoubt-board-report show
//       prints the same for people.
//   redoubt-board-report write FOLDER [TAINT]
//       makes results.tap, results.json and report.html of FOLDER's results.xml and
//       environment.json, and prints what failed and was skipped. TAINT: the kernel's at the end.
//
// Exits with 0, 1 if it could not be done, 2 if it was called wrongly.
#include <charconv>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/board/report/describe_host.h"
#include "tests/board/report/formats.h"
#include "tests/board/report/host_reading.h"
#include "tests/board/report/html_page.h"
#include "tests/board/report/xml_reader.h"
#include "vmm/base/setup_error.h"
#include "vmm/write_file.h"

namespace redoubt::report {
namespace {

constexpr int kFailed = 1;
constexpr int kCalledWrongly = 2;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_errno("open " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

Environment environment_of_this_host() {
  HostReading reading = read_host("/");
  ask_kvm(reading);
  return describe_host(reading);
}

Results read_results(const std::filesystem::path& path) {
  try {
    return Results(read_file(path));
  } catch (const XmlError&) {
    std::throw_with_nested(std::runtime_error(path.string()));
  }
}

void write_reports(const std::filesystem::path& folder, std::string_view taint) {
  const Results results = read_results(folder / "results.xml");
  Environment environment = environment_from_json(read_file(folder / "environment.json"));
  uint64_t after = 0;
  if (std::from_chars(taint.data(), taint.data() + taint.size(), after).ec == std::errc()) {
    environment.taint_after = after;
  }
  write_file(folder / "results.tap", to_tap(results));
  write_file(folder / "results.json", to_json(results, environment));
  write_file(folder / "report.html", to_html(results, environment));
  write_standard_output(to_summary(results, environment));
}

int run(const std::vector<std::string_view>& words) {
  try {
    if (words.size() == 1 && words[0] == "environment") {
      write_standard_output(to_json(environment_of_this_host()));
    } else if (words.size() == 1 && words[0] == "show") {
      write_standard_output(to_text(environment_of_this_host()));
    } else if ((words.size() == 2 || words.size() == 3) && words[0] == "write") {
      write_reports(words[1], words.size() == 3 ? words[2] : std::string_view());
    } else {
      std::cerr << "usage: redoubt-board-report environment | show\n"
                   "       redoubt-board-report write FOLDER [TAINT]\n";
      return kCalledWrongly;
    }
  } catch (const std::exception& error) {
    std::cerr << "redoubt-board-report: " << message_chain(error) << '\n';
    return kFailed;
  }
  return 0;
}

}  // namespace
}  // namespace redoubt::report

int main(int argc, char** argv) { return redoubt::report::run({argv + 1, argv + argc}); }
