// SPDX-License-Identifier: Apache-2.0
//
// The commands of README.md that are for a host with pKVM, as they stand there.
#include <cctype>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/suite_dir.h"

namespace redoubt::suite {
namespace {

class BootDocs : public testing::TestWithParam<const char*> {};

TEST_P(BootDocs, command_of_the_readme_works) {
  REDOUBT_NEEDS_KVM(true);
  std::istringstream words(GetParam());
  std::string word;
  words >> word;
  ASSERT_EQ(word, "redoubt");
  Launch launch;
  while (words >> word) launch.arguments.push_back(word);
  // The README types its commands where configs/ is.
  const std::string root = suite_file("../..").lexically_normal().string();
  launch.prepare = [root] {
    if (::chdir(root.c_str()) != 0) ::_exit(126);
  };
  RedoubtProcess redoubt(launch);
  if (launch.arguments.front() == "run") {
    EXPECT_TRUE(redoubt.wait_for("secret: waiting for a line")) << redoubt.output();
    redoubt.type("\n");
  }

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
}

INSTANTIATE_TEST_SUITE_P(Readme, BootDocs,
                         testing::Values("redoubt doctor", "redoubt check configs/hello.yaml",
                                         "redoubt run configs/hello.yaml"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           for (char& letter : name) {
                             if (std::isalnum(static_cast<unsigned char>(letter)) == 0)
                               letter = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace redoubt::suite
