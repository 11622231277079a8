// The invariants of the IR: a list of named checks, each a function and a test. Passes may assume
// them; the pass manager checks them after every pass.
#pragma once

#include <span>
#include <string_view>

#include "base/diagnostic.hpp"
#include "ir/model.hpp"

namespace neurotool {

struct Invariant {
  std::string_view name;       ///< "unique-names"; the diagnostic's code is "verify.<name>"
  std::string_view summary;
  Level level;
  void (*check)(const Model&, Diagnostics&);
};

std::span<const Invariant> invariants();

/// Checks every invariant of the model's level.
void verify(const Model& model, Diagnostics& out);

}  // namespace neurotool
