// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <string_view>
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
  if (key.type == KeyType::Choice) return *format_value(key, value);
  return std::visit(
      [](const auto& held) -> Json {
        if constexpr (std::is_same_v<decltype(held), const std::monostate&>) {
          return nullptr;
        } else {
          return held;
        }
      },
      value);
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
  constexpr std::string_view kOneLine = "^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f]*$";
  switch (key.type) {
    case KeyType::Text:
      schema["type"] = "string";
      schema["pattern"] = kOneLine;
      if (key.minimum > 0) schema["minLength"] = key.minimum;
      schema["maxLength"] = key.maximum;
      return;
    case KeyType::Path:
      schema["type"] = "string";
      schema["pattern"] = kOneLine;
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
  }
}

Json schema_of(const ConfigKey& key) {
  Json schema = {{"title", key.title}, {"description", key.description}};
  constrain(key, schema);
  const std::string fallback = default_text(key);
  if (key.default_note.empty() && !fallback.empty()) schema["default"] = literal(key, fallback);
  schema["examples"] = Json::array({literal(key, std::string(key.example))});
  return schema;
}

Json object() {
  return {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
}

// What Loader::check_console() says: a file and a socket need a path, stdio and none take none.
void relate_console(Json& console) {
  const auto when = [](const Json& kinds, const Json& required, const Json& then) {
    Json condition = {{"properties", {{"type", {{"enum", kinds}}}}}};
    if (!required.empty()) condition["required"] = required;
    return Json{{"if", condition}, {"then", then}};
  };
  console["allOf"] = Json::array();
  console["allOf"].push_back(
      when({"file", "socket"}, Json::array({"type"}), {{"required", Json::array({"path"})}}));
  console["allOf"].push_back(
      when({"stdio", "none"}, Json::array(), {{"properties", {{"path", false}}}}));
}

}  // namespace

std::string to_json(const VmConfig& config) {
  Json json;
  for (const ConfigKey& key : config_keys()) {
    Json value = json_of(key, key.get(config));
    if (key.section().empty()) {
      json[std::string(key.leaf())] = value;
    } else {
      json[std::string(key.section())][std::string(key.leaf())] = value;
    }
  }
  return dump(json);
}

std::string json_schema() {
  Json schema = {{"$comment", "SPDX-License-Identifier: Apache-2.0. Printed by `redoubt schema`."},
                 {"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "Redoubt guest"},
                 {"description", "A virtual machine for `redoubt run`."}};
  schema.update(object());
  Json& properties = schema["properties"];
  for (const ConfigKey& key : config_keys()) {
    Json* parent = &schema;
    if (const ConfigSection* section = find_section(key.section()); section != nullptr) {
      Json& entry = properties[std::string(section->name)];
      if (entry.is_null()) {
        entry = {{"description", section->description}};
        entry.update(object());
      }
      parent = &entry;
    }
    (*parent)["properties"][std::string(key.leaf())] = schema_of(key);
    if (!key.required) continue;
    (*parent)["required"].push_back(key.leaf());
    if (parent != &schema) schema["required"].push_back(key.section());
  }
  relate_console(properties["console"]);
  return dump(schema);
}

}  // namespace redoubt::config
