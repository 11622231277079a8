// The built-in instruments.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "passes/manager.hpp"

namespace neurotool {

/// Checks every invariant after each pass; a violation is a bug of that pass (InternalError).
std::unique_ptr<Instrument> verify_instrument();

struct PassTiming {
  std::string pass;
  double seconds = 0;
  std::int64_t nodes_before = 0, nodes_after = 0;
  std::int64_t neurons_after = 0, synapses_after = 0;
  std::int64_t peak_memory_bytes = 0;  ///< of the process, after the pass
  bool changed = false;
};
/// Appends one row per pass to `rows`, which must outlive the instrument.
std::unique_ptr<Instrument> timing_instrument(std::vector<PassTiming>& rows);

/// Calls `write` with the model after the passes in `names` (all if empty).
struct DumpFilter {
  std::set<std::string> names;
  bool only_changed = false;
};
using DumpWriter = std::function<Result<>(int index, std::string_view pass, const Model&)>;
std::unique_ptr<Instrument> dump_instrument(DumpFilter filter, DumpWriter write);

/// Calls `write` with the model as it was before the pass that failed.
using FailureWriter = std::function<void(std::string_view pass, const Model& before, const Error&)>;
std::unique_ptr<Instrument> reproduce_instrument(FailureWriter write);

}  // namespace neurotool
