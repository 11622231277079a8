// A pipeline as a document again, every default filled in, for lock files and reproducers.
#include <algorithm>
#include <utility>

#include "config/pipeline_table.hpp"

namespace neurotool {
namespace {

using yaml::Kind;
using yaml::Node;

struct ToNode {
  Node operator()(const std::string& text) const {
    Node node;
    node.kind = Kind::kScalar;
    // Text that would read as a number or a boolean stays text.
    node.scalar = text;
    node.quoted = value_text(OptionValue(text)).starts_with('"');
    return node;
  }
  Node operator()(bool value) const { return plain(value_text(value)); }
  Node operator()(std::int64_t value) const { return plain(value_text(value)); }
  Node operator()(double value) const { return plain(value_text(value)); }
  template <class T>
  Node operator()(const std::vector<T>& values) const {
    Node list;
    list.kind = Kind::kSequence;
    for (const T value : values) list.items.push_back((*this)(value));
    return list;
  }

 private:
  static Node plain(std::string text) {
    Node node;
    node.kind = Kind::kScalar;
    node.scalar = std::move(text);
    return node;
  }
};

class Writer {
 public:
  Writer(const PipelineConfig& config, const std::filesystem::path& folder)
      : config_(config), folder_(folder) {}

  Node section(const PipelineSection& table) const {
    switch (table.info.shape) {
      case SectionShape::kPassList:
        return passes();
      case SectionShape::kTargetOptions:
        return config_.target_options;
      case SectionShape::kExpectations:
        return expectations();
      case SectionShape::kDims:
        return dims();
      case SectionShape::kOptions:
        break;
    }
    Node node = mapping();
    if (table.data && !(config_.*table.data).given) return node;
    if (!asked_for(table)) return node;
    for (const PipelineRow& row : table.rows) {
      const OptionValue value = row.get(config_, folder_);
      if (value == OptionValue(std::string())) continue;
      if (table.only_given && !given(row)) continue;
      Node item = std::visit(ToNode{}, value);
      if (row.where) item.at = row.where(config_);
      add(node, row.info.key, std::move(item));
    }
    for (const PipelineSection& other : pipeline_table()) {
      if (other.info.path.empty() || parent_section(other.info.path) != table.info.path) continue;
      Node inner = section(other);
      const bool says_something = !inner.items.empty() || !inner.entries.empty();
      if (says_something) add(node, std::string(last_part(other.info.path)), std::move(inner));
    }
    return node;
  }

 private:
  bool given(const PipelineRow& row) const {
    return !std::holds_alternative<std::monostate>(row.where(config_));
  }

  /// What a section requires and has not was not asked for.
  bool asked_for(const PipelineSection& table) const {
    return std::ranges::none_of(table.rows, [&](const PipelineRow& row) {
      return row.info.required && row.get(config_, folder_) == OptionValue(std::string());
    });
  }

  static Node mapping() {
    Node node;
    node.kind = Kind::kMapping;
    return node;
  }

  static void add(Node& node, std::string key, Node value) {
    node.entries.push_back({.key = std::move(key), .key_at = {}, .value = std::move(value)});
  }

  Node passes() const {
    Node list;
    list.kind = Kind::kSequence;
    for (const PassConfig& pass : config_.passes) {
      if (pass.options.entries.empty()) {
        list.items.push_back(ToNode{}(pass.name));
      } else {
        Node item = mapping();
        add(item, pass.name, pass.options);
        list.items.push_back(std::move(item));
      }
    }
    return list;
  }

  Node dims() const {
    Node node = mapping();
    for (const BoundDim& dim : config_.model_dims) {
      Node item = ToNode{}(dim.extent);
      item.at = dim.at;
      add(node, dim.name, std::move(item));
    }
    return node;
  }

  Node expectations() const {
    Node node = mapping();
    for (const Expectation& expected : config_.expect) {
      Node item = ToNode{}(expected.comparison + ' ' + value_text(expected.value));
      item.at = expected.at;
      add(node, expected.metric, std::move(item));
    }
    return node;
  }

  const PipelineConfig& config_;
  const std::filesystem::path& folder_;
};

}  // namespace

Node to_yaml(const PipelineConfig& config, const std::filesystem::path& folder) {
  return Writer(config, folder).section(pipeline_table().front());
}

}  // namespace neurotool
