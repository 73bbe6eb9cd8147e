// SPDX-License-Identifier: Apache-2.0
//
// The published schema is the one that the table of keys gives, and it accepts what the parser
// accepts.
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

#include "tests/unit/config/config_testing.h"
#include "tests/unit/config/example_folder.h"
#include "vmm/config/config_keys.h"
#include "vmm/config/config_text.h"
#include "vmm/config/config_value.h"

namespace redoubt::config {
namespace {

using Json = nlohmann::json;

// As an editor sees a plain scalar, by the core schema of YAML 1.2.
Json scalar_json(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;
  if (text == "true" || text == "false") return text == "true";
  if (std::regex_match(text, std::regex("-?[0-9]+"))) return Json::parse(text);
  if (std::regex_match(text, std::regex("-?[0-9]+\\.[0-9]+"))) return std::stod(text);
  return text;
}

Json to_json_value(const YAML::Node& node) {
  if (node.IsMap()) {
    Json json = Json::object();
    for (const auto& entry : node) json[entry.first.Scalar()] = to_json_value(entry.second);
    return json;
  }
  if (node.IsSequence()) {
    Json json = Json::array();
    for (const auto& item : node) json.push_back(to_json_value(item));
    return json;
  }
  return node.IsNull() ? Json() : scalar_json(node);
}

bool has_type(const Json& value, const std::string& type) {
  if (type == "integer") return value.is_number_integer();
  if (type == "object") return value.is_object();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  return type == "boolean" && value.is_boolean();
}

bool accepts(const Json& schema, const Json& value);

bool accepts_object(const Json& schema, const Json& value) {
  for (const auto& name : schema.value("required", Json::array())) {
    if (!value.contains(name.get<std::string>())) return false;
  }
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, inner] : value.items()) {
    const bool known = properties.contains(name);
    if (!known && !schema.value("additionalProperties", true)) return false;
    if (known && !accepts(properties.at(name), inner)) return false;
  }
  return true;
}

// Of JSON Schema, what ours uses; annotations are passed over.
bool accepts(const Json& schema, const Json& value) {
  if (schema.is_boolean()) return schema.get<bool>();
  for (const auto& [keyword, wanted] : schema.items()) {
    bool good = true;
    if (keyword == "type") {
      good = has_type(value, wanted);
    } else if (keyword == "enum") {
      good = std::find(wanted.begin(), wanted.end(), value) != wanted.end();
    } else if (keyword == "const") {
      good = value == wanted;
    } else if (keyword == "minimum") {
      good = !value.is_number() || value >= wanted;
    } else if (keyword == "maximum") {
      good = !value.is_number() || value <= wanted;
    } else if (keyword == "multipleOf") {
      good = !value.is_number() || value.get<int64_t>() % wanted.get<int64_t>() == 0;
    } else if (keyword == "minLength") {
      good = !value.is_string() || value.get<std::string>().size() >= wanted;
    } else if (keyword == "maxLength") {
      good = !value.is_string() || value.get<std::string>().size() <= wanted;
    } else if (keyword == "anyOf") {
      good = std::any_of(wanted.begin(), wanted.end(),
                         [&value](const Json& each) { return accepts(each, value); });
    } else if (keyword == "oneOf") {
      good = std::count_if(wanted.begin(), wanted.end(),
                           [&value](const Json& each) { return accepts(each, value); }) == 1;
    } else if (keyword == "items") {
      good = !value.is_array() ||
             std::all_of(value.begin(), value.end(),
                         [&wanted = wanted](const Json& each) { return accepts(wanted, each); });
    } else if (keyword == "maxItems") {
      good = !value.is_array() || value.size() <= wanted;
    } else if (keyword == "allOf") {
      good = std::all_of(wanted.begin(), wanted.end(),
                         [&value](const Json& each) { return accepts(each, value); });
    } else if (keyword == "then") {
      good = !accepts(schema.at("if"), value) || accepts(wanted, value);
    } else if (keyword == "pattern" && value.is_string()) {
      // The regular expressions of C++ know no \u in a class; that one is written out here.
      const std::string text = value;
      good = wanted.get<std::string>().find("\\u") == std::string::npos
                 ? std::regex_match(text, std::regex(wanted.get<std::string>()))
                 : text.find_first_of("\n\x1b\x7f") == std::string::npos;
    }
    if (!good) return false;
  }
  return !value.is_object() || accepts_object(schema, value);
}

const Json& schema() {
  static const Json parsed = Json::parse(json_schema());
  return parsed;
}

