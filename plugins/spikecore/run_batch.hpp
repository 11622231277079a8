// One batch of samples: stimuli in, machines, records and counts out.
#pragma once

#include <neurotool/plugin/sdk.hpp>

#include "map/sample.hpp"

namespace neurotool::spikecore {

/// Runs the samples on the host's threads and pushes what was asked for.
void run_batch(sdk::Call call, const sdk::Run& run, const Deployment& deployment,
               const EnergyModel& energy);

}  // namespace neurotool::spikecore
