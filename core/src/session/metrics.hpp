// Numbers about a simulated run: summing what batches pushed, and what follows from the sums.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/spike_graph.hpp"
#include "session/report.hpp"
#include "target/target.hpp"

namespace neurotool {

/// Well-known metric names; docs/report.md says what each counts.
inline constexpr std::string_view kSpikesTotal = "spikes.total";
inline constexpr std::string_view kSynapticOpsTotal = "synaptic_ops.total";
inline constexpr std::string_view kInputMacsTotal = "input_macs.total";
inline constexpr std::string_view kLatencyTotal = "latency.total";

/// Adds `batch` to `sums`: same name, same number. Order is that of first appearance. A sum is as
/// good as its weakest part: the origin that says least (modelled) wins.
void add_metrics(std::vector<Metric>& sums, std::span<const Metric> batch);

/// Multiply-accumulates that held inputs drive, once per sample: synapses from held inputs, through
/// relays up to the first neurons.
std::int64_t input_macs(const SpikeGraph& graph);

/// Fills what the report says about a graph: populations, neurons, synapses.
void describe_graph(const SpikeGraph& graph, Report& report);

/// Per-sample and per-neuron numbers out of totals over `report.samples` samples. Appends the
/// derived metrics, then the totals as pushed; a number whose total was not pushed is left out.
void derive_metrics(const SpikeGraph& graph, std::span<const Metric> totals, Report& report);

}  // namespace neurotool
