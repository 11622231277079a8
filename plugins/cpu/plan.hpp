// In what order a network runs: components, and the steps that each population must remember.
#pragma once

#include <cstdint>
#include <vector>

#include "network.hpp"

namespace neurotool::cpu {

/// Populations that run together. Feed-forward: one population, all steps of a window at once.
/// Recurrent: a strongly connected component, one step at a time, in the order of
/// docs/semantics.md.
struct Component {
  bool recurrent = false;
  std::vector<std::uint32_t> populations;
};

struct Plan {
  std::vector<Component> components;  ///< sources before targets
  std::vector<std::vector<std::uint32_t>>
      incoming;  ///< projections, per population, in graph order
  std::vector<std::vector<std::uint32_t>> outgoing;
  std::vector<std::uint32_t> history;  ///< per population: the longest delay that leaves it
};

/// The network must have passed find_problems().
Plan make_plan(const Network& network);

/// Populations in the order in which they run inside a step; shorter than the network if
/// projections without delay make a cycle.
std::vector<std::uint32_t> step_order(const Network& network);

}  // namespace neurotool::cpu
