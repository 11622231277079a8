// The error of a layer, taken apart: inherited + clipping + quantisation + unevenness is exactly
// rate - float activation, neuron by neuron.
#include "session/doctor/layer_sums.hpp"

#include <algorithm>
#include <cmath>

namespace neurotool::doctor {
namespace {

/// Of the active neurons of a channel: so many at their largest count make it saturated.
constexpr double kSaturatedShare = 0.1;

double square(double x) { return x * x; }

}  // namespace

LayerSums::LayerSums(Response response, double cap)
    : response_(std::move(response)),
      cap_(cap),
      active_(static_cast<std::size_t>(response_.channels())),
      at_most_(active_.size()) {}

void LayerSums::add(std::span<const float> expected, std::span<const float> arriving,
                    std::span<const float> counts, std::int64_t neurons) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    add(static_cast<std::int64_t>(i) % neurons,
        {double{expected[i]}, double{arriving[i]}, double{counts[i]}});
  }
}

void LayerSums::add(std::int64_t index, const Neuron& neuron) {
  const double step = response_.step(index), rate = neuron.count * step;
  const double activation = std::clamp(neuron.arriving, 0.0, cap_);
  const double sayable = std::min(activation, step * response_.most());
  const double ideal_count = response_.count(index, neuron.arriving);
  ++values_;
  clipped_ += activation > sayable ? 1 : 0;
  over_ += neuron.count > ideal_count ? 1 : 0;
  under_ += neuron.count < ideal_count ? 1 : 0;
  inherited_ += square(activation - neuron.expected);
  clipping_ += square(sayable - activation);
  quantization_ += square(step * ideal_count - sayable);
  unevenness_ += square(rate - step * ideal_count);
  expected_square_ += square(neuron.expected);
  rate_square_ += square(rate);
  product_ += neuron.expected * rate;
  const std::size_t channel = response_.channel(index);
  active_[channel] += neuron.count != 0 ? 1 : 0;
  at_most_[channel] += neuron.count >= response_.most() ? 1 : 0;
}

void LayerSums::finish(LayerDiagnosis& layer) const {
  const double values = static_cast<double>(std::max<std::int64_t>(values_, 1));
  const auto relative = [&](double squares) {
    return expected_square_ > 0 ? std::sqrt(squares / expected_square_) : 0;
  };
  layer.channels = response_.channels();
  for (std::size_t c = 0; c < active_.size(); ++c) {
    if (active_[c] == 0) {
      ++layer.dead_channels;
    } else if (static_cast<double>(at_most_[c]) >=
               kSaturatedShare * static_cast<double>(active_[c])) {
      ++layer.saturated_channels;
    }
  }
  layer.clipped_share = static_cast<double>(clipped_) / values;
  layer.over_fired = static_cast<double>(over_) / values;
  layer.under_fired = static_cast<double>(under_) / values;
  layer.clipping = relative(clipping_);
  layer.quantization = relative(quantization_);
  layer.unevenness = relative(unevenness_);
  layer.inherited = relative(inherited_);
  const double norm = std::sqrt(expected_square_ * rate_square_);
  layer.cosine = norm > 0 ? product_ / norm : 0;
}

}  // namespace neurotool::doctor
