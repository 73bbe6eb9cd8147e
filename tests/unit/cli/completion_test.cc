// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/completion.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/cli/cli_testing.h"
#include "vmm/config/config_keys.h"

namespace redoubt::cli {
namespace {

namespace fs = std::filesystem;

class CompletionTest : public testing::TestWithParam<const char*> {};

TEST_P(CompletionTest, knows_every_subcommand_option_and_choice) {
  const std::string script = printed({"completion", GetParam()});
  for (const std::string_view subcommand : kSubcommands) {
    EXPECT_TRUE(contains(script, subcommand)) << subcommand;
  }
  for (const char* option : {"help", "version", "set", "prove", "prove-report", "stats",
                             "stats-report", "log-level", "json", "output"}) {
    EXPECT_TRUE(contains(script, std::string("--") + option) ||
                contains(script, std::string("-l ") + option))
        << option;
  }
  for (const char* words : {"error warn info debug", "bash zsh fish"}) {
    EXPECT_TRUE(contains(script, words)) << words;
  }
}

TEST_P(CompletionTest, knows_every_configuration_key_and_its_words) {
  const std::string script = printed({"completion", GetParam()});
  for (const config::ConfigSection& section : config::config_sections()) {
    for (const config::ConfigKey& key : section.keys) {
      EXPECT_TRUE(
          contains(script, section.path_of(key) + (std::string(GetParam()) == "zsh" ? ":" : "=")))
          << section.path_of(key);
      for (const config::Choice& choice : key.choices) {
        EXPECT_TRUE(contains(script, choice.name)) << choice.name;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shells, CompletionTest, testing::Values("bash", "zsh", "fish"),
                         [](const auto& shell) { return std::string(shell.param); });

// Where there is a bash, it is asked.
class BashCompletionTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists("/bin/bash")) GTEST_SKIP() << "no bash here";
    std::string name = (fs::temp_directory_path() / "redoubt-completion-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    std::ofstream(folder_ / "script") << printed({"completion", "bash"});
    std::ofstream(folder_ / "my guest.yaml");
    std::ofstream(folder_ / "notes.txt");
  }
  ~BashCompletionTest() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  // What is offered for the last of `words`, each on a line.
  std::string offered(const std::string& words) {
    const std::string command = "cd '" + folder_.string() +
                                "' && /bin/bash --norc -c 'source ./script; COMP_WORDS=(" + words +
                                "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _redoubt; "
                                "printf \"%s\\n\" \"${COMPREPLY[@]}\"' 2>&1";
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    std::string output;
    std::array<char, 256> buffer;
    while (std::fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr) output += buffer.data();
    return output;
  }

  fs::path folder_;
};

TEST_F(BashCompletionTest, completes_subcommands) {
  EXPECT_EQ(offered("redoubt c"), "check\ncompletion\n");
}

TEST_F(BashCompletionTest, completes_options_of_the_subcommand_only) {
  EXPECT_EQ(offered("redoubt run --p"), "--prove\n--prove-report\n");
  EXPECT_EQ(offered("redoubt check --p"), "\n");
}

TEST_F(BashCompletionTest, completes_keys_and_their_words) {
  EXPECT_EQ(offered("redoubt run --set console."), "console.type=\nconsole.path=\n");
  EXPECT_EQ(offered("redoubt run --set console.type = s"), "stdio\nsocket\n");
  EXPECT_EQ(offered("redoubt run --set protected \"=\""), "true\nfalse\n");
}

TEST_F(BashCompletionTest, completes_keys_of_the_item_that_is_typed) {
  EXPECT_EQ(offered("redoubt run --set 'disks[12].r'"), "disks[12].readonly=\n");
  EXPECT_EQ(offered("redoubt run --set shar"),
            "shares[0].tag=\nshares[0].path=\nshares[0].readonly=\n");
  EXPECT_EQ(offered("redoubt run --set 'networks[1].vhost' = o"), "on\noff\n");
  EXPECT_EQ(offered("redoubt run --set 'disks[0].path' = n"), "notes.txt\n");
}

TEST_F(BashCompletionTest, completes_words_of_options) {
  EXPECT_EQ(offered("redoubt run --log-level d"), "debug\n");
  EXPECT_EQ(offered("redoubt run --log-level = d"), "debug\n");
  EXPECT_EQ(offered("redoubt completion z"), "zsh\n");
}

TEST_F(BashCompletionTest, completes_yaml_files_as_configurations) {
  EXPECT_EQ(offered("redoubt run \"\""), "my guest.yaml\n");
  EXPECT_EQ(offered("redoubt dtb -o n"), "notes.txt\n");
}

}  // namespace
}  // namespace redoubt::cli
