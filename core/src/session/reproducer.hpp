// The folder that a bug leaves: what someone else needs to see it too.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/pipeline.hpp"
#include "ir/model.hpp"

namespace neurotool {

struct BugScene {
  PipelineConfig config;         ///< resolved
  const Model* model = nullptr;  ///< as it was before the step that failed; may be null
  std::string pass;              ///< the pass that failed; empty: a step after the passes
  Error error;
  std::string tool_version;
};

/// Writes model.h5 (a snapshot), pipeline.yaml (runs only that step on it) and diagnostic.txt.
/// Returns the folder: beside the report folder, or in the system's folder for temporary files.
Result<std::filesystem::path> write_reproducer(const BugScene& scene);

}  // namespace neurotool
