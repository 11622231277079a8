// JSON Schema (draft 2020-12) out of the tables, for editors that complete and check while typing.
#include <cmath>

#include "config/pipeline_table.hpp"
#include "config/schema.hpp"

namespace neurotool {
namespace {

constexpr const char* kComparison =
    "^(>=|<=|==|>|<) *[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?$";
constexpr const char* kQuantity = "^ *[-+]?[0-9.]+([eE][-+]?[0-9]+)? *[^ ]* *$";

struct ToJson {
  template <class T>
  Json operator()(const T& value) const {
    return Json(value);
  }
  template <class T>
  Json operator()(const std::vector<T>& values) const {
    Json array = Json::array();
    for (const T value : values) array.push_back(Json(value));
    return array;
  }
};

/// A bound in the type of the option, so that an int's reads "1" and not "1.0".
Json bound(const OptionInfo& row, double value) {
  const bool whole = row.type == OptionType::kInt || row.type == OptionType::kIntList;
  return whole && std::abs(value) < 0x1p53 ? Json(static_cast<std::int64_t>(value)) : Json(value);
}

Json number(const OptionInfo& row, const char* type) {
  Json schema = Json::object();
  schema["type"] = type;
  if (row.bounded && std::isfinite(row.minimum)) schema["minimum"] = bound(row, row.minimum);
  if (row.bounded && std::isfinite(row.maximum)) schema["maximum"] = bound(row, row.maximum);
  if (row.unit.empty()) return schema;
  Json quantity = Json::object();
  quantity["type"] = "string";
  quantity["pattern"] = kQuantity;
  Json either = Json::object();
  either["anyOf"] = Json(Json::Array{schema, quantity});
  return either;
}

Json list(const OptionInfo& row, const char* type) {
  Json schema = Json::object();
  schema["type"] = "array";
  schema["items"] = number(row, type);
  return schema;
}

Json typed(const OptionInfo& row) {
  Json schema = Json::object();
  switch (row.type) {
    case OptionType::kBool:
      schema["type"] = "boolean";
      return schema;
    case OptionType::kInt:
      return number(row, "integer");
    case OptionType::kReal:
      return number(row, "number");
    case OptionType::kText:
      schema["type"] = "string";
      return schema;
    case OptionType::kIntList:
      return list(row, "integer");
    case OptionType::kRealList:
      return list(row, "number");
    case OptionType::kChoice:
      break;
  }
  schema["enum"] = Json::array();
  for (const std::string& word : row.choices) schema["enum"].push_back(word);
  return schema;
}

Json value_schema(const OptionInfo& row) {
  Json schema = typed(row);
  if (!row.summary.empty()) {
    schema["description"] =
        row.unit.empty() ? row.summary : row.summary + " Unit: " + row.unit + ".";
  }
  if (!row.required) schema["default"] = std::visit(ToJson{}, row.fallback);
  return schema;
}

Json mapping(std::string_view description) {
  Json schema = Json::object();
  schema["type"] = "object";
  if (!description.empty()) schema["description"] = description;
  schema["additionalProperties"] = false;
  schema["properties"] = Json::object();
  return schema;
}

/// An empty `key:` means no options, so null will do as well.
Json or_null(Json schema) {
  schema["type"] = Json(Json::Array{"object", "null"});
  return schema;
}

void require(Json& schema, std::string_view key) {
  Json& required = schema["required"];
  if (!required.is_array()) required = Json::array();
  required.push_back(key);
}

/// Puts `row` where its dotted key says, making the mappings on the way.
void place(Json& schema, std::string_view key, const OptionInfo& row) {
  const auto dot = key.find('.');
  if (dot == key.npos) {
    schema["properties"][key] = value_schema(row);
    if (row.required) require(schema, key);
    return;
  }
  Json& inner = schema["properties"][key.substr(0, dot)];
  if (!inner.is_object()) inner = or_null(mapping(""));
  place(inner, key.substr(dot + 1), row);
}

Json section(std::string_view description, std::span<const OptionInfo> rows) {
  Json schema = mapping(description);
  for (const OptionInfo& row : rows) place(schema, row.key, row);
  return schema;
}

/// A pass is its name, or a mapping of the one name to its options.
Json pass_forms(const std::vector<NamedRows>& passes) {
  Json name = Json::object();
  name["enum"] = Json::array();
  Json with_options = mapping("");
  with_options["minProperties"] = 1;
  with_options["maxProperties"] = 1;
  for (const NamedRows& pass : passes) {
    name["enum"].push_back(pass.name);
    with_options["properties"][pass.name] = or_null(section(pass.summary, pass.rows));
  }
  return Json(Json::Array{std::move(name), std::move(with_options)});
}

Json pass_list(const SectionInfo& info, const std::vector<NamedRows>& passes) {
  Json schema = Json::object();
  schema["type"] = Json(Json::Array{"array", "null"});
  schema["description"] = info.summary;
  // Without a list of passes nothing can be said about an item; an empty enum would refuse all.
  if (passes.empty()) return schema;
  schema["items"] = Json::object();
  schema["items"]["anyOf"] = pass_forms(passes);
  return schema;
}

Json expectations(const SectionInfo& info) {
  Json schema = mapping(info.summary);
  for (const OptionInfo& row : info.rows) {
    Json comparison = Json::object();
    comparison["type"] = "string";
    comparison["pattern"] = kComparison;
    comparison["description"] = row.summary;
    schema["properties"][row.key] = std::move(comparison);
  }
  return schema;
}

Json dims(const SectionInfo& info) {
  Json extent = Json::object();
  extent["type"] = "integer";
  extent["minimum"] = 1;
  Json schema = Json::object();
  schema["type"] = "object";
  schema["description"] = info.summary;
  schema["additionalProperties"] = std::move(extent);
  return schema;
}

/// if target.name is X then target.options are X's; other targets are checked when they are opened.
Json options_by_target(const std::vector<NamedRows>& targets) {
  Json rules = Json::array();
  for (const NamedRows& target : targets) {
    Json named = Json::object();
    named["properties"] = Json::object();
    named["properties"]["name"] = Json::object();
    named["properties"]["name"]["const"] = target.name;
    named["required"] = Json(Json::Array{"name"});
    Json options = Json::object();
    options["properties"] = Json::object();
    options["properties"]["options"] = or_null(section(target.summary, target.rows));
    Json rule = Json::object();
    rule["if"] = std::move(named);
    rule["then"] = std::move(options);
    rules.push_back(std::move(rule));
  }
  return rules;
}

class PipelineSchema {
 public:
  PipelineSchema(const std::vector<NamedRows>& passes, const std::vector<NamedRows>& targets)
      : passes_(passes), targets_(targets) {}

