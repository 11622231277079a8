// The only class that knows the order of things: model, passes, target, data, run, report.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.hpp"
#include "config/pipeline.hpp"
#include "ir/model.hpp"
#include "passes/instruments/instruments.hpp"
#include "session/report.hpp"
#include "target/target.hpp"

namespace neurotool {

struct SessionOptions {
  SearchPath plugins;
  bool verify = true;                   ///< --no-verify
  std::optional<DumpFilter> dump_ir;    ///< --dump-ir; goes to <report>/ir
  std::filesystem::path from_snapshot;  ///< --from; replaces the file's model
  std::string tool_version;
};

/// How a session ended, in the words of the exit codes of docs/pipeline.md: 0 done, 1 the answer is
/// no, 2 configuration, 3 model or data, 4 plugin, 5 bug, 130 interrupted.
enum class Outcome {
  kDone = 0,
  kNo = 1,
  kConfig = 2,
  kInput = 3,
  kPlugin = 4,
  kBug = 5,
  kInterrupted = 130
};
/// The outcome that a diagnostic code stands for ("config.range" is kConfig, "onnx.*" kInput, …). A
/// code of no family of ours is a plugin's: what it was asked for does not fit, kNo.
Outcome outcome_of(std::string_view code);

struct SessionResult {
  Outcome outcome = Outcome::kDone;
  Report report;  ///< filled as far as the session came
  /// The pipeline with every default filled in, as far as it was known when the session ended; each
  /// value says where it is from. What --explain prints and the lock file holds.
  PipelineConfig resolved;
  std::optional<Model> model;        ///< as the passes left it; absent if they did not end
  std::filesystem::path reproducer;  ///< set when a folder was left
};

class Session {
 public:
  Session(PipelineConfig config, SessionOptions options);

  /// Everything that needs no data; writes nothing. This is --dry-run.
  SessionResult plan(Diagnostics& diagnostics, Progress& progress);
  /// The same steps on real data, as far as run.mode says (plan: passes and check; compile;
  /// simulate), then the report folder, whole or not at all. An `expect` that is not met is an
  /// error (run.expect), but the report is written.
  SessionResult run(Diagnostics& diagnostics, Progress& progress);

 private:
  PipelineConfig config_;
  SessionOptions options_;
};

}  // namespace neurotool