bool schema_accepts(const std::string& text) {
  return accepts(schema(), to_json_value(YAML::Load(text)));
}

// A type of the section that goes with `key`, where it cannot be the default.
std::string type_for(const ConfigSection& section, const ConfigKey& key) {
  if (!key.needed_by.empty()) return std::string(key.needed_by.front());
  if (section.name == "networks") return "tap";
  return section.name == "ports" ? "none" : "";
}

// What has to stand beside `key` in an item for it to be right.
std::string beside(const ConfigSection& section, const ConfigKey& key, const std::string& value) {
  const std::string type = key.name == "type" ? value : type_for(section, key);
  std::string text;
  for (const ConfigKey& other : section.keys) {
    const bool needed =
        std::find(other.needed_by.begin(), other.needed_by.end(), type) != other.needed_by.end() &&
        other.alternative != key.name;
    if (other.name == key.name) continue;
    if (other.name == "type" && !type.empty()) {
      text += ", type: " + type;
    } else if (other.required || needed) {
      text.append(", ").append(other.name).append(": ").append(other.example);
    }
  }
  return text;
}

// `value` for `key` in a configuration that is good otherwise.
std::string config_with(const ConfigSection& section, const ConfigKey& key,
                        const std::string& value) {
  const std::string item = std::string(key.name) + ": " + value + beside(section, key, value);
  std::string text = section.name == "boot" ? "" : "boot: {kernel: Image}\n";
  if (section.name.empty()) return text + std::string(key.name) + ": " + value + "\n";
  const bool is_list = section.shape == Shape::List;
  // One of the two may have stdio.
  if (section.name == "ports") text += "console: {type: none}\n";
  text.append(section.name).append(is_list ? ": [{" : ": {").append(item);
  return text + (is_list ? "}]\n" : "}\n");
}

// Every key with the schema of its section's items.
template <class Visit>
void for_each_key(const Visit& visit) {
  for (const ConfigSection& section : config_sections()) {
    Json of_item = schema();
    if (!section.name.empty()) of_item = of_item.at("properties").at(std::string(section.name));
    if (section.shape == Shape::List) of_item = of_item.at("items");
    for (const ConfigKey& key : section.keys) {
      visit(section, key, of_item.at("properties").at(std::string(key.name)));
    }
  }
}

