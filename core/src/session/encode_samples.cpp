// One class holds the layout (which neuron sends a value's sign and plane), one function each
// coding. Values are divided and summed in float64, so that an encoder counts exactly for any real
// run.
#include "session/encode_samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "base/check.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "ir/words.hpp"

namespace neurotool {
namespace {

/// One sample: its values, and room for what the population sends in each step.
class SampleEncoder {
 public:
  SampleEncoder(const Population& population, const EncodedRun& run, std::span<const float> sample,
                std::span<float> sent)
      : population_(population),
        encoder_(std::get<Input>(population.neuron).encoder),
        steps_(static_cast<std::size_t>(run.steps)),
        values_(static_cast<std::size_t>(population.size()) / encoder_.copies()),
        inner_(static_cast<std::size_t>(population.size() / population.shape.front())),
        sample_(sample),
        sent_(sent) {}

  void encode(RandomStream& random) {
    switch (encoder_.coding) {
      case Coding::kNone:
        break;
      case Coding::kRate:
        return rate();
      case Coding::kPoisson:
        return poisson(random);
      case Coding::kLatency:
        return latency();
      case Coding::kBitplane:
        return bitplane();
      case Coding::kDelta:
        return delta();
    }
    check_failed(__FILE__, __LINE__, "coding", "only coded inputs are encoded");
  }

 private:
  /// x / full_scale; codings of magnitudes up to 1 clip it.
  double value(std::size_t step, std::size_t i) const {
    const std::size_t frame = encoder_.takes_frames ? step : 0;
    return double{sample_[frame * values_ + i]} / double{encoder_.full_scale};
  }
  double clipped(std::size_t step, std::size_t i) const {
    return std::clamp(value(step, i), -1.0, 1.0);
  }

  void send(std::size_t step, std::size_t i, std::uint32_t plane, double payload) {
    const std::uint32_t planes = std::max(encoder_.planes, 1U);
    const bool negative = encoder_.splits_signs && payload < 0;
    const std::size_t copy = (negative ? planes : 0) + plane;
    const std::size_t channel = i / inner_ * encoder_.copies() + copy;
    const std::size_t neuron = channel * inner_ + i % inner_;
    sent_[step * static_cast<std::size_t>(population_.size()) + neuron] =
        static_cast<float>(negative ? -payload : payload);
  }

  /// An integrate-and-fire encoder that starts at 0 and fires at ±1/2: round(T p) spikes in T
  /// steps.
  void rate() {
    std::vector<double> membrane(values_, 0.0);
    for (std::size_t t = 0; t < steps_; ++t) {
      for (std::size_t i = 0; i < values_; ++i) {
        membrane[i] += clipped(t, i);
        if (std::abs(membrane[i]) < 0.5) continue;
        const double spike = membrane[i] > 0 ? 1 : -1;
        membrane[i] -= spike;
        send(t, i, 0, spike);
      }
    }
  }

  /// One draw for each value and step, used or not: number t * values + i of the sample's stream.
  void poisson(RandomStream& random) {
    for (std::size_t t = 0; t < steps_; ++t) {
      for (std::size_t i = 0; i < values_; ++i) {
        const double p = clipped(t, i), draw = random.uniform();
        if (draw < std::abs(p)) send(t, i, 0, p > 0 ? 1 : -1);
      }
    }
  }

  void latency() {
    for (std::size_t i = 0; i < values_; ++i) {
      const double p = clipped(0, i);
      const auto left =
          static_cast<std::size_t>(std::nearbyint(std::abs(p) * static_cast<double>(steps_)));
      if (left > 0) send(steps_ - left, i, 0, p > 0 ? 1 : -1);
    }
  }

  void bitplane() {
    const std::uint32_t planes = encoder_.planes;
    const double most = std::ldexp(1.0, static_cast<int>(planes)) - 1;
    for (std::size_t i = 0; i < values_; ++i) {
      const double p = clipped(0, i);
      const auto magnitude = static_cast<std::uint32_t>(std::nearbyint(std::abs(p) * most));
      for (std::size_t t = 0; t < steps_; ++t) {
        const auto plane = static_cast<std::uint32_t>(t % planes);
        if ((magnitude >> (planes - 1 - plane) & 1U) != 0) send(t, i, plane, p > 0 ? 1 : -1);
      }
    }
  }

