// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a configuration, in the exact words that a user reads.
#include <ostream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/unit/config/config_testing.h"

namespace redoubt::config {
namespace {

using std::string_view_literals::operator""sv;

// All that stands at the top of a configuration.
#define TOP_KEYS                                                                                \
  "name, protected, cpus, on_reset, rng, memory, boot, console, disks, networks, ports, vsock " \
  "and "                                                                                        \
  "shares"

class BadConfigTest : public testing::TestWithParam<BadText> {};

TEST_P(BadConfigTest, is_refused_with_its_place_and_reason) {
  EXPECT_EQ(faults_of(GetParam().text), GetParam().fault);
}

constexpr BadText kNotYaml[] = {
    {"empty", "", "test.yaml:1:1: no configuration in this file: it needs at least boot.kernel"},
    {"comment_only", "# nothing\n\n",
     "test.yaml:1:1: no configuration in this file: it needs at least boot.kernel"},
    {"list", "- a\n", "test.yaml:1:1: expected a map of " TOP_KEYS},
    {"word", "# x\nhello\n", "test.yaml:2:1: expected a map of " TOP_KEYS},
    {"nul_byte", "cpus: 1\nname: a\0b\n"sv, "test.yaml:2:8: a NUL byte: this is not a text file"},
    {"not_utf8", "name: \xff\n", "test.yaml:1:7: not UTF-8: this is not a text file"},
    {"utf16",
     "\xff\xfe"
     "n\0a\0"sv,
     "test.yaml:1:1: not UTF-8: this is not a text file"},
    {"overlong_utf8", "name: \xc0\xaf\n", "test.yaml:1:7: not UTF-8: this is not a text file"},
    {"control_character", "name: \x1b[31m\n", "test.yaml:1:7: a control character"},
    {"lone_carriage_return", "cpus: 1\rname: a\n", "test.yaml:1:8: a control character"},
    {"tab", "boot:\n\tkernel: Image\n",
     "test.yaml:2:1: a tab in the indentation: YAML indents with spaces"},
    {"tab_after_blanks", "boot:\n  \tkernel: Image\n",
     "test.yaml:2:3: a tab in the indentation: YAML indents with spaces"},
    {"colon_in_value", "boot:\n  kernel: Image\n  cmdline: a: b\n",
     "test.yaml:3:13: not valid YAML: a ':' where no key can end: check the indentation, or put "
     "the value in quotes"},
    {"outdented", "boot:\n    kernel: Image\n  initrd: x\n",
     "test.yaml:3:3: not valid YAML: this fits nothing above it: check the indentation and the "
     "quotes"},
    {"dash_as_value", "name: - a\n",
     "test.yaml:1:7: not valid YAML: a '-' where no list can start: check the indentation"},
    {"unclosed_list", "# x\nname: [a,\n",
     "test.yaml:2:7: not valid YAML: the '[' that opens here is never closed"},
    {"unclosed_map", "boot: {kernel: x\n",
     "test.yaml:1:7: not valid YAML: the '{' that opens here is never closed"},
    {"unclosed_double_quote", "boot: {kernel: \"x}\n",
     "test.yaml:1:16: not valid YAML: the quote that opens here is never closed"},
    {"unclosed_single_quote", "name: 'it''s\ncpus: 1\n",
     "test.yaml:1:7: not valid YAML: the quote that opens here is never closed"},
    {"end_between_quotes", "name: \"it",
     "test.yaml:1:10: not valid YAML: the file ends between quotes"},
    {"closing_bracket", "cpus: 1\n}\n",
     "test.yaml:2:1: not valid YAML: a closing bracket that nothing opened"},
    {"reserved_character", "name: @x\n",
     "test.yaml:1:7: not valid YAML: no value can start with this character: put the value in "
     "quotes"},
    {"unknown_escape", "name: \"\\q\"\n",
     "test.yaml:1:10: not valid YAML: unknown escape character: q"},
    {"two_documents", "cpus: 1\n---\ncpus: 2\n",
     "test.yaml:2:1: a second document: one file describes one guest"},
    {"text_after_value", "\"b\"\ncpus: 1\n",
     "test.yaml:2:1: not valid YAML: nothing can follow the value above"},
    {"no_colon", "cpus: 1\nname\n", "test.yaml:2:1: no ':' after \"name\""},
    {"anchor", "cpus: &n 1\n",
     "test.yaml:1:7: anchors (&) are not part of a configuration: write the value out"},
    {"alias", "name: &n x\nboot: {kernel: *n}\n",
     "test.yaml:1:7: anchors (&) are not part of a configuration: write the value out"},
    {"alias_to_nothing", "boot: {kernel: *.img}\n",
     "test.yaml:1:16: not valid YAML: a value that starts with '*' is an alias: put it in quotes"},
    {"tag", "name: !!str 5\n",
     "test.yaml:1:7: tags such as \"tag:yaml.org,2002:str\" are not part of a configuration"},
    {"tagged_map", "boot: !x {kernel: a}\n",
     "test.yaml:1:7: tags such as \"!x\" are not part of a configuration"},
    {"map_as_key", "? {a: b}\n: c\n", "test.yaml:1:3: a key must be plain text"},
    {"no_key", ": x\n", "test.yaml:1:1: a value without a key"},
    {"deep", "a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n",
     "test.yaml:1:19: nested too deeply: this is not a configuration"},
};

constexpr BadText kBadKeys[] = {
    {"no_kernel", "cpus: 1\n", "test.yaml:1:1: boot.kernel: is required, and not given"},
    {"no_kernel_in_boot", "cpus: 1\nboot:\n  cmdline: x\n",
     "test.yaml:2:1: boot.kernel: is required, and not given"},
    {"misspelt", "boot: {kernel: Image}\ncpu: 2\n",
     "test.yaml:2:1: cpu: unknown key, did you mean cpus? (known here: " TOP_KEYS ")"},
    {"misspelt_in_section", "boot:\n  kernel: Image\n  kmdline: x\n",
     "test.yaml:3:3: boot.kmdline: unknown key, did you mean boot.cmdline? (known here: kernel, "
     "initrd and cmdline)"},
    {"other_section", "boot: {kernel: Image}\nsize: 1GiB\n",
     "test.yaml:2:1: size: unknown key, did you mean memory.size? (known here: " TOP_KEYS ")"},
    {"dotted", "boot: {kernel: Image}\nmemory.size: 1GiB\n",
     "test.yaml:2:1: memory.size: in a file, a key stands in the map of its section, without dots"},
    {"merge_key", "boot: {kernel: Image, <<: {initrd: x}}\n",
     "test.yaml:1:23: boot.<<: unknown key (known here: kernel, initrd and cmdline)"},
    {"duplicate", "boot: {kernel: Image}\ncpus: 1\ncpus: 2\n",
     "test.yaml:3:1: duplicate key \"cpus\", first given in line 2"},
    {"duplicate_section", "boot:\n  kernel: Image\nboot:\n  initrd: x\n",
     "test.yaml:3:1: duplicate key \"boot\", first given in line 1"},
    {"duplicate_in_quotes", "boot: {kernel: Image, \"kernel\": x}\n",
     "test.yaml:1:23: duplicate key \"kernel\", first given in line 1"},
    {"section_is_value", "boot: {kernel: Image}\nmemory: 1GiB\n",
     "test.yaml:2:9: memory: expected a map of size, hugepages, prefault and dma_window"},
    {"section_is_empty", "boot: {kernel: Image}\nmemory:\n",
     "test.yaml:2:1: memory: expected a map of size, hugepages, prefault and dma_window"},
    {"column_counts_characters", "{boot: {kernel: Image}, name: \"é\", cpus: x}\n",
     "test.yaml:1:42: cpus: expected an integer from 1 to 64, got \"x\""},
    {"hostile_key", "boot: {kernel: Image}\n\"\\e[2J\": 1\n",
     "test.yaml:2:1: ?[2J: unknown key (known here: " TOP_KEYS ")"},
};

constexpr BadText kBadValues[] = {
    {"name_is_number", "boot: {kernel: Image}\nname: 42\n",
     "test.yaml:2:7: name: expected a string, but 42 without quotes is a number: write \"42\""},
    {"name_is_truth", "boot: {kernel: Image}\nname: true\n",
     "test.yaml:2:7: name: expected a string, but true without quotes is a truth value: write "
     "\"true\""},
    {"name_is_empty", "boot: {kernel: Image}\nname: \"\"\n",
     "test.yaml:2:7: name: must not be empty"},
    {"name_is_list", "boot: {kernel: Image}\nname: [a]\n",
     "test.yaml:2:7: name: expected a string, got a list"},
    {"protected_yes", "boot: {kernel: Image}\nprotected: yes\n",
     "test.yaml:2:12: protected: expected true or false, got \"yes\", did you mean true?"},
    {"protected_quoted", "boot: {kernel: Image}\nprotected: \"false\"\n",
     "test.yaml:2:12: protected: expected true or false, got the string \"false\", did you mean "
     "false?"},
    {"protected_word", "boot: {kernel: Image}\nprotected: maybe\n",
     "test.yaml:2:12: protected: expected true or false, got \"maybe\""},
    {"cpus_zero", "boot: {kernel: Image}\ncpus: 0\n",
     "test.yaml:2:7: cpus: expected an integer from 1 to 64, got \"0\""},
    {"cpus_65", "boot: {kernel: Image}\ncpus: 65\n",
     "test.yaml:2:7: cpus: expected an integer from 1 to 64, got \"65\""},
    {"cpus_negative", "boot: {kernel: Image}\ncpus: -1\n",
     "test.yaml:2:7: cpus: expected an integer from 1 to 64, got \"-1\""},
    {"cpus_huge", "boot: {kernel: Image}\ncpus: 18446744073709551617\n",
     "test.yaml:2:7: cpus: expected an integer from 1 to 64, got \"18446744073709551617\""},
    {"cpus_fraction", "boot: {kernel: Image}\ncpus: 1.5\n",
     "test.yaml:2:7: cpus: expected an integer from 1 to 64, got \"1.5\""},
    {"cpus_quoted", "boot: {kernel: Image}\ncpus: \"2\"\n",
     "test.yaml:2:7: cpus: expected an integer from 1 to 64, got the string \"2\""},
    {"cpus_nothing", "boot: {kernel: Image}\ncpus:\n",
     "test.yaml:2:1: cpus: expected an integer from 1 to 64, got nothing"},
    {"cpus_null", "boot: {kernel: Image}\ncpus: ~\n",
     "test.yaml:2:1: cpus: expected an integer from 1 to 64, got nothing"},
    {"cpus_map", "boot: {kernel: Image}\ncpus: {a: 1}\n",
     "test.yaml:2:7: cpus: expected an integer from 1 to 64, got a map"},
    {"size_mb", "boot: {kernel: Image}\nmemory: {size: 512MB}\n",
     "test.yaml:2:16: memory.size: expected a size such as 512MiB, got \"512MB\", did you mean "
     "512MiB?"},
    {"size_g", "boot: {kernel: Image}\nmemory: {size: 2G}\n",
     "test.yaml:2:16: memory.size: expected a size such as 512MiB, got \"2G\", did you mean 2GiB?"},
    {"size_lower_case", "boot: {kernel: Image}\nmemory: {size: 64mib}\n",
     "test.yaml:2:16: memory.size: expected a size such as 512MiB, got \"64mib\", did you mean "
     "64MiB?"},
    {"size_blank", "boot: {kernel: Image}\nmemory: {size: 64 MiB}\n",
     "test.yaml:2:16: memory.size: expected a size such as 512MiB, got \"64 MiB\", did you mean "
     "64MiB?"},
    {"size_fraction", "boot: {kernel: Image}\nmemory: {size: 1.5GiB}\n",
     "test.yaml:2:16: memory.size: expected a size such as 512MiB, got \"1.5GiB\""},
    {"size_word", "boot: {kernel: Image}\nmemory: {size: lots}\n",
     "test.yaml:2:16: memory.size: expected a size such as 512MiB, got \"lots\""},
    {"size_auto", "boot: {kernel: Image}\nmemory: {size: auto}\n",
     "test.yaml:2:16: memory.size: expected a size such as 512MiB, got \"auto\""},
    {"size_unit_alone", "boot: {kernel: Image}\nmemory: {size: MiB}\n",
     "test.yaml:2:16: memory.size: expected a size such as 512MiB, got \"MiB\""},
    {"size_negative", "boot: {kernel: Image}\nmemory: {size: -64MiB}\n",
     "test.yaml:2:16: memory.size: expected a size such as 512MiB, got \"-64MiB\""},
    {"size_small", "boot: {kernel: Image}\nmemory: {size: 31MiB}\n",
     "test.yaml:2:16: memory.size: at least 32MiB, got 31MiB"},
    {"size_zero", "boot: {kernel: Image}\nmemory: {size: 0}\n",
     "test.yaml:2:16: memory.size: at least 32MiB, got 0"},
    {"size_large", "boot: {kernel: Image}\nmemory: {size: 1TiB}\n",
     "test.yaml:2:16: memory.size: at most 1023GiB, got 1TiB"},
    {"size_overflow", "boot: {kernel: Image}\nmemory: {size: 18446744073709551615TiB}\n",
     "test.yaml:2:16: memory.size: at most 1023GiB, got 18446744073709551615TiB"},
    {"size_wraps_to_valid", "boot: {kernel: Image}\nmemory: {size: 16777217TiB}\n",
     "test.yaml:2:16: memory.size: at most 1023GiB, got 16777217TiB"},
    {"size_more_than_64_bits", "boot: {kernel: Image}\nmemory: {size: 99999999999999999999}\n",
     "test.yaml:2:16: memory.size: at most 1023GiB, got 99999999999999999999"},
    {"size_odd", "boot: {kernel: Image}\nmemory: {size: 33554433}\n",
     "test.yaml:2:16: memory.size: must be a multiple of 1MiB, got 33554433"},
    {"window_word", "boot: {kernel: Image}\nmemory: {dma_window: none}\n",
     "test.yaml:2:22: memory.dma_window: expected a size such as 64MiB, or auto, got \"none\""},
    {"window_small", "boot: {kernel: Image}\nmemory: {dma_window: 64KiB}\n",
     "test.yaml:2:22: memory.dma_window: at least 1MiB, got 64KiB"},
    {"window_does_not_fit", "boot: {kernel: Image}\nmemory: {size: 1022GiB, dma_window: 2GiB}\n",
     "test.yaml:2:37: memory.dma_window: 2GiB do not fit below guest address 1TiB: RAM of 1022GiB "
     "leaves 1GiB"},
    {"choice_misspelt", "boot: {kernel: Image}\nmemory: {hugepages: alwyas}\n",
     "test.yaml:2:21: memory.hugepages: expected auto, always or never, got \"alwyas\", did you "
     "mean always?"},
    {"prefault_is_no_word", "boot: {kernel: Image}\nmemory: {prefault: auto}\n",
     "test.yaml:2:20: memory.prefault: expected true or false, got \"auto\""},
    {"choice_word", "boot: {kernel: Image}\non_reset: reboot\n",
     "test.yaml:2:11: on_reset: expected restart or exit, got \"reboot\""},
    {"choice_list", "boot: {kernel: Image}\nconsole: {type: [stdio]}\n",
     "test.yaml:2:17: console.type: expected stdio, pty, file, socket or none, got a list"},
    {"path_nothing", "boot: {kernel: Image, initrd: }\n",
     "test.yaml:1:23: boot.initrd: expected a path, got nothing"},
    {"path_empty", "boot: {kernel: ''}\n",
     "test.yaml:1:16: boot.kernel: expected a path, got nothing"},
    {"path_number", "boot: {kernel: 7}\n",
     "test.yaml:1:16: boot.kernel: expected a path, but 7 without quotes is a number: write \"7\""},
    {"cmdline_line_break", "boot:\n  kernel: Image\n  cmdline: |\n    a\n    b\n",
     "test.yaml:3:12: boot.cmdline: a line break in it; in YAML, '>-' folds lines into one"},
    {"cmdline_control", "boot: {kernel: Image, cmdline: \"a\\0b\"}\n",
     "test.yaml:1:32: boot.cmdline: a control character in it"},
    {"file_without_path", "boot: {kernel: Image}\nconsole:\n  type: file\n",
     "test.yaml:3:9: console.type: file needs console.path"},
    {"socket_without_path", "boot: {kernel: Image}\nconsole: {type: socket}\n",
     "test.yaml:2:17: console.type: socket needs console.path"},
    {"stdio_with_path", "boot: {kernel: Image}\nconsole: {path: x}\n",
     "test.yaml:2:17: console.path: console.type stdio takes no console.path"},
    {"none_with_path", "boot: {kernel: Image}\nconsole: {path: x, type: none}\n",
     "test.yaml:2:17: console.path: console.type none takes no console.path"},
};

INSTANTIATE_TEST_SUITE_P(NotYaml, BadConfigTest, testing::ValuesIn(kNotYaml), name_of);
INSTANTIATE_TEST_SUITE_P(Keys, BadConfigTest, testing::ValuesIn(kBadKeys), name_of);
INSTANTIATE_TEST_SUITE_P(Values, BadConfigTest, testing::ValuesIn(kBadValues), name_of);

TEST(BadConfig, all_faults_are_reported_in_order_of_place) {
  EXPECT_EQ(
      faults_of("console: {type: file}\ncpus: 0\nmemory: {sise: 1GiB}\nboot: {initrd: 1}\n"),
      "test.yaml:1:17: console.type: file needs console.path\n"
      "test.yaml:2:7: cpus: expected an integer from 1 to 64, got \"0\"\n"
      "test.yaml:3:10: memory.sise: unknown key, did you mean memory.size? (known here: size, "
      "hugepages, prefault and dma_window)\n"
      "test.yaml:4:1: boot.kernel: is required, and not given\n"
      "test.yaml:4:16: boot.initrd: expected a path, but 1 without quotes is a number: write "
      "\"1\"");
}

TEST(BadConfig, refused_value_is_not_reported_twice) {
  EXPECT_EQ(faults_of("boot: {kernel: 5}\nconsole: {type: fil, path: x}\n"),
            "test.yaml:1:16: boot.kernel: expected a path, but 5 without quotes is a number: write "
            "\"5\"\n"
            "test.yaml:2:17: console.type: expected stdio, pty, file, socket or none, got \"fil\", "
            "did you mean file?");
}

TEST(BadConfig, command_line_one_byte_too_long_is_refused) {
  const std::string text = "boot: {kernel: Image, cmdline: " + std::string(2048, 'a') + "}\n";
  EXPECT_EQ(faults_of(text), "test.yaml:1:32: boot.cmdline: at most 2047 bytes, got 2048");
}

TEST(BadConfig, socket_path_that_the_kernel_cannot_take_is_refused) {
  const std::string path = "/" + std::string(107, 's');
  EXPECT_EQ(faults_of("boot: {kernel: Image}\nconsole: {type: socket, path: " + path + "}\n"),
            "test.yaml:2:31: console.path: the path of a unix socket has at most 107 bytes; " +
                path + " has 108");
}

TEST(BadConfig, thousands_of_values_are_refused_at_once) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(faults_of(text), "test.yaml:500:7: more than 1000 values: this is not a configuration");
}

TEST(BadConfig, long_values_are_cut_in_messages) {
  const std::string fault = faults_of("cpus: " + std::string(100'000, 'x') + "\n");
  EXPECT_LT(fault.size(), 300U);
}

}  // namespace
}  // namespace redoubt::config
