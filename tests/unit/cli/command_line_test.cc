// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/command_line.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/cli/cli_testing.h"
#include "vmm/config/config_text.h"

namespace redoubt::cli {
namespace {

using Strings = std::vector<std::string>;

TEST(CommandLine, run_with_nothing_else_has_the_defaults) {
  const auto run = std::get<RunCommand>(parse({"run", "vm.yaml"}));
  EXPECT_EQ(run.config.file, "vm.yaml");
  EXPECT_TRUE(run.config.overrides.empty());
  EXPECT_FALSE(run.prove);
  EXPECT_EQ(run.prove_report, std::nullopt);
  EXPECT_FALSE(run.stats);
  EXPECT_EQ(run.stats_report, std::nullopt);
  EXPECT_EQ(run.log_level, log::Level::Info);
}

TEST(CommandLine, run_takes_every_option) {
  const auto run = std::get<RunCommand>(
      parse({"run", "--set", "cpus=4", "vm.yaml", "--set=name=x", "--prove", "--prove-report",
             "out.json", "--stats", "--stats-report", "stats.json", "--log-level", "debug"}));
  EXPECT_EQ(run.config.file, "vm.yaml");
  EXPECT_EQ(run.config.overrides, (Strings{"cpus=4", "name=x"}));
  EXPECT_TRUE(run.prove);
  EXPECT_EQ(run.prove_report, "out.json");
  EXPECT_TRUE(run.stats);
  EXPECT_EQ(run.stats_report, "stats.json");
  EXPECT_EQ(run.log_level, log::Level::Debug);
}

TEST(CommandLine, prove_report_implies_prove) {
  EXPECT_TRUE(std::get<RunCommand>(parse({"run", "a", "--prove-report=r"})).prove);
}

TEST(CommandLine, stats_report_implies_stats) {
  const auto run = std::get<RunCommand>(parse({"run", "a", "--stats-report=r"}));
  EXPECT_TRUE(run.stats);
  EXPECT_FALSE(run.prove);
}

TEST(CommandLine, every_log_level_is_known) {
  const auto level = [](const char* name) {
    return std::get<RunCommand>(parse({"run", "a", "--log-level", name})).log_level;
  };
  EXPECT_EQ(level("error"), log::Level::Error);
  EXPECT_EQ(level("warn"), log::Level::Warn);
  EXPECT_EQ(level("info"), log::Level::Info);
  EXPECT_EQ(level("debug"), log::Level::Debug);
}

TEST(CommandLine, overrides_are_passed_on_as_they_are) {
  const auto check = std::get<CheckCommand>(
      parse({"check", "a", "--set", "boot.cmdline=[a,b] \"c\" --d=e %%", "--set", ""}));
  EXPECT_EQ(check.config.overrides, (Strings{"boot.cmdline=[a,b] \"c\" --d=e %%", ""}));
}

TEST(CommandLine, check_takes_json) {
  EXPECT_FALSE(std::get<CheckCommand>(parse({"check", "a"})).json);
  EXPECT_TRUE(std::get<CheckCommand>(parse({"check", "a", "--json"})).json);
}

TEST(CommandLine, doctor_needs_no_configuration) {
  const auto doctor = std::get<DoctorCommand>(parse({"doctor", "--json"}));
  EXPECT_FALSE(doctor.config.has_value());
  EXPECT_TRUE(doctor.json);
}

TEST(CommandLine, doctor_takes_a_configuration) {
  const auto doctor = std::get<DoctorCommand>(parse({"doctor", "a", "--set", "cpus=1"}));
  ASSERT_TRUE(doctor.config.has_value());
  EXPECT_EQ(doctor.config->file, "a");
  EXPECT_EQ(doctor.config->overrides, Strings{"cpus=1"});
}

TEST(CommandLine, dtb_takes_an_output) {
  EXPECT_EQ(std::get<DtbCommand>(parse({"dtb", "a"})).output, std::nullopt);
  EXPECT_EQ(std::get<DtbCommand>(parse({"dtb", "a", "-o", "b"})).output, "b");
  EXPECT_EQ(std::get<DtbCommand>(parse({"dtb", "--output=b", "a"})).output, "b");
}

TEST(CommandLine, version_and_schema_are_printed) {
  EXPECT_EQ(printed({"--version"}), "redoubt 1.2.3\n");
  EXPECT_EQ(printed({"schema"}), config::json_schema());
}

struct Mistake {
  std::vector<const char*> arguments;
  std::string fault;
};

TEST(CommandLine, mistakes_are_named_with_what_was_probably_meant) {
  const std::vector<Mistake> mistakes = {
      {{}, "a subcommand is missing"},
      {{"rnu", "a"}, "unknown subcommand \"rnu\", did you mean run?"},
      {{"vm.yaml"}, "unknown subcommand \"vm.yaml\""},
      {{"--verson"}, "unknown option --verson, did you mean --version?"},
      {{"-x"}, "unknown option -x"},
      {{"--=5"}, "unknown option --"},
      {{"run"}, "CONFIG.yaml is missing"},
      {{"run", ""}, "CONFIG: must not be empty"},
      {{"run", "a", "b"}, "unexpected argument \"b\""},
      {{"run", "a", "--set", "b=c", "d"}, "unexpected argument \"d\""},
      {{"run", "a", "--sett", "b"}, "unknown option --sett, did you mean --set?"},
      {{"run", "a", "--sett=b"}, "unknown option --sett, did you mean --set?"},
      {{"run", "a", "--set"}, "--set: 1 required KEY=VALUE missing"},
      {{"run", "a", "--json"}, "unknown option --json"},
      {{"run", "a", "--prove-report", ""}, "--prove-report: must not be empty"},
      {{"run", "a", "--stats-report", ""}, "--stats-report: must not be empty"},
      {{"run", "a", "--stat"}, "unknown option --stat, did you mean --stats?"},
      {{"check", "a", "--stats"}, "unknown option --stats"},
      {{"run", "a", "--log-level", "inof"},
       "--log-level: expected error, warn, info or debug, got \"inof\", did you mean info?"},
      {{"doctor", "--set", "cpus=1"}, "--set requires CONFIG"},
      {{"completion"}, "bash|zsh|fish is missing"},
      {{"completion", "csh"}, "SHELL: expected bash, zsh or fish, got \"csh\", did you mean zsh?"},
  };
  for (const Mistake& mistake : mistakes) {
    EXPECT_EQ(fault_of(mistake.arguments), mistake.fault);
  }
  EXPECT_NE(fault_of({"run", "a", "--prove=5"}), "");
}

TEST(CommandLine, mistakes_point_to_the_help_of_the_subcommand) {
  try {
    static_cast<void>(parse({"run"}));
    FAIL();
  } catch (const SetupError& error) {
    EXPECT_EQ(error.remedy(), "see redoubt run --help");
  }
}

TEST(Help, names_every_subcommand_exit_code_signal_and_key) {
  const std::string help = printed({"--help"});
  for (const std::string_view subcommand : kSubcommands) {
    EXPECT_TRUE(contains(help, "\n  " + std::string(subcommand) + " ")) << subcommand;
  }
  EXPECT_TRUE(contains(help, "\n    0  the guest powered off\n"));
  EXPECT_TRUE(contains(help, "\n  143  stopped by SIGTERM\n"));
  EXPECT_TRUE(contains(help, "SIGUSR1"));
  EXPECT_TRUE(contains(help, "Ctrl-A x"));
  EXPECT_EQ(printed({"-h"}), help);
}

TEST(Help, of_a_subcommand_names_its_options) {
  const std::string help = printed({"run", "--help"});
  EXPECT_TRUE(contains(help, "Usage: redoubt run CONFIG.yaml [OPTIONS]\n"));
  for (const char* option : {"--set KEY=VALUE", "--prove ", "--prove-report FILE", "--stats ",
                             "--stats-report FILE", "--log-level"}) {
    EXPECT_TRUE(contains(help, option)) << option;
  }
  EXPECT_TRUE(contains(printed({"doctor", "-h"}), "Usage: redoubt doctor [CONFIG.yaml]"));
}

TEST(Help, fits_a_hundred_columns) {
  for (const std::string_view subcommand : kSubcommands) {
    const std::string help = printed({std::string(subcommand).c_str(), "--help"});
    for (size_t start = 0; start < help.size();) {
      const size_t end = help.find('\n', start);
      EXPECT_LE(end - start, 100U) << help.substr(start, end - start);
      start = end + 1;
    }
  }
}

}  // namespace
}  // namespace redoubt::cli
