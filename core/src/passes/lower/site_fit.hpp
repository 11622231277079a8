// Fits the biases and membranes of one population, given what really arrives at it step by step and
// the activations that its rates should show.
#pragma once

#include <cstdint>
#include <span>

#include "eval/layer_eval.hpp"
#include "passes/lower/lowering.hpp"

namespace neurotool::lower {

/// A population in a spiking network whose weights are still those of the float network.
struct SiteData {
  const Population& population;        ///< its bias is the float network's
  const Train& currents;               ///< [steps, samples, neurons], without the bias
  std::span<const float> activations;  ///< [samples, neurons]
  std::uint32_t steps = 1;
  Emission emission;
};

struct FitOptions {
  std::int64_t iterations = 3;  ///< corrections of a bias, one after the other
  double rate = 1;              ///< share of the difference that one correction takes away
  bool fits_initial = false;    ///< also chooses v(0), among quarters of the threshold
};

/// `start` with a correction of the bias for each channel and, if asked for, v(0) for each
/// threshold: mean rates meet mean activations, and among the values of v(0) the one with the least
/// mean square error wins.
NeuronParameters fit_site(const SiteData& site, NeuronParameters start, const FitOptions& options);

/// What the neurons send with these parameters, for the populations behind them.
Train fire_site(const SiteData& site, const NeuronParameters& parameters);

/// The root of the mean square of rate - activation, as a share of the activations' own.
double relative_error(const SiteData& site, const NeuronParameters& parameters, const Train& sent);

}  // namespace neurotool::lower
