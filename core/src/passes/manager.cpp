// The pass manager: for each pass the instruments before, the pass, compaction, the instruments
// after.
#include "passes/manager.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

namespace neurotool {
namespace {

void compact(Model& model) {
  std::visit([](auto& graph) { graph.compact(); }, model.graph);
}

/// The error with the pass's name.
Error named(Error error, const PlannedPass& planned) {
  error.notes.push_back({planned.at, fmt::format("in pass '{}'", planned.entry->info.name)});
  return error;
}

std::size_t errors_of(const Diagnostics& diagnostics) {
  return diagnostics.error_count() + diagnostics.dropped();
}

}  // namespace

Result<> PassManager::run_one(PlannedPass& planned, Model& model, Context& context) {
  const PassInfo& info = planned.entry->info;
  NT_CHECK(model.level() == info.from,
           fmt::format("'{}' is planned at the wrong level", info.name));
  for (const auto& instrument : instruments_) NT_TRY_VOID(instrument->before(info, model));
  NT_TRY(const Changed changed, planned.pass->run(model, context));
  compact(model);
  for (const auto& instrument : instruments_) NT_TRY_VOID(instrument->after(info, model, changed));
  return {};
}

void PassManager::tell_failure(const PlannedPass& planned, const Model& before,
                               const Error& error) {
  for (const auto& instrument : instruments_)
    instrument->failed(planned.entry->info, before, error);
}

Result<> PassManager::run(std::vector<PlannedPass>& passes, Model& model, Context& context) {
  for (std::size_t i = 0; i < passes.size(); ++i) {
    PlannedPass& planned = passes[i];
    const std::string_view name = planned.entry->info.name;
    context.progress.stage(name);
    const double done = static_cast<double>(i) / static_cast<double>(passes.size());
    if (!context.progress.update(done, name)) {
      return error("pass.cancelled", planned.at, fmt::format("cancelled before pass '{}'", name));
    }
    const Model before = model;
    const std::size_t errors_before = errors_of(context.diagnostics);
    try {
      if (auto result = run_one(planned, model, context); !result) {
        Error failure = named(std::move(result).error(), planned);
        if (errors_of(context.diagnostics) == errors_before) {
          if (std::holds_alternative<std::monostate>(failure.at)) failure.at = planned.at;
          context.diagnostics.report(failure);
        }
        tell_failure(planned, before, failure);
        return failure;
      }
    } catch (const std::exception& bug) {
      tell_failure(planned, before, named(error("internal.exception", {}, bug.what()), planned));
      throw;
    }
  }
  return {};
}

}  // namespace neurotool
