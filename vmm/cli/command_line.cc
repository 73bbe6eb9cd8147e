// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/command_line.h"

#include <algorithm>
#include <array>
#include <utility>

#include <CLI/CLI.hpp>

#include "vmm/base/setup_error.h"
#include "vmm/cli/command_tree.h"
#include "vmm/cli/completion.h"
#include "vmm/cli/help.h"
#include "vmm/cli/man_page.h"
#include "vmm/config/config_error.h"
#include "vmm/config/config_text.h"
#include "vmm/config/nearest_name.h"

namespace redoubt::cli {

namespace {

struct NamedLevel {
  std::string_view name;
  log::Level level;
};
constexpr std::array kLevels = {
    NamedLevel{"error", log::Level::Error},
    NamedLevel{"warn", log::Level::Warn},
    NamedLevel{"info", log::Level::Info},
    NamedLevel{"debug", log::Level::Debug},
};

// The values of options, as CLI11 fills them in.
struct Values {
  std::string config;
  std::vector<std::string> overrides;
  bool prove = false;
  std::string prove_report;
  bool stats = false;
  std::string stats_report;
  std::string log_level = "info";
  bool json = false;
  std::string output;
  std::string shell;
};

// "one of a, b or c" for an option whose argument is written "a|b|c".
void allow_only(CLI::Option* option, const std::string& words) {
  option->type_name(words);
  option->check(CLI::Validator(
      [words](std::string& value) -> std::string {
        const std::vector<std::string> allowed = CLI::detail::split(words, '|');
        if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return {};
        const std::vector<std::string_view> views(allowed.begin(), allowed.end());
        return "expected " + config::enumerate(views, "or") + ", got " + config::in_quotes(value) +
               config::did_you_mean(config::nearest_name(value, views));
      },
      ""));
}

void refuse_empty(CLI::Option* option) {
  option->check(CLI::Validator(
      [](std::string& value) { return std::string(value.empty() ? "must not be empty" : ""); },
      ""));
}

void add_flag(CLI::App& command, const std::string& name, bool& value,
              const std::string& description) {
  command.add_flag(name, value, description)->disable_flag_override();
}

void add_config(CLI::App& command, Values& values, bool required) {
  CLI::Option* config =
      command.add_option("CONFIG", values.config, "the YAML file that describes the guest");
  config->type_name(std::string(kConfigType))->required(required);
  refuse_empty(config);
  command
      .add_option(
          "--set", values.overrides,
          "set a key of the configuration, such as memory.size=1GiB or disks[0].path=a.img; "
          "may be repeated, and an empty VALUE means the default")
      ->type_name(std::string(kOverrideType))
      ->allow_extra_args(false);
}

void add_file(CLI::App& command, const std::string& names, std::string& value,
              const std::string& description) {
  CLI::Option* option = command.add_option(names, value, description);
  option->type_name(std::string(kFileType));
  refuse_empty(option);
}

class CommandLine {
 public:
  explicit CommandLine(std::string_view version);
  Command parse(int argc, const char* const* argv);

 private:
  CLI::App& add(const std::string& name, const std::string& description) {
    return *app_.add_subcommand(name, description);
  }
  [[nodiscard]] bool chosen(const char* name) const { return app_.got_subcommand(name); }
  [[nodiscard]] const CLI::App& innermost() const;
  [[nodiscard]] Command command() const;
  [[nodiscard]] std::string completion() const;
  [[nodiscard]] std::string explain(const CLI::ParseError& error) const;

