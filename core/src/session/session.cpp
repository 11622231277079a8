// The order of a session in one place, and how each way of ending it becomes an outcome.
#include "session/session.hpp"

#include <fmt/format.h>

#include <exception>
#include <new>

#include "base/parallel.hpp"
#include "session/execution.hpp"
#include "session/findings.hpp"
#include "session/lock.hpp"
#include "session/reproducer.hpp"

namespace neurotool {

Session::Session(PipelineConfig config, SessionOptions options)
    : config_(std::move(config)), options_(std::move(options)) {
  if (!options_.from_snapshot.empty()) config_.model = {options_.from_snapshot, {}};
}

SessionResult Session::plan(Diagnostics& diagnostics, Progress& progress) {
  return Execution(config_, options_, Depth::kPlan, diagnostics, progress).finish();
}

SessionResult Session::run(Diagnostics& diagnostics, Progress& progress) {
  return Execution(config_, options_, Depth::kRun, diagnostics, progress).finish();
}

Execution::Execution(const PipelineConfig& config, const SessionOptions& options, Depth depth,
                     Diagnostics& diagnostics, Progress& progress)
    : config_(config),
      options_(options),
      depth_(depth),
      diagnostics_(diagnostics),
      clock_(progress),
      folder_(depth == Depth::kRun ? config.report_directory.value : std::filesystem::path(),
              config.report_directory.at),
      registry_(options.plugins) {
  result_.resolved = config;
  resolve_paths(result_.resolved);
  result_.report.tool_version = options.tool_version;
  result_.report.seed = config.seed.value;
}

Result<> Execution::all_steps() {
  NT_TRY_VOID(check_request());
  NT_TRY_VOID(load());
  NT_TRY_VOID(check_reference());
  NT_TRY_VOID(plan());
  NT_TRY_VOID(open_target());
  NT_TRY_VOID(open_data());
  NT_TRY_VOID(run_passes());
  NT_TRY_VOID(choose_steps());
  NT_TRY_VOID(check_target());
  NT_TRY_VOID(prepare_export());
  if (!uses_data()) return {};
  if (wants(RunMode::kSimulate)) NT_TRY_VOID(evaluate_float());
  if (wants(RunMode::kCompile)) NT_TRY_VOID(compile());
  if (wants(RunMode::kSimulate)) NT_TRY_VOID(simulate());
  if (wants(RunMode::kSimulate)) NT_TRY_VOID(count_neurobench());
  if (wants(RunMode::kSimulate)) NT_TRY_VOID(examine_layers());
  NT_TRY_VOID(export_nir());
  NT_TRY_VOID(export_netx());
  judge_expectations();
  return write_report();
}

bool Execution::wants(RunMode mode) const { return config_.mode.value >= mode; }

SessionResult Execution::finish() {
  try {
    if (Result<> done = all_steps(); !done) {
      end_with(std::move(done).error());
    } else if (diagnostics_.has_errors()) {
      end_with(diagnostics_.first_error());
    }
  } catch (const InternalError& bug) {
    end_with_bug("internal.check", bug.what());
  } catch (const std::bad_alloc&) {
    end_with(error("run.out-of-memory", {}, "the run needs more memory than there is",
                   "lower run.batch, or use fewer threads"));
  } catch (const std::exception& bug) {
    end_with_bug("internal.exception", fmt::format("unexpected exception: {}", bug.what()));
  }
  complete_report();
  return std::move(result_);
}

void Execution::complete_report() {
  Report& report = result_.report;
  report.diagnostics.clear();
  for (Diagnostic& item : diagnostics_.all()) {
    if (item.severity != Severity::kError) report.diagnostics.push_back(std::move(item));
  }
  clock_.finish();
  report.timing.stages = clock_.stages();
  report.timing.total_seconds = clock_.total_seconds();
  report.timing.threads = thread_count();
}

void Execution::end_with(Error reason) {
  if (clock_.cancelled()) {
    result_.outcome = Outcome::kInterrupted;
    return;
  }
  result_.outcome = outcome_of(reason.code);
  if (result_.outcome == Outcome::kBug) return end_with_bug(reason.code, reason.message);
  report_once(diagnostics_, std::move(reason));
}

void Execution::end_with_bug(std::string_view code, std::string message) {
  result_.outcome = Outcome::kBug;
  BugScene scene{.config = result_.resolved,
                 .model = before_step_ ? &*before_step_ : nullptr,
                 .pass = step_,
                 .error = error(code, {}, std::move(message)),
                 .tool_version = options_.tool_version};
  if (!step_.empty())
    scene.error.message = fmt::format("in pass '{}': {}", step_, scene.error.message);
  Error shown = scene.error;
  try {
    if (auto folder = write_reproducer(scene)) {
      result_.reproducer = *folder;
      shown.help = fmt::format("this is a bug in neurotool: please send us the folder '{}'",
                               folder->string());
    } else {
      shown.help = "this is a bug in neurotool; its reproducer could not be written: " +
                   folder.error().message;
    }
  } catch (const std::exception& second) {
    shown.help =
        fmt::format("this is a bug in neurotool; writing its reproducer threw: {}", second.what());
  }
  report_once(diagnostics_, std::move(shown));
}

}  // namespace neurotool
