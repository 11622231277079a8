// Converted networks with a residual, average pooling, v(0) = theta/2 and thresholds of their own
// for each channel; in `plain`, which divides by the thresholds, they are powers of two. The last
// column says what the adapters are for.
#include "nir_ours.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <string>

#include "session/nir_export.hpp"
#include "support/memory_samples.hpp"
#include "support/nir_networks.hpp"

namespace neurotool {
namespace {

struct Column {
  const char *profile, *reader;
  bool adapter = true;
  bool exact = true;  ///< a mismatch is a failure
};

constexpr std::array<Column, 5> kColumns{{{"norse", "norse"},
                                          {"native", "nir_ode"},
                                          {"plain", "spikingjelly"},
                                          {"plain", "sinabs"},
                                          {"plain", "spikingjelly", false, false}}};
constexpr std::int64_t kSamples = 8;

SpikeGraph network(std::uint32_t seed, const Column& column) {
  SpikeGraph graph = test::converted(seed);
  if (std::string(column.profile) != "plain") return graph;
  for (Population& population : graph.populations) {
    Firing* firing = firing_of(population.neuron);
    if (firing == nullptr) continue;
    std::vector<float> theta(static_cast<std::size_t>(population.shape[0])), start;
    for (std::size_t c = 0; c < theta.size(); ++c) theta[c] = c % 2 == 0 ? 0.5F : 1.0F;
    for (const float value : theta) start.push_back(value / 2);
    firing->threshold = Tensor::from<float>({population.shape[0]}, std::move(theta));
    firing->initial_membrane = Tensor::from<float>({population.shape[0]}, std::move(start));
  }
  return graph;
}

Result<Fidelity> measured(std::uint32_t seed, const Column& column) {
  const SpikeGraph graph = network(seed, column);
  NirExportConfig config;
  config.profile.value = column.profile;
  config.check.value = column.reader;
  config.adapter.value = column.adapter;
  Diagnostics diagnostics;
  NoProgress progress;
  NT_TRY(const to_nir::Exported exported,
         to_nir::export_graph(graph, {.profile = *to_nir::profile_named(column.profile)},
                              diagnostics));
  // Off the grid of weights and thresholds, so that no membrane is ever at a threshold.
  const test::MemorySamples data(test::Numbers(seed + 500).tensor({kSamples, 2, 6, 6}, 0, 1), {});
  return measure_fidelity({.graph = graph,
                           .exported = exported,
                           .data = data,
                           .samples = kSamples,
                           .steps = test::kConvertedSteps},
                          exported.graph, reader_of(exported.graph, exported, config), diagnostics,
                          progress);
}

}  // namespace

bool print_ours() {
  fmt::print(
      "\nmismatches of simulators with networks that we exported, of spikes of all layers\n\n");
  fmt::print("{:<12}", "network");
  for (const Column& column : kColumns) {
    fmt::print("{:>26}", fmt::format("{}: {}{}", column.profile, column.reader,
                                     column.adapter ? "" : ", as is"));
  }
  fmt::print("\n");
  bool exact = true;
  for (std::uint32_t seed = 0; seed < 8; ++seed) {
    fmt::print("{:<12}", fmt::format("converted {}", seed));
    for (const Column& column : kColumns) {
      const auto found = measured(seed, column);
      if (!found) {
        exact = false;
        fmt::print("{:>26}", "refused");
        fmt::print(stderr, "{}\n", to_string(found.error()));
        continue;
      }
      const FidelityLayer all = found->total();
      exact = exact && (all.mismatches == 0 || !column.exact);
      fmt::print("{:>26}", fmt::format("{}/{}", all.mismatches, all.either));
    }
    fmt::print("\n");
  }
  return exact;
}

}  // namespace neurotool
