// How the tests of the export read a file that it made.
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "eval/nir/discretization.hpp"
#include "frontend/nir/export.hpp"
#include "semantics_support.hpp"
#include "support/nir_networks.hpp"

namespace neurotool::test {

/// The rules of the profile's reader.
inline nir::Discretization reader_of(const to_nir::Exported& made, to_nir::Profile profile) {
  nir::Discretization d = *nir::preset(profile == to_nir::Profile::kNorse ? "norse" : "nir_ode");
  d.dt = made.dt_seconds;
  if (profile == to_nir::Profile::kNorse) d.reset = nir::ResetRule::kSubtract;
  return d;
}

/// All findings as one text.
inline std::string diagnosed(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& item : diagnostics.all()) text += to_string(item);
  return text;
}

/// The reader of the profile sends what the oracle sends, in all three layers.
inline void expect_same_spikes(const SpikeGraph& graph, to_nir::Profile profile,
                               std::uint32_t seed) {
  Diagnostics diagnostics;
  const auto made = to_nir::export_graph(graph, {.profile = profile}, diagnostics);
  ASSERT_TRUE(made) << to_string(made.error());
  const Tensor sample = Numbers(seed + 500).tensor({72}, 0, 1, kGrid);
  const Spikes wanted = oracle_spikes(graph, sample, kConvertedSteps);
  const Spikes found = preset_spikes(made->graph, reader_of(*made, profile),
                                     repeated(sample, kConvertedSteps), kConvertedSteps);
  std::size_t spikes = 0;
  ASSERT_EQ(made->layers.size(), 3U);
  for (const auto& [population, node, neurons] : made->layers) {
    ASSERT_EQ(found.at(node), wanted.at(population)) << population;
    for (const double value : found.at(node)) spikes += value != 0;
  }
  EXPECT_GT(spikes, 100U);
}

}  // namespace neurotool::test
