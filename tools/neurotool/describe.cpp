// Descriptions come from plugins: what is printed is escaped, what is read back is checked.
#include "describe.hpp"

#include <fmt/format.h>

#include <array>

#include "base/text.hpp"

namespace neurotool::cli {
namespace {

constexpr std::array kTypes{OptionType::kBool,    OptionType::kInt,    OptionType::kReal,
                            OptionType::kText,    OptionType::kChoice, OptionType::kIntList,
                            OptionType::kRealList};

/// Members of DeviceLimits by their name in nt.resources/1 and what they are called on a page.
struct LimitRow {
  std::string_view key, words;
  std::uint64_t DeviceLimits::*member;
};
constexpr std::array kLimits{
    LimitRow{"chips", "chips", &DeviceLimits::chips},
    LimitRow{"cores_per_chip", "cores/chip", &DeviceLimits::cores_per_chip},
    LimitRow{"neurons_per_core", "neurons/core", &DeviceLimits::neurons_per_core},
    LimitRow{"synapses_per_core", "synapses/core", &DeviceLimits::synapses_per_core},
    LimitRow{"fan_in", "fan-in", &DeviceLimits::fan_in},
    LimitRow{"fan_out", "fan-out", &DeviceLimits::fan_out},
    LimitRow{"weight_bits", "weight bits", &DeviceLimits::weight_bits},
    LimitRow{"delay_steps", "steps of delay", &DeviceLimits::delay_steps}};

Json strings(const std::vector<std::string>& items) {
  Json list = Json::array();
  for (const std::string& item : items) list.push_back(item);
  return list;
}

Json option_json(const OptionInfo& option) {
  Json limits = option.bounded
                    ? Json(Json::Array{number_text(option.minimum), number_text(option.maximum)})
                    : Json(nullptr);
  return Json::Object{
      {"key", option.key},
      {"type", type_name(option.type)},
      {"summary", option.summary},
      {"unit", option.unit},
      {"default", option.required ? Json(nullptr) : Json(value_text(option.fallback))},
      {"range", describe_range(option)},
      {"bounds", std::move(limits)},
      {"choices", strings(option.choices)}};
}

std::string text_of(const Json& object, std::string_view key) {
  const Json* item = object.is_object() ? object.find(key) : nullptr;
  const auto* text = item ? std::get_if<std::string>(&item->value()) : nullptr;
  return text ? *text : std::string();
}

std::vector<std::string> texts_of(const Json& object, std::string_view key) {
  std::vector<std::string> result;
  const Json* item = object.is_object() ? object.find(key) : nullptr;
  if (item == nullptr || !item->is_array()) return result;
  for (const Json& entry : std::get<Json::Array>(item->value())) {
    if (const auto* text = std::get_if<std::string>(&entry.value())) result.push_back(*text);
  }
  return result;
}

std::uint64_t count_of(const Json& object, std::string_view key) {
  const Json* item = object.is_object() ? object.find(key) : nullptr;
  const auto* number = item ? std::get_if<std::int64_t>(&item->value()) : nullptr;
  return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

/// The default as its own type again, read the way a pipeline file is.
OptionValue parse_fallback(OptionInfo option, const std::string& text) {
  Diagnostics ignored;
  const auto document = yaml::parse("value: " + text, "", ignored);
  if (!document) return text;
  option.key = "value";
  option.unit.clear();
  option.fallback = text;
  return check_options(*document, std::span(&option, 1), "", "", ignored).front().value;
}

OptionInfo option_from(const Json& json) {
  OptionInfo option{.key = text_of(json, "key"),
                    .type = OptionType::kText,
                    .summary = text_of(json, "summary"),
                    .unit = text_of(json, "unit"),
                    .fallback = std::string(),
                    .choices = texts_of(json, "choices")};
  for (const OptionType type : kTypes) {
    if (type_name(type) == text_of(json, "type")) option.type = type;
  }
  const Json* fallback = json.find("default");
  option.required =
      fallback != nullptr && std::holds_alternative<std::nullptr_t>(fallback->value());
  const std::vector<std::string> bounds = texts_of(json, "bounds");
  option.bounded = bounds.size() == 2;
  if (option.bounded) {
    option.minimum = std::strtod(bounds[0].c_str(), nullptr);
    option.maximum = std::strtod(bounds[1].c_str(), nullptr);
  }
  if (!option.required) option.fallback = parse_fallback(option, text_of(json, "default"));
  return option;
}

std::string joined(const std::vector<std::string>& items) {
  return escape_control(fmt::format("{}", fmt::join(items, ", ")));
}

std::string limits_text(const DeviceLimits& limits) {
  std::string text;
  for (const LimitRow& row : kLimits) {
    const std::uint64_t amount = limits.*row.member;
    if (amount == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : " · ", with_thousands(amount), row.words);
  }
  return text;
}

}  // namespace

std::string option_table(std::span<const OptionInfo> options) {
  std::vector<std::vector<std::string>> rows;
  for (const OptionInfo& option : options) {
    std::string range = describe_range(option);
    if (!option.unit.empty()) range += (range.empty() ? "" : " ") + option.unit;
    rows.push_back({"    " + escape_control(option.key), std::string(type_name(option.type)),
                    escape_control(range),
                    option.required ? "required" : escape_control(value_text(option.fallback)),
                    escape_control(option.summary)});
  }
  return rows.empty() ? std::string() : align_columns(rows, {false, false, false, false, false});
}

Json to_json(const TargetPage& page) {
  const TargetDescription& d = page.description;
  Json options = Json::array();
  for (const OptionInfo& option : d.options) options.push_back(option_json(option));
  Json limits = Json::object();
  for (const LimitRow& row : kLimits) limits[row.key] = page.limits.*row.member;
  return Json::Object{{"name", d.name},
                      {"summary", d.summary},
                      {"plugin_id", d.plugin_id},
                      {"plugin_version", d.plugin_version},
                      {"vendor", d.vendor},
                      {"license", d.license},
                      {"abi_major", d.abi_major},
                      {"abi_minor", d.abi_minor},
                      {"file", d.file.string()},
                      {"sha256", d.file_sha256},
                      {"options", std::move(options)},
                      {"models", strings(d.models)},
                      {"kinds", strings(d.kinds)},
                      {"extensions", strings(d.extensions)},
                      {"codegen_formats", strings(d.codegen_formats)},
                      {"limits", std::move(limits)}};
}

std::optional<TargetPage> page_from_json(std::string_view text) {
  const auto json = Json::parse(text);
  if (!json || !json->is_object() || text_of(*json, "name").empty()) return std::nullopt;
  TargetPage page;
  TargetDescription& d = page.description;
  d.name = text_of(*json, "name");
  d.summary = text_of(*json, "summary");
  d.plugin_id = text_of(*json, "plugin_id");
  d.plugin_version = text_of(*json, "plugin_version");
  d.vendor = text_of(*json, "vendor");
  d.license = text_of(*json, "license");
  d.abi_major = static_cast<std::uint32_t>(count_of(*json, "abi_major"));
  d.abi_minor = static_cast<std::uint32_t>(count_of(*json, "abi_minor"));
  d.file = text_of(*json, "file");
  d.file_sha256 = text_of(*json, "sha256");
  d.models = texts_of(*json, "models");
  d.kinds = texts_of(*json, "kinds");
  d.extensions = texts_of(*json, "extensions");
  d.codegen_formats = texts_of(*json, "codegen_formats");
  if (const Json* options = json->find("options"); options != nullptr && options->is_array()) {
    for (const Json& option : std::get<Json::Array>(options->value())) {
      if (option.is_object()) d.options.push_back(option_from(option));
    }
  }
  if (const Json* limits = json->find("limits")) {
    for (const LimitRow& row : kLimits) page.limits.*row.member = count_of(*limits, row.key);
  }
  return page;
}

std::string target_page_text(const TargetPage& page) {
  const TargetDescription& d = page.description;
  const auto row = [](std::string_view label, const std::string& text) {
    return text.empty() ? std::string() : fmt::format("  {:<9} {}\n", label, text);
  };
  std::string formats = d.codegen_formats.empty() ? "" : " (" + joined(d.codegen_formats) + ")";
  std::string text = fmt::format("{} — {}\n", escape_control(d.name), escape_control(d.summary));
  text += row("plugin", escape_control(fmt::format("{} {}   abi {}.{}", d.plugin_id,
                                                   d.plugin_version, d.abi_major, d.abi_minor)));
  text += row("file", escape_control(d.file.string()));
  text += row("vendor", escape_control(d.vendor));
  text += row("license", escape_control(d.license));
  text += row("can", "check, compile" + (d.extensions.empty() ? "" : ", " + joined(d.extensions)) +
                         formats);
  text += row("neurons", joined(d.models));
  text += row("synapses", joined(d.kinds));
  text += row("holds", limits_text(page.limits));
  if (!d.options.empty()) text += "  options\n" + option_table(d.options);
  return text;
}

}  // namespace neurotool::cli
