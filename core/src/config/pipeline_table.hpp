// The one table behind the pipeline file: each row joins a key, its documentation and its bounds to
// a member of PipelineConfig. Reading, writing, help, docs and schema go through it. Private.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "config/pipeline.hpp"

namespace neurotool {

struct PipelineRow {
  OptionInfo info;
  /// Paths are taken and written relative to `folder`.
  std::function<void(PipelineConfig&, const CheckedOption&, const std::filesystem::path& folder)>
      set;
  std::function<OptionValue(const PipelineConfig&, const std::filesystem::path& folder)> get;
  /// Where the value was given; std::monostate for a default. Empty where that is not kept.
  std::function<Location(const PipelineConfig&)> where;
  /// Of a file that must exist when it is given: its member. Empty for all other rows.
  std::function<const Located<std::filesystem::path>*(const PipelineConfig&)> input_file;
};

struct PipelineSection {
  SectionInfo info;
  std::vector<PipelineRow> rows{};
  DataConfig PipelineConfig::*data = nullptr;  ///< of data.test, data.calibration, data.train
  bool only_given = false;  ///< rows at their default are not written: another file decides them
};

const std::vector<PipelineSection>& pipeline_table();

/// "data" for "data.test", "" for "data".
std::string_view parent_section(std::string_view path);
/// "test" for "data.test".
std::string_view last_part(std::string_view path);

/// RunMode by its word in the file.
std::string_view mode_name(RunMode mode);

}  // namespace neurotool
