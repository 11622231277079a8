// Currents do not depend on the biases of the neurons that they reach, so one run of the layers
// before serves every correction: only the membranes are run again. Each channel is one thread's
// work and sums in the order of samples and neurons.
#include "passes/lower/site_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/parallel.hpp"

namespace neurotool::lower {
namespace {

constexpr std::array kInitials{0.5, 0.75, 0.25, 0.0};  // of the threshold; ties: the first

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

float parameter_of(const std::vector<float>& values, std::size_t channel, float absent) {
  return values.empty() ? absent : values[values.size() == 1 ? 0 : channel];
}

/// The neurons of one channel.
class Channel {
 public:
  Channel(const SiteData& site, std::size_t channel)
      : site_(site),
        inner_(index(site.currents.neurons / site.population.shape.front())),
        offset_(channel * inner_),
        counts_(inner_) {}

  /// The rule of these neurons; a bias that differs inside a channel is taken at each neuron.
  FiringRule rule(const NeuronParameters& parameters, std::size_t channel) const {
    const float theta = parameter_of(parameters.threshold, channel, 1);
    return {.threshold = theta,
            .initial = parameter_of(parameters.initial, channel, theta / 2),
            .bias = parameter_of(parameters.bias, channel, 0),
            .max_per_step = site_.emission.max_per_step,
            .min_per_step = site_.emission.min_per_step,
            .fire_begin = parameters.fire_begin};
  }

  /// Runs one sample; its counts are in counts() then.
  void run(const FiringRule& rule, std::size_t sample, std::int8_t* spikes) {
    const std::size_t row = index(site_.currents.neurons), rows = index(site_.currents.samples);
    const float* const current = site_.currents.values.data() + sample * row + offset_;
    const std::size_t stride = site_.currents.steps == 1 ? 0 : rows * row;
    std::int8_t* const to = spikes == nullptr ? nullptr : spikes + sample * row + offset_;
    if (const auto per_neuron = own_bias(); !per_neuron.empty()) {
      for (std::size_t i = 0; i < inner_; ++i) {
        FiringRule own = rule;
        own.bias += per_neuron[per_neuron.size() == 1 ? 0 : i];
        const bool uniform = per_neuron.size() == 1;
        const FiringBlock block{current + i, stride, uniform ? inner_ : 1, site_.steps};
        fire(own, block, nullptr, counts_.data() + i, to == nullptr ? nullptr : to + i, rows * row);
        if (uniform) break;
      }
      return;
    }
    fire(rule, {current, stride, inner_, site_.steps}, nullptr, counts_.data(), to, rows * row);
  }

  std::span<const float> counts() const { return counts_; }
  std::span<const float> activations(std::size_t sample) const {
    return site_.activations.subspan(sample * index(site_.currents.neurons) + offset_, inner_);
  }

 private:
  /// The float network's bias: nothing, one number, or one per neuron.
  std::span<const float> own_bias() const {
    const Tensor& bias = site_.population.bias;
    if (!bias.defined()) return {};
    const auto values = bias.as<float>();
    if (values.size() == 1) return values;
    const bool per_neuron = bias.size() == site_.currents.neurons;
    return per_neuron ? values.subspan(offset_, inner_) : values.subspan(offset_ / inner_, 1);
  }

  const SiteData& site_;
  std::size_t inner_, offset_;
  std::vector<float> counts_;
};

/// Rates beside activations, over all samples.
struct Comparison {
  double difference = 0;  ///< mean of activation - rate
  double square = 0;      ///< mean of its square
};

Comparison compare(Channel& channel, const FiringRule& rule, float worth, const SiteData& site) {
  Comparison found;
  const double unit = double{worth} / site.steps;
  std::size_t neurons = 0;
  for (std::size_t sample = 0; sample < index(site.currents.samples); ++sample) {
    channel.run(rule, sample, nullptr);
    const auto wanted = channel.activations(sample);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const double difference = double{wanted[i]} - unit * double{channel.counts()[i]};
      found.difference += difference;
      found.square += difference * difference;
    }
    neurons += wanted.size();
  }
  found.difference /= static_cast<double>(neurons);
  found.square /= static_cast<double>(neurons);
  return found;
}

struct Fit {
  float bias = 0;
  double square = 0;
};

Fit fit_bias(Channel& channel, FiringRule rule, float worth, const SiteData& site,
             const FitOptions& options) {
  Comparison now = compare(channel, rule, worth, site);
  for (std::int64_t i = 0; i < options.iterations; ++i) {
    rule.bias += static_cast<float>(options.rate * now.difference);
    now = compare(channel, rule, worth, site);
  }
  return {rule.bias, now.square};
}

}  // namespace

