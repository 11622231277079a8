// pipeline.lock.yaml: the pipeline as it ran, with nothing left to defaults.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "config/pipeline.hpp"
#include "passes/pipeline.hpp"
#include "session/report.hpp"
#include "target/target.hpp"

namespace neurotool {

/// Every option of every pass filled in; options keep the place where they were given.
void resolve_passes(const std::vector<PlannedPass>& planned, PipelineConfig& config);
/// Every option of the target, and the plugin that served it, by version and hash.
void resolve_target(const Target& target, PipelineConfig& config);
/// Paths as seen from everywhere.
void resolve_paths(PipelineConfig& config);

/// The text of the lock file that will lie in `folder`. Running it gives the same report.
std::string lock_text(const PipelineConfig& resolved, const Report& report,
                      const std::filesystem::path& folder);

}  // namespace neurotool
