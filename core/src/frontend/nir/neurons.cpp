// The comparison of formulas. A decay of exactly 1 is no leak, a current that decays to 0 at once
// is no synapse: encodings of neurons without leak become those neurons here.
#include "frontend/nir/neurons.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace neurotool::from_nir {
namespace {

using namespace nir;

bool all(const std::vector<double>& values, double wanted) {
  return std::ranges::all_of(values, [&](double value) { return value == wanted; });
}

Error cannot(std::string message, std::string help) {
  return error("nir.cannot-express", {}, std::move(message), std::move(help));
}

/// Why the rule is none of ours, or "".
std::string misfit(const NeuronRule& rule) {
  switch (rule.membrane) {
    case MembraneForm::kSum:
    case MembraneForm::kSumGain:
    case MembraneForm::kDecay:
    case MembraneForm::kDecayGain:
      break;
    default:
      return "the order of operations of this integrator is not that of our neurons";
  }
  const bool plain = rule.synapse == SynapseForm::kNone || rule.synapse == SynapseForm::kDecay ||
                     rule.synapse == SynapseForm::kDecayGain;
  if (!plain) return "its synapse is not i = decay i + x";
  if (rule.synapse != SynapseForm::kNone && !rule.b.empty() && !all(rule.b, 1)) {
    return "the current is scaled between synapse and membrane";
  }
  if (rule.fire == FireForm::kTruncated || rule.fire == FireForm::kFloor) {
    return "it sends several spikes in a step, counted by a division";
  }
  if (rule.clamps) return "its membrane is clamped from below";
  if (rule.grid > 0) return "its input is rounded to a grid";
  if (rule.fire != FireForm::kNever &&
      (rule.reset == ResetForm::kSubtractTwice || rule.reset == ResetForm::kSubtractLate ||
       rule.reset == ResetForm::kSubtractFirst)) {
    return "its threshold is taken away in another step than it fires";
  }
  return {};
}

/// Of 1 - dt / tau in float32 where tau is a step.
constexpr double kRounding = 1e-6;

/// A neuron that resets to a value and fires above its threshold fires from the next number on,
/// which every target can do. One that subtracts the threshold has to name both.
std::vector<double> next_numbers(std::vector<double> thresholds) {
  for (double& threshold : thresholds) {
    threshold =
        std::nextafter(static_cast<float>(threshold), std::numeric_limits<float>::infinity());
  }
  return thresholds;
}

Firing firing_of_rule(const NeuronRule& rule, const Shape& shape) {
  Firing firing;
  firing.initial_membrane = compressed(rule.v_start, shape, true);
  if (rule.reset == ResetForm::kSubtract) {
    firing.threshold = compressed(rule.threshold, shape);
    if (rule.compare == Compare::kAbove) firing.comparison = Comparison::kAbove;
    return firing;
  }
  firing.reset = Reset::kToValue;
  firing.threshold = compressed(
      rule.compare == Compare::kAbove ? next_numbers(rule.threshold) : rule.threshold, shape);
  if (rule.reset == ResetForm::kValue) {
    firing.reset_value = compressed(rule.reset_value, shape, true);
  }
  return firing;
}

}  // namespace

Tensor compressed(const std::vector<double>& values, const Shape& shape, bool zero_is_absent) {
  if (zero_is_absent && all(values, 0)) return {};
  if (all(values, values.front())) return Tensor::scalar(static_cast<float>(values.front()));
  const auto channels = static_cast<std::size_t>(shape[0]);
  const std::size_t repeat = values.size() / channels;
  std::vector<float> per_channel(channels), full(values.size());
  bool channelwise = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    full[i] = static_cast<float>(values[i]);
    per_channel[i / repeat] = full[i];
    channelwise = channelwise && values[i] == values[i / repeat * repeat];
  }
  if (channelwise) return Tensor::from<float>({shape[0]}, std::move(per_channel));
  return Tensor::from<float>(shape, std::move(full));
}

Result<MadeNeuron> make_neuron(const NeuronRule& rule, const Shape& shape) {
  if (const std::string why = misfit(rule); !why.empty()) {
    return cannot(why,
                  "'model: { nir: { preset: neurotool } }' takes the nearest of our neurons; "
                  "'neurotool nir diff' runs the file under the rules of each simulator");
  }
  for (const double threshold : rule.threshold) {
    if (!(threshold > 0))
      return cannot(fmt::format("a threshold is {}, not above 0", threshold), "repair the file");
  }
  for (const auto* decays : {&rule.a, &rule.sa}) {
    for (const double decay : *decays) {
      if (decay >= -kRounding) continue;
      return cannot(
          fmt::format("its time constant is {:.3g} of a step, and {:.3g} of what it holds would "
                      "be left after one",
                      1 / (1 - decay), decay),
          "say the step that the file was written for: 'model: { nir: { dt: … } }'");
    }
  }
  MadeNeuron made;
  if (rule.synapse == SynapseForm::kDecayGain && !all(rule.sb, 1)) made.gain = rule.sb;
  if (rule.synapse == SynapseForm::kNone && !rule.b.empty() && !all(rule.b, 1)) made.gain = rule.b;
  const bool leaks = !rule.a.empty() && !all(rule.a, 1);
  const bool has_synapse = rule.synapse != SynapseForm::kNone && !all(rule.sa, 0);
  const Tensor decay = rule.a.empty() ? Tensor::scalar(1.0F) : compressed(rule.a, shape);
  if (rule.fire == FireForm::kNever) {
    if (has_synapse) return cannot("an integrator with a synaptic current is none of ours", "");
    Li li;
    if (leaks) li.decay = decay;
    li.initial_membrane = compressed(rule.v_start, shape, true);
    made.neuron = li;
    return made;
  }
  const Firing firing = firing_of_rule(rule, shape);
  if (has_synapse) {
    if (!all(rule.i_start, 0)) return cannot("its synaptic current does not start at 0", "");
    made.neuron =
        CubaLif{.firing = firing, .decay = decay, .current_decay = compressed(rule.sa, shape)};
  } else if (leaks) {
    made.neuron = Lif{.firing = firing, .decay = decay};
  } else {
    made.neuron = If{.firing = firing};
  }
  return made;
}

}  // namespace neurotool::from_nir
