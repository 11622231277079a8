// Which channels of a spiking graph provably do the same in every step of a run, whatever comes in:
// send nothing, or send one and the same payload. A channel of a flat population is one neuron.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/spike_graph.hpp"

namespace neurotool::integer {

struct ChannelFate {
  bool silent = false;
  /// Integer graphs: all neurons of the channel send this in every step of the run; not 0.
  std::optional<std::int64_t> constant;

  bool is_known() const { return silent || constant.has_value(); }
};

/// By population, then by channel; empty for populations that do not fire.
std::vector<std::vector<ChannelFate>> channel_fates(const SpikeGraph& graph);

}  // namespace neurotool::integer
