// Sum over T steps of a soft-reset neuron with v(0) under constant current (T1 of Bu et al. 2022):
// clip(floor((z T + v(0)) / theta), least, most). A neuron whose net count is bounded says its
// whole value once; any other says it once per step.
#include "session/doctor/response.hpp"

#include <algorithm>
#include <cmath>

namespace neurotool::doctor {
namespace {

/// The parameter at the first neuron of a channel; absent parameters have one value for all.
double at_channel(const Tensor& parameter, std::int64_t channel, std::int64_t channels,
                  double absent) {
  if (!parameter.defined()) return absent;
  return parameter.size() == 1 ? parameter.at(0)
                               : parameter.at(channel * (parameter.size() / channels));
}

/// A neuron that doubles its membrane and fires on binary digits: a sum like any other.
bool reads_digits(const Lif& neuron) {
  return neuron.firing.radix_bits > 0 && neuron.decay_shift == 0 && neuron.decay.defined() &&
         neuron.decay.size() == 1 && neuron.decay.at(0) == 2;
}

}  // namespace

std::optional<Response> Response::of(const Population& population, std::uint64_t steps,
                                     double offset) {
  const auto* doubling = std::get_if<Lif>(&population.neuron);
  const bool sums =
      std::holds_alternative<If>(population.neuron) || (doubling && reads_digits(*doubling));
  if (!sums || population.shape.empty()) return std::nullopt;
  const Firing& firing = *firing_of(population.neuron);
  if (firing.reset != Reset::kSubtract) return std::nullopt;
  if (firing.comparison != Comparison::kAtLeast) return std::nullopt;
  const Emission& rule = firing.emission;
  const bool digits = firing.radix_bits > 0;
  const bool says_it_once = digits || rule.max_total != Emission::kUnbounded;
  const double span = says_it_once ? 1 : static_cast<double>(steps);
  Response response;
  response.channels_ = population.shape.front();
  response.per_channel_ = population.size() / response.channels_;
  for (std::int64_t channel = 0; channel < response.channels_; ++channel) {
    const auto get = [&](const Tensor& parameter, double absent) {
      return at_channel(parameter, channel, response.channels_, absent);
    };
    response.step_.push_back(get(population.payload_value, 1) / span);
    response.offset_.push_back(
        doubling ? offset : get(firing.initial_membrane, 0) / get(firing.threshold, 1));
  }
  const double per_run = static_cast<double>(steps) * rule.max_per_step;
  response.digits_ = digits;
  response.most_ = digits         ? std::ldexp(1.0, static_cast<int>(firing.radix_bits)) - 1
                   : says_it_once ? static_cast<double>(rule.max_total)
                                  : per_run;
  response.least_ = !digits && rule.min_per_step < 0 ? static_cast<double>(rule.min_total) : 0;
  return response;
}

double Response::count(std::int64_t neuron, double z) const {
  const std::size_t c = channel(neuron);
  return std::clamp(std::floor(z / step_[c] + offset_[c]), least_, most_);
}

}  // namespace neurotool::doctor
