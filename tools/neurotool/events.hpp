// --events: what happens, as JSON lines, for programs that watch a run.
#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/diagnostic.hpp"
#include "base/json.hpp"
#include "base/progress.hpp"
#include "terminal.hpp"

namespace neurotool::cli {

/// Where event lines go: a file, or stdout ("-").
class EventLog {
 public:
  /// Errors: file.unwritable.
  static Result<std::unique_ptr<EventLog>> open(const std::string& path, Terminal& terminal);
  void write(const Json& event);

 private:
  explicit EventLog(std::function<void(std::string_view)> sink) : sink_(std::move(sink)) {}
  std::mutex mutex_;
  std::function<void(std::string_view)> sink_;
};

/// Passes progress on, and writes it down: stages, fractions (at most ten a second), findings as
/// they come in.
class EventProgress final : public Progress {
 public:
  EventProgress(Progress& shown, EventLog& log, const Diagnostics& diagnostics);
  void stage(std::string_view name) override;
  bool update(double fraction, std::string_view activity) override;
  /// Writes the findings that are not written yet.
  void write_findings();

 private:
  Progress& shown_;
  EventLog& log_;
  const Diagnostics& diagnostics_;
  std::mutex mutex_;
  std::size_t written_ = 0;
  double last_ = -1;  ///< seconds of the last fraction
};

}  // namespace neurotool::cli