  std::string version_;
  Values values_;
  CLI::App app_;
};

CommandLine::CommandLine(std::string_view version)
    : version_(version),
      app_("Redoubt runs virtual machines whose memory their host cannot read.", "redoubt") {
  app_.require_subcommand(1);
  app_.set_help_flag("-h,--help", "explain, and exit");
  app_.set_version_flag("--version", version_, "print the version, and exit");

  CLI::App& run = add("run", "Run a guest until it ends.");
  add_config(run, values_, true);
  add_flag(run, "--prove", values_.prove,
           "when the guest has ended, try every page of its memory and report how many were "
           "refused");
  add_file(run, "--prove-report", values_.prove_report,
           "write each such report to FILE too, as JSON; implies --prove");
  add_flag(run, "--stats", values_.stats,
           "when the guest has ended, report its memory: pages donated, shared and taken away, "
           "donation calls, and faults of each vCPU");
  add_file(run, "--stats-report", values_.stats_report,
           "write this to FILE too, as JSON; implies --stats");
  allow_only(run.add_option("--log-level", values_.log_level, "how much to tell"),
             "error|warn|info|debug");
  run.get_option("--log-level")->default_str("info");

  CLI::App& check = add("check", "Check a configuration and show it with all defaults.");
  add_config(check, values_, true);
  add_flag(check, "--json", values_.json, "print JSON instead of YAML");

  CLI::App& doctor = add("doctor", "Tell what this host can run, and what is missing.");
  add_config(doctor, values_, false);
  doctor.get_option("--set")->needs(doctor.get_option("CONFIG"));
  add_flag(doctor, "--json", values_.json, "print JSON instead of text");

  CLI::App& dtb = add("dtb", "Write the device tree that a guest would see.");
  add_config(dtb, values_, true);
  add_file(dtb, "-o,--output", values_.output, "write to FILE instead of standard output");

  add("schema", "Print the JSON Schema of configuration files.");
  CLI::App& completion = add("completion", "Print a completion script for a shell.");
  allow_only(completion.add_option("SHELL", values_.shell, "the shell to write for")->required(),
             "bash|zsh|fish");
  add("man", "Print the manual page, redoubt(1).");
}

const CLI::App& CommandLine::innermost() const {
  const auto parsed = app_.get_subcommands();
  return parsed.empty() ? app_ : *parsed.back();
}

std::string CommandLine::completion() const {
  if (values_.shell == "bash") return bash_completion(app_);
  if (values_.shell == "zsh") return zsh_completion(app_);
  return fish_completion(app_);
}

Command CommandLine::command() const {
  const ConfigArguments config{values_.config, values_.overrides};
  const auto optional_path = [](const std::string& path) {
    return path.empty() ? std::nullopt : std::optional<std::filesystem::path>(path);
  };
  if (chosen("run")) {
    const auto* level =
        std::find_if(kLevels.begin(), kLevels.end(),
                     [this](const NamedLevel& named) { return named.name == values_.log_level; });
    return RunCommand{
        .config = config,
        .prove = values_.prove || !values_.prove_report.empty(),
        .prove_report = optional_path(values_.prove_report),
        .stats = values_.stats || !values_.stats_report.empty(),
        .stats_report = optional_path(values_.stats_report),
        .log_level = level->level,
    };
  }
  if (chosen("check")) return CheckCommand{config, values_.json};
  if (chosen("doctor")) {
    return DoctorCommand{
        values_.config.empty() ? std::nullopt : std::optional<ConfigArguments>(config),
        values_.json};
  }
  if (chosen("dtb")) return DtbCommand{config, optional_path(values_.output)};
  if (chosen("schema")) return PrintCommand{config::json_schema()};
  if (chosen("completion")) return PrintCommand{completion()};
  return PrintCommand{man_page(app_, version_)};
}

// CLI11's message, or a better one where something was written that the tree does not know.
std::string CommandLine::explain(const CLI::ParseError& error) const {
  const CLI::App& command = innermost();
  const std::vector<std::string> extras = app_.remaining(true);
  if (extras.empty()) {
    if (&command == &app_) return "a subcommand is missing";
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
      return positional(command)->get_type_name() + " is missing";
    }
    return error.what();
  }
  const std::string& extra = extras.front();
  const bool option = extra.size() > 1 && extra[0] == '-';
  if (option) {
    const std::string written = extra.substr(0, extra.find('='));
    std::vector<std::string_view> known;
    for (const CLI::Option* each : named_options(command)) {
      for (const std::string& name : each->get_lnames()) known.push_back(name);
    }
    std::string_view bare = written;
    while (bare.starts_with('-')) bare.remove_prefix(1);
    const auto nearest = config::nearest_name(bare, known);
    return "unknown option " + config::printable(written) +
           (nearest ? ", did you mean --" + std::string(*nearest) + "?" : "");
  }
  if (&command != &app_) return "unexpected argument " + config::in_quotes(extra);
  std::vector<std::string_view> known;
  for (const CLI::App* each : subcommands(app_)) known.push_back(each->get_name());
  return "unknown subcommand " + config::in_quotes(extra) +
         config::did_you_mean(config::nearest_name(extra, known));
}

Command CommandLine::parse(int argc, const char* const* argv) {
  try {
    app_.parse(argc, argv);
    return command();
  } catch (const CLI::CallForHelp&) {
    return PrintCommand{help_text(innermost())};
  } catch (const CLI::CallForVersion&) {
    return PrintCommand{"redoubt " + version_ + "\n"};
  } catch (const CLI::ParseError& error) {
    const CLI::App& command = innermost();
    throw SetupError(
        explain(error), ExitStatus::Usage,
        "see redoubt " + (&command == &app_ ? std::string() : command.get_name() + " ") + "--help");
  }
}

}  // namespace

Command parse_command_line(int argc, const char* const* argv, std::string_view version) {
  return CommandLine(version).parse(argc, argv);
}

}  // namespace redoubt::cli