  /// The largest payload of an integer graph, whose unit is full_scale; infinite otherwise.
  double most_payload() const {
    const auto& input = std::get<Input>(population_.neuron);
    if (input.bits == 0) return HUGE_VAL;
    return std::ldexp(1.0, static_cast<int>(input.bits) - (input.is_signed ? 1 : 0)) - 1;
  }

  void delta() {
    const double least = double{encoder_.least_change} / double{encoder_.full_scale};
    const double most = most_payload();
    const bool whole = std::isfinite(most);
    std::vector<double> known(values_, 0.0);
    for (std::size_t t = 0; t < steps_; ++t) {
      for (std::size_t i = 0; i < values_; ++i) {
        const double wanted =
            whole ? std::clamp(std::nearbyint(value(t, i)), -most, most) : value(t, i);
        // What arrives is a float32, or a whole number that its bits hold: the rest is sent with
        // the next change.
        const auto change =
            static_cast<double>(static_cast<float>(std::clamp(wanted - known[i], -most, most)));
        if (change == 0 || std::abs(change) < least) continue;
        known[i] += change;
        send(t, i, 0, change);
      }
    }
  }

  const Population& population_;
  const Encoder& encoder_;
  std::size_t steps_, values_, inner_;
  std::span<const float> sample_;
  std::span<float> sent_;
};

Error coding_error(const Population& population, std::string message, std::string help) {
  return error("run.input-coding", ModelNode{.path = {}, .node = population.name},
               std::move(message), std::move(help));
}

Result<> check_steps(const Population& population, std::int64_t frames, const EncodedRun& run) {
  const Encoder& encoder = std::get<Input>(population.neuron).encoder;
  if (encoder.takes_frames && frames != static_cast<std::int64_t>(run.steps)) {
    return coding_error(population,
                        fmt::format("a sample of '{}' has {} frames, and the run has {} steps",
                                    population.name, frames, run.steps),
                        "set run.steps to the number of frames");
  }
  if (encoder.planes > 0 && run.steps % encoder.planes != 0) {
    return coding_error(
        population,
        fmt::format("{} steps are no multiple of the {} bit planes of '{}': the last round would "
                    "miss its low bits",
                    run.steps, encoder.planes, population.name),
        fmt::format("run a multiple of {} steps", encoder.planes));
  }
  return {};
}

/// Signs need channels of their own, or payloads below 0.
Result<> check_signs(const Population& population, std::span<const float> values,
                     std::int64_t per_sample, std::int64_t first) {
  const Input& input = std::get<Input>(population.neuron);
  if (input.is_signed || input.encoder.splits_signs) return {};
  const auto negative = std::ranges::find_if(values, [](float v) { return v < 0; });
  if (negative == values.end()) return {};
  const auto at = static_cast<std::int64_t>(negative - values.begin());
  return coding_error(population,
                      fmt::format("value {} of sample {} is below 0, and '{}' sends no negative "
                                  "payloads",
                                  number_text(*negative), first + at / per_sample, population.name),
                      "set 'signs' of encode_input to events or channels");
}

}  // namespace

Result<Tensor> encode_samples(const Population& input, const Tensor& samples,
                              const EncodedRun& run) {
  const Encoder& encoder = std::get<Input>(input.neuron).encoder;
  const std::int64_t count = samples.shape().front();
  const std::int64_t per_sample = samples.size() / count;
  const std::int64_t values = input.size() / encoder.copies();
  NT_CHECK(values > 0 && per_sample % values == 0,
           fmt::format("samples of {} values do not fill the {} of '{}'", per_sample, values,
                       input.name));
  NT_TRY_VOID(check_steps(input, per_sample / values, run));
  const std::span<const float> data = samples.as<float>();
  NT_TRY_VOID(check_signs(input, data, per_sample, run.first));
  const auto steps = static_cast<std::int64_t>(run.steps);
  std::vector<float> sent(static_cast<std::size_t>(count * steps * input.size()), 0.0f);
  const auto sent_each = static_cast<std::size_t>(steps * input.size());
  const auto read_each = static_cast<std::size_t>(per_sample);
  for (std::int64_t s = 0; s < count; ++s) {
    const auto at = static_cast<std::size_t>(s);
    RandomStream random(run.seed, "poisson", fmt::format("{}/{}", input.name, run.first + s));
    SampleEncoder(input, run, data.subspan(at * read_each, read_each),
                  std::span(sent).subspan(at * sent_each, sent_each))
        .encode(random);
  }
  return Tensor::from<float>({count, steps, input.size()}, std::move(sent));
}

}  // namespace neurotool
