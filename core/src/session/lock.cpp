// What the schema of pipeline files has keys for is in the document; versions and hashes that it
// has none for stand in the comment above it.
#include "session/lock.hpp"

#include <fmt/format.h>

#include <system_error>

#include "io/snapshot.hpp"
#include "target/target.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

/// The part of a mapping at a dotted key, or nullptr.
const yaml::Node* find_dotted(const yaml::Node& root, std::string_view key) {
  const yaml::Node* node = &root;
  while (node != nullptr && !key.empty()) {
    const std::size_t dot = key.find('.');
    node = node->find(key.substr(0, dot));
    key = dot == key.npos ? std::string_view() : key.substr(dot + 1);
  }
  return node;
}

void place(yaml::Node& node, const Location& at) {
  node.at = at;
  for (yaml::Node& item : node.items) place(item, at);
}

yaml::Node value_node(const OptionValue& value, const Location& at) {
  Diagnostics ignored;
  auto node = yaml::parse(value_text(value), "", ignored);
  NT_CHECK(node.has_value(), "a value as text is YAML");
  place(*node, at);
  return *std::move(node);
}

void set_dotted(yaml::Node& root, std::string_view key, yaml::Node value) {
  root.kind = yaml::Kind::kMapping;
  const std::size_t dot = key.find('.');
  const std::string head(key.substr(0, dot));
  auto entry = std::ranges::find(root.entries, head, &yaml::Node::Entry::key);
  if (entry == root.entries.end()) {
    root.entries.push_back({.key = head, .key_at = {}, .value = {}});
    entry = root.entries.end() - 1;
  }
  if (dot == key.npos) {
    entry->value = std::move(value);
  } else {
    set_dotted(entry->value, key.substr(dot + 1), std::move(value));
  }
}

/// Links among the folders are resolved, so that ".." means the same to everyone; the file keeps
/// the name by which it was called.
fs::path everywhere(const fs::path& path) {
  if (path.empty()) return path;
  std::error_code code;
  const fs::path named = fs::absolute(path, code).lexically_normal();
  const fs::path folder = fs::weakly_canonical(named.parent_path(), code);
  return code ? named : folder / named.filename();
}

}  // namespace

void resolve_passes(const std::vector<PlannedPass>& planned, PipelineConfig& config) {
  NT_CHECK(planned.size() == config.passes.size(), "one planned pass for each in the file");
  for (std::size_t i = 0; i < planned.size(); ++i) {
    const yaml::Node given = std::move(config.passes[i].options);
    yaml::Node& options = config.passes[i].options = {};
    for (const auto& [key, value] : planned[i].pass->options()) {
      const yaml::Node* source = find_dotted(given, key);
      set_dotted(options, key, value_node(value, source ? source->at : Location{}));
    }
  }
}

void resolve_target(const Target& target, PipelineConfig& config) {
  const TargetDescription& description = target.description();
  const Location plugin = FilePosition{.path = description.file.string()};
  config.target_version = {description.plugin_version, plugin};
  config.target_sha256 = {description.file_sha256, plugin};
  config.target_options = {};
  for (const CheckedOption& option : target.options()) {
    set_dotted(config.target_options, option.key, value_node(option.value, option.at));
  }
}

void resolve_paths(PipelineConfig& config) {
  config.model.value = everywhere(config.model.value);
  config.model_reference.value = everywhere(config.model_reference.value);
  config.report_directory.value = everywhere(config.report_directory.value);
  for (DataConfig* data : {&config.test, &config.calibration, &config.train}) {
    data->images.value = everywhere(data->images.value);
    data->labels.value = everywhere(data->labels.value);
  }
}

std::string lock_text(const PipelineConfig& resolved, const Report& report,
                      const fs::path& folder) {
  std::string text = fmt::format(
      "# What ran, with every default filled in: neurotool --config pipeline.lock.yaml runs it "
      "again.\n# neurotool {}, pipeline {}, report {}, snapshot {}, plugin abi {}.{}\n",
      report.tool_version, kPipelineVersion, kReportSchema, kSnapshotVersion, abi_version().major,
      abi_version().minor);
  for (const InputFileReport& file : report.files) {
    text += fmt::format("# sha256 {}  {}\n", file.sha256, file.role);
  }
  return text + yaml::dump(to_yaml(resolved, everywhere(folder)));
}

}  // namespace neurotool
