// The pieces of verify: each file below offers the rows of the table that it implements.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/verify.hpp"

namespace neurotool::checks {

std::span<const Invariant> spike_structure();   // verify_structure.cpp
std::span<const Invariant> spike_parameters();  // verify_parameters.cpp
std::span<const Invariant> tensor_level();      // verify_tensor.cpp

/// Where a violation is, and what to tell with it.
struct Subject {
  std::string_view name;                 ///< of the population, projection, value or op
  std::span<const std::string> origins;  ///< the model-file nodes it came from
};

/// Reports one violation of "verify.<invariant>".
void violated(Diagnostics& out, const Model& model, std::string_view invariant, Subject subject,
              std::string message, std::string help = {});

}  // namespace neurotool::checks