NeuronParameters fit_site(const SiteData& site, NeuronParameters start, const FitOptions& options) {
  const auto channels = index(site.population.shape.front());
  const std::size_t choices = options.fits_initial ? kInitials.size() : 1;
  std::vector<std::vector<Fit>> fits(choices, std::vector<Fit>(channels));
  parallel_for(channels, [&](std::size_t first, std::size_t last) {
    for (std::size_t c = first; c < last; ++c) {
      Channel channel(site, c);
      const float worth = parameter_of(start.worth.empty() ? start.threshold : start.worth, c, 1);
      for (std::size_t k = 0; k < choices; ++k) {
        FiringRule rule = channel.rule(start, c);
        if (options.fits_initial) rule.initial = static_cast<float>(kInitials[k]) * rule.threshold;
        fits[k][c] = fit_bias(channel, rule, worth, site, options);
      }
    }
  });
  const std::size_t thresholds = start.threshold.size();
  std::vector<double> least(thresholds, std::numeric_limits<double>::infinity());
  std::vector<std::size_t> best(thresholds, 0);
  for (std::size_t k = 0; k < choices; ++k) {
    std::vector<double> square(thresholds, 0);
    for (std::size_t c = 0; c < channels; ++c) square[thresholds == 1 ? 0 : c] += fits[k][c].square;
    for (std::size_t i = 0; i < thresholds; ++i) {
      if (!(square[i] < least[i])) continue;
      least[i] = square[i];
      best[i] = k;
    }
  }
  start.bias.resize(channels);
  for (std::size_t c = 0; c < channels; ++c)
    start.bias[c] = fits[best[thresholds == 1 ? 0 : c]][c].bias;
  if (options.fits_initial) {
    start.initial.resize(thresholds);
    for (std::size_t i = 0; i < thresholds; ++i) {
      start.initial[i] = static_cast<float>(kInitials[best[i]]) * start.threshold[i];
    }
  }
  return start;
}

Train fire_site(const SiteData& site, const NeuronParameters& parameters) {
  const auto channels = index(site.population.shape.front());
  Train sent{site.steps, site.currents.samples, site.currents.neurons, {}, {}, {}};
  sent.spikes.resize(index(sent.steps * sent.samples * sent.neurons));
  parallel_for(channels, [&](std::size_t first, std::size_t last) {
    for (std::size_t c = first; c < last; ++c) {
      Channel channel(site, c);
      const FiringRule rule = channel.rule(parameters, c);
      for (std::size_t s = 0; s < index(sent.samples); ++s)
        channel.run(rule, s, sent.spikes.data());
    }
  });
  sent.worth = parameters.worth.empty() ? parameters.threshold : parameters.worth;
  return sent;
}

double relative_error(const SiteData& site, const NeuronParameters& parameters, const Train& sent) {
  const std::size_t row = index(sent.neurons), size = index(sent.samples) * row;
  const std::size_t inner = row / index(site.population.shape.front());
  std::vector<double> error(index(sent.samples), 0), power(index(sent.samples), 0);
  parallel_for(error.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t s = first; s < last; ++s) {
      for (std::size_t n = 0; n < row; ++n) {
        double count = 0;
        for (std::size_t at = s * row + n; at < sent.spikes.size(); at += size)
          count += sent.spikes[at];
        const auto& worths = parameters.worth.empty() ? parameters.threshold : parameters.worth;
        const double rate = count * double{parameter_of(worths, n / inner, 1)} / site.steps;
        const double wanted = site.activations[s * row + n];
        error[s] += (rate - wanted) * (rate - wanted);
        power[s] += wanted * wanted;
      }
    }
  });
  double errors = 0, powers = 0;
  for (std::size_t s = 0; s < error.size(); ++s) errors += error[s], powers += power[s];
  return powers > 0 ? std::sqrt(errors / powers) : 0;
}

}  // namespace neurotool::lower
