// The parameters of a population or a projection as docs/models.md lists them: names and tensors,
// in the order of its tables, without those that have their default value.
#pragma once

#include <string_view>
#include <vector>

#include "ir/spike_graph.hpp"

namespace neurotool {

struct GraphParameter {
  std::string_view name;  ///< static
  Tensor value;
};

std::vector<GraphParameter> parameters_of(const Population& population, Arithmetic arithmetic);
std::vector<GraphParameter> parameters_of(const Projection& projection);

}  // namespace neurotool