TEST(ConfigSchema, published_file_is_the_generated_one) {
  std::ifstream file(example_folder() / "redoubt.schema.json");
  const std::string published{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(published, json_schema())
      << "write it anew: redoubt schema > configs/redoubt.schema.json";
}

TEST(ConfigSchema, every_key_has_words_an_example_and_a_default_where_it_has_one) {
  for_each_key([](const ConfigSection& section, const ConfigKey& key, const Json& entry) {
    const std::string path = section.path_of(key);
    EXPECT_FALSE(entry.at("title").get<std::string>().empty()) << path;
    EXPECT_FALSE(entry.at("description").get<std::string>().empty()) << path;
    EXPECT_TRUE(accepts(entry, entry.at("examples").at(0))) << path;
    EXPECT_TRUE(!entry.contains("default") || accepts(entry, entry.at("default"))) << path;
    EXPECT_NE(entry.contains("default"), key.required || !key.default_note.empty()) << path;
  });
}

TEST(ConfigSchema, and_parser_take_every_key_and_every_choice) {
  for_each_key([](const ConfigSection& section, const ConfigKey& key, const Json&) {
    std::vector<std::string> values = {std::string(key.example)};
    for (const Choice& choice : key.choices) values.emplace_back(choice.name);
    if (key.allows_auto) values.emplace_back("auto");
    if (key.maximum > 0 && key.type == KeyType::Integer) {
      values.push_back(std::to_string(key.minimum));
      values.push_back(std::to_string(key.maximum));
    }
    if (key.type == KeyType::Size) {
      values.push_back(format_size(key.minimum));
      values.push_back(std::to_string(key.minimum));
    }
    for (const std::string& value : values) {
      const std::string text = config_with(section, key, value);
      EXPECT_EQ(faults_of(text), "") << text;
      EXPECT_TRUE(schema_accepts(text)) << text;
    }
  });
}

TEST(ConfigSchema, and_parser_refuse_the_same_values) {
  for_each_key([](const ConfigSection& section, const ConfigKey& key, const Json&) {
    std::vector<std::string> values = {"", "[a]", "{a: b}", "\"a\\x7f\"", "1.5", "-1"};
    switch (key.type) {
      case KeyType::Text:
        values.insert(values.end(), {"true", "42", std::string(3000, 'x')});
        if (key.alphabet != Alphabet::Line) values.insert(values.end(), {"é", "\"\""});
        if (key.alphabet == Alphabet::Name) values.insert(values.end(), {"a b", "-a", ".", "a/b"});
        break;
      case KeyType::Path: values.insert(values.end(), {"true", "42", "\"\""}); break;
      case KeyType::Boolean: values.insert(values.end(), {"yes", "\"true\"", "1"}); break;
      case KeyType::Integer:
        values.insert(values.end(), {"0", std::to_string(key.maximum + 1), "\"1\"", "one"});
        break;
      case KeyType::Size:
        values.insert(values.end(), {"512MB", "1G", "33554433", "0", "\"33554432\"", "true"});
        break;
      case KeyType::Choice: values.insert(values.end(), {"other", "1", "true", "\"\""}); break;
      case KeyType::Mac:
        values.insert(values.end(), {"01:00:00:00:00:01", "00:00:00:00:00:00", "52:54:00:12:34",
                                     "52:54:00:12:34:5g", "52-54-00-12-34-56", "\"\"",
                                     "52:54:00:12:34:56:78", "52:54:00:12:34:5", "0x52"});
        break;
    }
    for (const std::string& value : values) {
      const std::string text = config_with(section, key, value);
      EXPECT_NE(faults_of(text), "") << text;
      EXPECT_FALSE(schema_accepts(text)) << text;
    }
  });
}

TEST(ConfigSchema, and_parser_agree_on_structure) {
  for (const std::string text : {
           "boot: {kernel: x}",
           "boot: {kernel: x, kernal: y}",
           "boot: {kernel: x}\ncpu: 1",
           "boot: {}",
           "cpus: 1",
           "boot: x",
           "boot: {kernel: x}\nconsole: {}",
           "boot: {kernel: x}\nconsole: {path: a}",
           "boot: {kernel: x}\nconsole: {type: stdio, path: a}",
           "boot: {kernel: x}\nconsole: {type: none, path: a}",
           "boot: {kernel: x}\nconsole: {type: pty}",
           "boot: {kernel: x}\nconsole: {type: pty, path: a}",
           "boot: {kernel: x}\nconsole: {type: file}",
           "boot: {kernel: x}\nconsole: {type: file, path: a}",
           "boot: {kernel: x}\nconsole: {type: socket}",
           "boot: {kernel: x}\nconsole: {type: socket, path: a}",
           "boot: {kernel: x}\ndisks: []",
           "boot: {kernel: x}\ndisks:",
           "boot: {kernel: x}\ndisks: {path: a}",
           "boot: {kernel: x}\ndisks: [a]",
           "boot: {kernel: x}\ndisks: [{}]",
           "boot: {kernel: x}\ndisks: [{path: a, pth: b}]",
           "boot: {kernel: x}\nvsock: {}",
           "boot: {kernel: x}\nvsock:",
           "boot: {kernel: x}\nvsock: []",
           "boot: {kernel: x}\nvsock: {path: a}",
           "boot: {kernel: x}\nvsock: {type: unix}",
           "boot: {kernel: x}\nvsock: {type: unix, path: a}",
           "boot: {kernel: x}\nnetworks: [{}]",
           "boot: {kernel: x}\nnetworks: [{type: tap}]",
           "boot: {kernel: x}\nnetworks: [{type: tap, tap: a}]",
           "boot: {kernel: x}\nnetworks: [{type: tap, fd: 3}]",
           "boot: {kernel: x}\nnetworks: [{type: tap, tap: a, fd: 3}]",
           "boot: {kernel: x}\nnetworks: [{tap: a}]",
           "boot: {kernel: x}\nnetworks: [{type: passt, fd: 3}]",
           "boot: {kernel: x}\nports: [{name: a}]",
           "boot: {kernel: x}\nports: [{type: none}]",
           "boot: {kernel: x}\nports: [{name: a, type: none}]",
           "boot: {kernel: x}\nports: [{name: a, type: none, path: b}]",
           "boot: {kernel: x}\nports: [{name: a, type: file}]",
           "boot: {kernel: x}\nshares: [{tag: a}]",
           "boot: {kernel: x}\nshares: [{tag: a, path: b}]",
       }) {
    EXPECT_EQ(schema_accepts(text), faults_of(text).empty()) << text << "\n" << faults_of(text);
  }
}

}  // namespace
}  // namespace redoubt::config
