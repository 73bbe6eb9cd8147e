// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "vmm/config/config_keys.h"
#include "vmm/config/config_text.h"
#include "vmm/config/config_value.h"

namespace redoubt::config {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const ConfigKey& key, const ConfigValue& value) {
  if (std::holds_alternative<std::monostate>(value)) return nullptr;
  if (key.type == KeyType::Choice) return choice_name(key, value);
  if (key.type == KeyType::Mac) return format_mac(std::get<uint64_t>(value));
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* number = std::get_if<uint64_t>(&value)) return *number;
  return std::get<std::string>(value);
}

std::string dump(const Json& json) {
  // A path may hold any bytes.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// An example, or a default, as JSON has it.
Json literal(const ConfigKey& key, const std::string& text) {
  if (key.type == KeyType::Boolean) return text == "true";
  if (key.type == KeyType::Integer) {
    uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }
  return text;
}

void constrain_choice(const ConfigKey& key, Json& schema) {
  for (const Choice& choice : key.choices) {
    schema["enum"].push_back(choice.name);
    schema["enumDescriptions"].push_back(choice.description);
  }
}

void constrain_size(const ConfigKey& key, Json& schema) {
  Json forms = Json::array();
  forms.push_back({{"type", "integer"},
                   {"description", "bytes"},
                   {"minimum", key.minimum},
                   {"maximum", key.maximum},
                   {"multipleOf", key.multiple_of}});
  forms.push_back({{"type", "string"}, {"pattern", "^[0-9]+(KiB|MiB|GiB|TiB)$"}});
  if (key.allows_auto) forms.push_back({{"const", "auto"}});
  schema["anyOf"] = forms;
}

void constrain(const ConfigKey& key, Json& schema) {
  switch (key.type) {
    case KeyType::Text:
      schema["type"] = "string";
      schema["pattern"] = pattern_of(key.alphabet);
      if (key.minimum > 0) schema["minLength"] = key.minimum;
      schema["maxLength"] = key.maximum;
      return;
    case KeyType::Path:
      schema["type"] = "string";
      schema["pattern"] = pattern_of(Alphabet::Line);
      schema["minLength"] = 1;
      return;
    case KeyType::Boolean: schema["type"] = "boolean"; return;
    case KeyType::Integer:
      schema["type"] = "integer";
      schema["minimum"] = key.minimum;
      schema["maximum"] = key.maximum;
      return;
    case KeyType::Size: constrain_size(key, schema); return;
    case KeyType::Choice: constrain_choice(key, schema); return;
    case KeyType::Mac:
      schema["type"] = "string";
      schema["pattern"] = "^(?!00:00:00:00:00:00$)[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$";
      return;
  }
}

Json schema_of(const ConfigSection& section, const ConfigKey& key) {
  Json schema = {{"title", key.title}, {"description", key.description}};
  constrain(key, schema);
  const std::string fallback = default_text(section, key);
  if (key.default_note.empty() && !fallback.empty()) schema["default"] = literal(key, fallback);
  schema["examples"] = Json::array({literal(key, std::string(key.example))});
  return schema;
}

// If the section's type is one of `kinds`, then `then`.
Json rule(const ConfigSection& section, std::span<const std::string_view> kinds, const Json& then) {
  const ConfigKey& type = *section.find("type");
  const std::string fallback = default_text(section, type);
  Json names = Json::array();
  for (const std::string_view kind : kinds) names.push_back(kind);
  Json condition = {{"properties", {{"type", {{"enum", names}}}}}};
  // Where there is no type it is the default.
  if (std::find(kinds.begin(), kinds.end(), fallback) == kinds.end()) {
    condition["required"] = Json::array({"type"});
  }
  return {{"if", condition}, {"then", then}};
}

// What needed_by and refused_by say.
void relate(const ConfigSection& section, Json& schema) {
  Json rules = Json::array();
  for (const ConfigKey& key : section.keys) {
    const auto required = [](std::string_view name) {
      return Json{{"required", Json::array({name})}};
    };
    if (!key.needed_by.empty()) {
      Json then = required(key.name);
      if (!key.alternative.empty()) {
        then = {{"oneOf", Json::array({required(key.name), required(key.alternative)})}};
      }
      rules.push_back(rule(section, key.needed_by, then));
    }
    if (!key.refused_by.empty()) {
      const Json refused = {{"properties", {{std::string(key.name), false}}}};
      rules.push_back(rule(section, key.refused_by, refused));
    }
  }
  if (!rules.empty()) schema["allOf"] = std::move(rules);
}

// One item of a section.
Json item_schema(const ConfigSection& section) {
  Json schema = {
      {"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
  for (const ConfigKey& key : section.keys) {
    schema["properties"][std::string(key.name)] = schema_of(section, key);
    if (key.required) schema["required"].push_back(key.name);
  }
  relate(section, schema);
  return schema;
}

Json section_schema(const ConfigSection& section) {
  Json schema = {{"title", section.title}, {"description", section.description}};
  if (section.shape == Shape::List) {
    schema["type"] = "array";
    schema["maxItems"] = section.most;
    schema["items"] = item_schema(section);
  } else {
    schema.update(item_schema(section));
  }
  return schema;
}

Json item_json(const ConfigSection& section, const VmConfig& config, size_t item) {
  Json json = Json::object();
  for (const ConfigKey& key : section.keys) {
    json[std::string(key.name)] = json_of(key, key.value(config, item));
  }
  return json;
}

Json section_json(const ConfigSection& section, const VmConfig& config) {
  const size_t count = section.count(config);
  if (section.shape != Shape::List) return count == 0 ? Json() : item_json(section, config, 0);
  Json list = Json::array();
  for (size_t item = 0; item < count; ++item) list.push_back(item_json(section, config, item));
  return list;
}

}  // namespace

std::string to_json(const VmConfig& config) {
  Json json;
  for (const ConfigSection& section : config_sections()) {
    if (section.name.empty()) {
      json = section_json(section, config);
    } else {
      json[std::string(section.name)] = section_json(section, config);
    }
  }
  return dump(json);
}

std::string json_schema() {
  Json schema = {{"$comment", "SPDX-License-Identifier: Apache-2.0. Printed by `redoubt schema`."},
                 {"$schema", "https://json-schema.org/draft/2020-12/schema"}};
  for (const ConfigSection& section : config_sections()) {
    if (section.name.empty()) {
      schema.update(section_schema(section));
      continue;
    }
    Json& entry = schema["properties"][std::string(section.name)];
    entry = section_schema(section);
    const bool needed = section.shape == Shape::Map && entry.contains("required");
    if (needed) schema["required"].push_back(section.name);
  }
  return dump(schema);
}

}  // namespace redoubt::config
