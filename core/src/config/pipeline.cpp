// A pipeline file into plain data: read, override, check every section against its rows, then what
// no single row can know. Everything that is wrong is reported in one go.
#include "config/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "config/pipeline_table.hpp"
#include "config/yaml_text.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;
using yaml::quote;

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 20;
constexpr std::string_view kHelp = "'neurotool schema' prints every section and key";

/// Paths are named in full, however long.
std::string whole(const fs::path& path) { return fmt::format("'{}'", path.string()); }

bool is_given(const Location& at) { return !std::holds_alternative<std::monostate>(at); }

class PipelineReader {
 public:
  PipelineReader(fs::path file, Diagnostics& out) : folder_(file.parent_path()), out_(out) {
    config_.file = std::move(file);
  }

  PipelineConfig read(const yaml::Node& document) {
    section(pipeline_table().front(), &document, document.at);
    check_preprocess();
    check_target_hash();
    check_mode(document.at);
    return std::move(config_);
  }

 private:
  void section(const PipelineSection& table, const yaml::Node* node, const Location& parent_at) {
    if (!node) {
      if (table.info.required) report_missing(table.info, parent_at);
      return;
    }
    switch (table.info.shape) {
      case SectionShape::kOptions:
        return options(table, *node);
      case SectionShape::kPassList:
        return passes(*node);
      case SectionShape::kTargetOptions:
        return target_options(*node);
      case SectionShape::kExpectations:
        return expectations(table, *node);
      case SectionShape::kDims:
        return dims(*node);
    }
  }

  void dims(const yaml::Node& node) {
    constexpr std::int64_t kLargest = std::int64_t{1} << 30;
    if (node.kind == yaml::Kind::kNull) return;
    if (node.kind != yaml::Kind::kMapping) {
      out_.report(error("config.type", node.at,
                        fmt::format("model.dims is {}, expected a mapping", yaml::describe(node)),
                        "write each free extent with its number, such as dims: { seq: 16 }"));
      return;
    }
    for (const yaml::Node::Entry& entry : node.entries) {
      const std::string what = "model.dims." + entry.key;
      auto extent = yaml::as_int(entry.value, what);
      if (!extent) {
        Error problem = std::move(extent).error();
        if (problem.help.empty()) problem.help = "write how large the extent is";
        out_.report(std::move(problem));
      } else if (*extent < 1 || *extent > kLargest) {
        out_.report(error("config.range", entry.value.at,
                          fmt::format("{} = {} is outside 1 to {}", what, *extent, kLargest),
                          "write how large the extent is; one that stays free is left out"));
      } else {
        config_.model_dims.push_back({entry.key, *extent, entry.key_at});
      }
    }
  }

  void report_missing(const SectionInfo& info, const Location& at) {
    std::string help = fmt::format("add '{}:'", info.path);
    for (const OptionInfo& row : info.rows) {
      if (row.required) help = fmt::format("add '{}: {{ {}: … }}'", info.path, row.key);
    }
    out_.report(error("config.missing-key", at,
                      fmt::format("the section '{}' is missing", info.path), std::move(help)));
  }

  void options(const PipelineSection& table, const yaml::Node& node) {
    const std::string& shorthand = table.info.shorthand;
    if (node.kind == yaml::Kind::kScalar && !shorthand.empty()) {
      yaml::Node full;
      full.kind = yaml::Kind::kMapping;
      full.at = node.at;
      full.entries.push_back({.key = shorthand, .key_at = node.at, .value = node});
      return options(table, full);
    }
    std::vector<const PipelineSection*> children;
    std::vector<std::string> names;
    for (const PipelineSection& other : pipeline_table()) {
      if (other.info.path.empty() || parent_section(other.info.path) != table.info.path) continue;
      children.push_back(&other);
      names.emplace_back(last_part(other.info.path));
    }
    const auto checked = check_options(node, table.info.rows, table.info.path, kHelp, out_, names);
    for (std::size_t i = 0; i < checked.size(); ++i) {
      if (!is_given(checked[i].at)) continue;
      const PipelineRow& row = table.rows[i];
      row.set(config_, checked[i], folder_);
      check_not_empty(table.info.path + '.' + row.info.key, row.info, checked[i]);
      if (row.input_file) check_file(table.info.path + '.' + row.info.key, row);
    }
    target_seen_ = target_seen_ || table.info.path == "target";
    if (table.data) {
      (config_.*table.data).given = true;
      (config_.*table.data).at = node.at;
    }
    for (std::size_t i = 0; i < children.size(); ++i) {
      section(*children[i], node.find(names[i]), node.at);
    }
  }

  void passes(const yaml::Node& node) {
    if (node.kind == yaml::Kind::kNull) return;
    if (node.kind != yaml::Kind::kSequence) {
      out_.report(error("config.type", node.at,
                        fmt::format("passes is {}, expected a list", yaml::describe(node)),
                        "write each pass on its own line, as '- name' or '- name: { option: 1 }'"));
      return;
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      if (auto pass = this->pass(node.items[i], i)) config_.passes.push_back(*std::move(pass));
    }
  }

