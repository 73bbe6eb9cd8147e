// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/man_page.h"

#include <span>

#include "vmm/cli/command_tree.h"
#include "vmm/cli/manual.h"
#include "vmm/config/config_keys.h"
#include "vmm/config/config_value.h"

namespace redoubt::cli {

namespace {

// Text that troff shows as it is.
std::string plain(std::string_view text) {
  std::string escaped;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) escaped += "\\&";
    line_start = c == '\n';
    switch (c) {
      case '\\': escaped += "\\e"; break;
      case '-': escaped += "\\-"; break;
      case '\'': escaped += "\\(aq"; break;
      case '"': escaped += "\\(dq"; break;
      case '`': escaped += "\\(ga"; break;
      case '~': escaped += "\\(ti"; break;
      case '^': escaped += "\\(ha"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

std::string section(std::string_view title) { return ".SH " + std::string(title) + "\n"; }
std::string bold(std::string_view text) { return "\\fB" + plain(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + plain(text) + "\\fR"; }
std::string paragraph(std::string_view text) { return ".PP\n" + plain(text) + "\n"; }
std::string item(const std::string& term, std::string_view meaning) {
  return ".TP\n" + term + "\n" + plain(meaning) + "\n";
}

std::string verbatim(std::string_view text) {
  return ".PP\n.RS 4\n.nf\n" + plain(text) + "\n.fi\n.RE\n";
}

std::string list(std::string_view title, std::span<const Entry> entries) {
  std::string text = section(title);
  for (const Entry& entry : entries) text += item(bold(entry.term), entry.meaning);
  return text;
}

std::string option_item(const CLI::Option& option) {
  std::string term;
  for (const std::string& name : names(option)) term += (term.empty() ? "" : ", ") + bold(name);
  const std::string value = argument(option);
  if (!value.empty()) term += " " + italic(value);
  std::string meaning = option.get_description() + ".";
  const std::string fallback = option.get_default_str();
  if (!fallback.empty()) meaning += " Default: " + fallback + ".";
  return item(term, meaning);
}

std::string synopsis(const CLI::App& app) {
  std::string text = section("SYNOPSIS");
  for (const CLI::App* subcommand : subcommands(app)) {
    text += ".B redoubt " + plain(subcommand->get_name()) + "\n";
    if (const CLI::Option* option = positional(*subcommand); option != nullptr) {
      const std::string name = italic(option->get_type_name());
      text += option->get_required() ? name + "\n" : "[" + name + "]\n";
    }
    for (const CLI::Option* option : named_options(*subcommand)) {
      const std::string name = names(*option).front();
      if (name == "-h") continue;
      const std::string value = argument(*option);
      text += "[" + bold(name) + (value.empty() ? "" : " " + italic(value)) + "]";
      text += value == kOverrideType ? "...\n" : "\n";
    }
    text += ".br\n";
  }
  return text;
}

std::string all_subcommands(const CLI::App& app) {
  std::string text = section("SUBCOMMANDS");
  for (const CLI::App* subcommand : subcommands(app)) {
    const std::string& name = subcommand->get_name();
    text += ".SS " + plain(name) + "\n" + plain(subcommand->get_description()) + "\n";
    if (const std::string_view more = about(name); !more.empty()) {
      const bool is_code = name == "completion" || name == "schema";
      text += is_code ? verbatim(more) : paragraph(more);
    }
    for (const CLI::Option* option : named_options(*subcommand)) text += option_item(*option);
  }
  text += section("OPTIONS");
  for (const CLI::Option* option : named_options(app)) text += option_item(*option);
  return text;
}

std::string key_item(const config::ConfigSection& section, const config::ConfigKey& key) {
  std::string meaning(key.description);
  if (key.required) meaning += " Required.";
  if (const std::string fallback = config::default_text(section, key); !fallback.empty()) {
    meaning += " Default: " + fallback + ".";
  }
  std::string text = item(bold(section.path_of(key)), meaning);
  if (key.choices.empty()) return text;
  text += ".RS\n";
  for (const config::Choice& choice : key.choices) {
    text += item(bold(choice.name), choice.description);
  }
  return text + ".RE\n";
}

std::string configuration() {
  std::string text = section("CONFIGURATION");
  text += paragraph(
      "A guest is described by one YAML file. Sizes are written 512MiB (KiB, MiB, GiB or TiB) or "
      "in bytes. Unknown and duplicate keys are errors. With --set, the parts of a key are joined "
      "by dots, as they are here, and N is the number of an item in a list, from 0; an item that "
      "is not there is appended if it is the next one. An empty value is the default, that of a "
      "whole section too: disks= is no disks. Most shells want brackets in quotes: "
      "--set 'disks[0].readonly=true'.");
  text += paragraph("A guest has at most " + std::to_string(kMostVirtioDevices) +
                    " virtio devices: each disk, network and share is one, all ports together are "
                    "one, vsock and rng are one each.");
  for (const config::ConfigSection& part : config::config_sections()) {
    if (!part.name.empty()) text += paragraph(part.description);
    for (const config::ConfigKey& key : part.keys) text += key_item(part, key);
  }
  return text;
}

std::string exit_codes() {
  std::string text = section("EXIT STATUS");
  for (const ExitStatus status : exit_statuses()) {
    text += item(bold(std::to_string(static_cast<int>(status))), describe(status));
  }
  return text;
}

std::string example_list() {
  std::string text = section("EXAMPLES");
  for (const Entry& example : examples())
    text += paragraph(example.meaning) + verbatim(example.term);
  return text;
}

}  // namespace

std::string man_page(const CLI::App& app, std::string_view version) {
  std::string text = ".TH REDOUBT 1 \"\" \"redoubt " + plain(version) + "\" \"User Commands\"\n";
  text +=
      section("NAME") + "redoubt \\- run virtual machines whose memory their host cannot read\n";
  text += synopsis(app);
  text += section("DESCRIPTION");
  text += paragraph(
      "redoubt runs protected guests on arm64 hosts whose kernel runs KVM in protected mode "
      "(pKVM): "
      "the hypervisor keeps the host, redoubt itself included, from the memory of a guest, except "
      "for what the guest shares. It runs unprotected guests as well.");
  text += all_subcommands(app);
  text += configuration();
  text += list("KEYS", keys());
  text += list("SIGNALS", signals());
  text += section("ENVIRONMENT");
  text += item(bold("NO_COLOR"), "If it is set and not empty, messages have no colours.");
  text += exit_codes();
  text += example_list();
  return text;
}

}  // namespace redoubt::cli
