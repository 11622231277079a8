// From text or YAML to a checked list of passes.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/pipeline.hpp"
#include "passes/pass.hpp"

namespace neurotool {

struct PlannedPass {
  const PassEntry* entry = nullptr;
  std::unique_ptr<Pass> pass;
  Location at;
};

/// Checks names, options and the order of levels along the whole list, before anything runs.
/// Codes: pass.unknown, pass.level, config.*. The returned error is the first.
Result<std::vector<PlannedPass>> plan_passes(const std::vector<PassConfig>& passes, Level start,
                                             Diagnostics& out);

/// "fold_batch_norm,qcfs{steps=8, method=max}" as the `opt` command takes it. Code: pass.syntax.
Result<std::vector<PassConfig>> parse_pass_list(std::string_view text);

}  // namespace neurotool