  std::optional<PassConfig> pass(const yaml::Node& item, std::size_t index) {
    const auto refuse = [&](const Location& at, std::string message, std::string help) {
      out_.report(error("config.pass", at, std::move(message), std::move(help)));
      return std::nullopt;
    };
    if (item.kind == yaml::Kind::kScalar && !item.scalar.empty()) {
      return PassConfig{.name = item.scalar, .at = item.at, .options = {}};
    }
    if (item.kind != yaml::Kind::kMapping || item.entries.empty()) {
      const bool empty = item.kind != yaml::Kind::kSequence;
      return refuse(
          item.at,
          fmt::format("passes[{}] is {}, expected the name of a pass", index,
                      empty ? "empty" : "a list"),
          "write '- name' or '- name: { option: 1 }'; 'neurotool passes' lists the names");
    }
    const yaml::Node::Entry& first = item.entries.front();
    if (item.entries.size() > 1) {
      return refuse(
          item.entries[1].key_at,
          fmt::format("passes[{}] has {} keys, {} and {} first, where one pass is expected", index,
                      item.entries.size(), quote(first.key), quote(item.entries[1].key)),
          fmt::format("indent the options of {} further, and start each pass with '- '",
                      quote(first.key)));
    }
    if (first.key.empty())
      return refuse(first.key_at, fmt::format("passes[{}] has no name", index),
                    "'neurotool passes' lists the names");
    if (first.value.kind != yaml::Kind::kMapping && first.value.kind != yaml::Kind::kNull) {
      return refuse(first.value.at,
                    fmt::format("passes[{}].{} is {}, expected a mapping of options", index,
                                first.key, yaml::describe(first.value)),
                    fmt::format("write '- {}: {{ option: 1 }}'", first.key));
    }
    return PassConfig{.name = first.key, .at = first.key_at, .options = first.value};
  }

  void target_options(const yaml::Node& node) {
    if (node.kind == yaml::Kind::kMapping || node.kind == yaml::Kind::kNull) {
      config_.target_options = node;
      return;
    }
    out_.report(error("config.type", node.at,
                      fmt::format("target.options is {}, expected a mapping", yaml::describe(node)),
                      "'neurotool targets NAME' lists the options of a target"));
  }

  void expectations(const PipelineSection& table, const yaml::Node& node) {
    const auto checked = check_options(node, table.info.rows, table.info.path, kHelp, out_);
    for (std::size_t i = 0; i < checked.size(); ++i) {
      if (is_given(checked[i].at)) expectation(table.info.rows[i], checked[i]);
    }
  }

  void expectation(const OptionInfo& row, const CheckedOption& option) {
    constexpr std::array<std::string_view, 5> kComparisons{">=", "<=", "==", ">", "<"};
    const std::string what = "report.expect." + row.key;
    const std::string& text = std::get<std::string>(option.value);
    const auto comparison = std::ranges::find_if(
        kComparisons, [&](std::string_view sign) { return text.starts_with(sign); });
    yaml::Node number;
    number.kind = yaml::Kind::kScalar;
    number.at = option.at;
    if (comparison != kComparisons.end()) {
      const auto start = text.find_first_not_of(' ', comparison->size());
      if (start != text.npos) number.scalar = text.substr(start);
    }
    const auto value = yaml::as_real(number, what);
    if (!value) {
      out_.report(error(
          "config.expect", option.at,
          fmt::format("{} is {}, expected one of >=, >, <=, <, == and a number", what, quote(text)),
          fmt::format("write such as {}: \">= {}\"", row.key,
                      number_text(row.maximum == 1 ? 0.97 : 0.5))));
    } else if (*value < row.minimum || *value > row.maximum) {
      out_.report(error("config.range", option.at,
                        fmt::format("{} compares with {}, which is outside {}", what,
                                    number_text(*value), describe_range(row)),
                        row.maximum == 1 ? "it is a share: 97 % is written 0.97" : row.summary));
    } else {
      config_.expect.push_back({row.key, std::string(*comparison), *value, option.at});
    }
  }

  void check_not_empty(const std::string& what, const OptionInfo& row, const CheckedOption& given) {
    if (!row.required || given.value != OptionValue(std::string())) return;
    out_.report(
        error("config.type", given.at, what + " is empty, expected text", std::string(kHelp)));
  }

  void check_file(const std::string& what, const PipelineRow& row) {
    const Located<fs::path>& file = *row.input_file(config_);
    if (file.value.empty()) return;
    std::error_code code;
    const fs::file_status status = fs::status(file.value, code);
    if (fs::is_regular_file(status)) return;
    const bool there = fs::exists(status);
    out_.report(error("config.missing-file", file.at,
                      fmt::format("{} names {}, which {}", what, whole(file.value),
                                  fs::is_directory(status) ? "is a folder"
                                  : there                  ? "is not a regular file"
                                                           : "does not exist"),
                      folder_help()));
  }

  std::string folder_help() const {
    const fs::path folder = folder_.empty() ? fs::path(".") : folder_;
    return fmt::format("paths start at the folder of the pipeline file, {}", whole(folder));
  }

