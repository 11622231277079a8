// What a compilation tells the report: how full the chips are, and what of each node stays on the
// host.
#pragma once

#include <neurotool/plugin/sdk.hpp>

#include "map/sample.hpp"

namespace neurotool::spikecore {

/// Metrics of the whole machine and of each chip, with capacities as limits.
void report_use(sdk::Call call, const Deployment& deployment, double axon_limit);

/// A note for each population of which the host computes a part.
void report_split(sdk::Call call, const sdk::Graph& graph, const Deployment& deployment);

}  // namespace neurotool::spikecore
