// The only class that knows the order of things: model, passes, target, run, report.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "config/pipeline.hpp"
#include "passes/instruments/instruments.hpp"
#include "session/report.hpp"
#include "target/target.hpp"

namespace neurotool {

struct SessionOptions {
  SearchPath plugins;
  bool verify = true;                        ///< --no-verify
  std::optional<DumpFilter> dump_ir;         ///< --dump-ir; goes to <report>/ir
  std::filesystem::path from_snapshot;       ///< --from
  std::string tool_version;
};

/// How a session ended, in the words of the exit codes of docs: 0 done, 1 the answer is no, 2
/// configuration, 3 model or data, 4 plugin, 5 bug, 130 interrupted.
enum class Outcome { kDone = 0, kNo = 1, kConfig = 2, kInput = 3, kPlugin = 4, kBug = 5, kInterrupted = 130 };
/// The outcome that a diagnostic code stands for ("config.range" is kConfig, "onnx.*" kInput, …).
Outcome outcome_of(std::string_view code);

struct SessionResult {
  Outcome outcome = Outcome::kDone;
  Report report;                             ///< filled as far as the session came
  std::filesystem::path reproducer;          ///< set when a folder was left
};

class Session {
 public:
  Session(PipelineConfig config, SessionOptions options);

  /// Everything that needs no data; writes nothing. This is --dry-run.
  SessionResult plan(Diagnostics& diagnostics, Progress& progress);
  /// plan() on real data, then compile, simulate, report; writes the report folder, whole or not at
  /// all.
  SessionResult run(Diagnostics& diagnostics, Progress& progress);

 private:
  PipelineConfig config_;
  SessionOptions options_;
};

}  // namespace neurotool