  void check_preprocess() {
    const auto& [divide, mean, std] = config_.preprocess;
    const std::size_t means = mean.value.size(), stds = std.value.size();
    if (means < 2 || stds < 2 || means == stds) return;
    out_.report(
        error("config.range", std.at,
              fmt::format("data.preprocess.std has {} numbers where mean has {}", stds, means),
              "give one number for all channels, or one per channel in both"));
  }

  void check_target_hash() {
    const Located<std::string>& hash = config_.target_sha256;
    const bool digits = hash.value.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    if (!is_given(hash.at) || (digits && hash.value.size() == 64)) return;
    out_.report(error("config.type", hash.at,
                      fmt::format("target.sha256 is {} with {} characters, expected 64 hexadecimal "
                                  "digits",
                                  quote(hash.value), hash.value.size()),
                      "'sha256sum FILE' prints them"));
  }

  /// What a mode needs and no row can require.
  void check_mode(const Location& document_at) {
    if (config_.mode.value == RunMode::kPlan) return;
    const Location& at = is_given(config_.mode.at) ? config_.mode.at : document_at;
    const std::string_view mode = mode_name(config_.mode.value);
    if (config_.target.value.empty() && !target_seen_) {
      out_.report(error("config.missing-key", at,
                        fmt::format("run.mode {} needs a target, and none is named", mode),
                        "add 'target: NAME' ('neurotool targets' lists them), or set run.mode to "
                        "plan"));
    }
    if (config_.mode.value == RunMode::kSimulate && !config_.test.given) {
      out_.report(error("config.missing-key", at,
                        "run.mode simulate needs data.test, which is missing",
                        "add 'data: { test: { images: … } }', or set run.mode to plan or compile"));
    }
  }

  fs::path folder_;
  Diagnostics& out_;
  PipelineConfig config_;
  bool target_seen_ = false;
};

/// What is no mapping at all gets one error, not one for everything that is missing from it.
Result<> check_document(const yaml::Node& document) {
  if (document.kind == yaml::Kind::kMapping) return {};
  const std::string help = "begin with 'version: 1' and 'model: { path: … }'";
  if (document.kind == yaml::Kind::kNull) {
    return error("config.missing-key", document.at, "the pipeline file is empty", help);
  }
  return error(
      "config.type", document.at,
      fmt::format("the file is {}, expected a mapping of sections", yaml::describe(document)),
      help);
}

/// A file of another version may mean anything by its keys, so nothing else in it is judged.
Result<> check_version(const yaml::Node& document) {
  const yaml::Node* version = document.find("version");
  if (!version) return {};
  const auto value = yaml::as_int(*version, "version");
  if (!value || *value == kPipelineVersion) return {};
  return error("config.version", version->at,
               fmt::format("version {} of the pipeline format is not known here, only version {}",
                           *value, kPipelineVersion),
               *value > kPipelineVersion ? "use a newer neurotool, or write the file for version 1"
                                         : "the first version is 1");
}

/// Problems of the pipeline file itself are configuration errors, not data errors.
Result<std::string> read_text(const fs::path& path) {
  auto text = read_file(path, kMaxBytes);
  if (text) return text;
  Error found = std::move(text).error();
  const Location at = FilePosition{path.string(), 0, 0};
  if (found.code == "file.missing") {
    return error("config.missing-file", at, "the pipeline file does not exist",
                 "name a pipeline file: 'neurotool --config FILE'");
  }
  if (found.code == "file.too-large") {
    return error("config.too-large", at,
                 fmt::format("the pipeline file has more than {} bytes", with_thousands(kMaxBytes)),
                 "name a YAML file here; data belongs into data files");
  }
  found.code = "config.missing-file";
  return found;
}

/// The first error that was reported after `before` findings were there.
Error first_since(const Diagnostics& diagnostics, std::size_t before) {
  const auto all = diagnostics.all();
  for (std::size_t i = before; i < all.size(); ++i) {
    if (all[i].severity == Severity::kError) return all[i];
  }
  return diagnostics.first_error();  // the sink was full before we came
}

}  // namespace

Result<PipelineConfig> read_pipeline(const fs::path& path, const std::vector<Override>& overrides,
                                     Diagnostics& diagnostics) {
  const auto reported = [&](Error found) {
    diagnostics.report(found);
    return found;
  };
  auto text = read_text(path);
  if (!text) return reported(std::move(text).error());
  auto document = yaml::parse(*text, path.string(), diagnostics);
  if (!document) return std::move(document).error();
  if (auto applied = apply_overrides(*document, overrides); !applied) {
    return reported(std::move(applied).error());
  }
  if (auto shape = check_document(*document); !shape) {
    return reported(std::move(shape).error());
  }
  if (auto version = check_version(*document); !version) {
    return reported(std::move(version).error());
  }
  const std::size_t before = diagnostics.all().size(), errors = diagnostics.error_count(),
                    dropped = diagnostics.dropped();
  PipelineConfig config = PipelineReader(path, diagnostics).read(*document);
  if (diagnostics.error_count() > errors || diagnostics.dropped() > dropped) {
    return first_since(diagnostics, before);
  }
  config.file_sha256 = sha256_hex(*text);
  return config;
}

}  // namespace neurotool
