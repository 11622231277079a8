// Plans passes: every name, every option and the order of levels is checked before anything runs.
#include "passes/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "passes/registry.hpp"

namespace neurotool {
namespace {

std::vector<std::string> pass_names() {
  std::vector<std::string> names;
  for (const PassEntry& entry : pass_registry()) names.emplace_back(entry.info.name);
  return names;
}

/// The passes that lead from one level to the other, as "'qcfs'" or "'a' or 'b'".
std::string passes_between(Level from, Level to) {
  std::vector<std::string> names;
  for (const PassEntry& entry : pass_registry()) {
    if (entry.info.from == from && entry.info.to == to) {
      names.push_back(fmt::format("'{}'", entry.info.name));
    }
  }
  return fmt::format("{}", fmt::join(names, " or "));
}

Diagnostic unknown_pass(const PassConfig& config) {
  return error("pass.unknown", config.at, fmt::format("there is no pass '{}'", config.name),
               suggest(config.name, pass_names()));
}

Diagnostic wrong_level(const PassConfig& config, const PassInfo& info, Level level,
                       const PassConfig* lowering) {
  const std::string message =
      fmt::format("'{}' works on a {} graph, but here the model is a {} graph", info.name,
                  level_name(info.from), level_name(level));
  if (lowering != nullptr) {
    return error("pass.level", config.at, message,
                 fmt::format("put '{}' before '{}'", info.name, lowering->name));
  }
  const std::string way = passes_between(level, info.from);
  return error("pass.level", config.at, message,
               way.empty() ? fmt::format("remove '{}'", info.name)
                           : fmt::format("put {} before '{}'", way, info.name));
}

}  // namespace

Result<std::vector<PlannedPass>> plan_passes(const std::vector<PassConfig>& passes, Level start,
                                             Diagnostics& out) {
  Diagnostics own;
  std::vector<PlannedPass> plan;
  Level level = start;
  const PassConfig* lowering = nullptr;  // the pass that left the level before this one
  for (std::size_t i = 0; i < passes.size(); ++i) {
    const PassConfig& config = passes[i];
    const PassEntry* const entry = find_pass(config.name);
    if (entry == nullptr) {
      own.report(unknown_pass(config));
      continue;
    }
    // A pass at the wrong place leaves the level alone, so that one mistake is one message.
    if (entry->info.from != level) {
      own.report(wrong_level(config, entry->info, level, lowering));
    } else if (entry->info.to != level) {
      level = entry->info.to;
      lowering = &config;
    }
    const std::string path = fmt::format("passes[{}].{}", i, config.name);
    plan.push_back({entry, entry->create(config.options, path, own), config.at});
  }
  for (Diagnostic& diagnostic : own.all()) out.report(std::move(diagnostic));
  if (own.has_errors()) return own.first_error();
  return plan;
}

}  // namespace neurotool