  Json of(const SectionInfo& info) const {
    switch (info.shape) {
      case SectionShape::kPassList:
        return pass_list(info, passes_);
      case SectionShape::kExpectations:
        return or_null(expectations(info));
      case SectionShape::kDims:
        return or_null(dims(info));
      case SectionShape::kTargetOptions: {
        Json any = Json::object();
        any["type"] = Json(Json::Array{"object", "null"});
        any["description"] = info.summary;
        return any;
      }
      case SectionShape::kOptions:
        break;
    }
    Json schema = section(info.summary, info.rows);
    for (const SectionInfo& other : pipeline_sections()) {
      if (other.path.empty() || parent_section(other.path) != info.path) continue;
      schema["properties"][last_part(other.path)] = of(other);
      if (other.required) require(schema, last_part(other.path));
    }
    if (!schema.find("required")) schema = or_null(std::move(schema));
    return info.shorthand.empty() ? schema : with_shorthand(info, std::move(schema));
  }

 private:
  Json with_shorthand(const SectionInfo& info, Json full) const {
    if (info.path == "target" && !targets_.empty()) {
      Json names = Json::array();
      for (const NamedRows& target : targets_) names.push_back(target.name);
      full["properties"][info.shorthand]["examples"] = std::move(names);
      full["allOf"] = options_by_target(targets_);
    }
    Json alone = full["properties"][info.shorthand];
    alone["description"] = info.summary;
    Json either = Json::object();
    either["anyOf"] = Json(Json::Array{std::move(alone), std::move(full)});
    return either;
  }

  const std::vector<NamedRows>& passes_;
  const std::vector<NamedRows>& targets_;
};

}  // namespace

Json json_schema(std::span<const OptionInfo> rows) { return section("", rows); }

Json pipeline_json_schema(const std::vector<NamedRows>& passes,
                          const std::vector<NamedRows>& targets) {
  Json schema = Json::object();
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "neurotool pipeline";
  const Json file = PipelineSchema(passes, targets).of(pipeline_sections().front());
  for (const auto& [key, value] : std::get<Json::Object>(file.value())) schema[key] = value;
  return schema;
}

}  // namespace neurotool
