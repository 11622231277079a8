// Turns a float graph into an integer graph, population by population. Three scales meet in each:
//   u  real value, in the float graph's payload, of one unit of integer payload of a source,
//   s  real value of one unit of weighted sum, one per target channel,
//   m  = s / 2^F, real value of one unit of membrane.
// Weights are stored as W*u/s, thresholds, biases and v(0) as theta/m, and the projection shifts
// its sum left by F. docs/passes/quantize.md derives it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "passes/compress/row_quantizer.hpp"
#include "passes/pass.hpp"
#include "passes/spike/bounds.hpp"
#include "passes/spike/input_range.hpp"
#include "passes/spike/mean_rates.hpp"

namespace neurotool::integer {

enum class WeightMethod { kNearest, kGptq };
enum class BiasCorrection { kAuto, kAlways, kNever };  ///< kAuto: with gptq

struct QuantizeOptions {
  std::uint32_t weight_bits = 8;
  bool per_channel = true;
  std::uint32_t input_bits = 8;
  int fraction_bits = -1;  ///< F; -1: the largest up to 16 that fits
  WeightMethod method = WeightMethod::kNearest;
  compress::ScaleRule scale = compress::ScaleRule::kMaxAbs;
  bool power_of_two = false;
  BiasCorrection bias_correction = BiasCorrection::kAuto;
  std::int64_t samples = 512;

  bool corrects_bias() const {
    return bias_correction == BiasCorrection::kAlways ||
           (bias_correction == BiasCorrection::kAuto && method == WeightMethod::kGptq);
  }
  bool needs_rates() const { return method == WeightMethod::kGptq || corrects_bias(); }
};

class Quantizer {
 public:
  /// `graph` is float, compact and says its steps; `path` is for messages. `rates`: absent in a
  /// plan, and where the options need none.
  Quantizer(SpikeGraph& graph, const QuantizeOptions& options, std::string path, Context& context,
            std::optional<MeanRates> rates = {})
      : graph_(graph),
        options_(options),
        path_(std::move(path)),
        context_(context),
        rates_(std::move(rates)) {}

  /// All findings go to the context's diagnostics; the returned error is the first.
  Result<> run(const std::optional<InputRange>& range);

 private:
  struct Sent {
    double unit = 1;            ///< u
    ChannelIntervals channels;  ///< of one step's integer payload
  };
  /// A projection into the population at hand.
  struct Incoming {
    ProjectionId id;
    Weights real, whole;
    /// Of weights with few bits: their place on the grid of the sum's scale, whatever F is.
    std::vector<double> place;
    double unit = 1;         ///< u of its source
    std::uint32_t bits = 8;  ///< of the stored weight
    std::uint32_t shift = 0;
  };
  /// What F decides about one population, before it is known to fit.
  struct Candidate {
    int fraction_bits = 0;
    std::vector<double> membrane;  ///< m per channel
    Interval current, range;       ///< of all neurons, over the run
    /// Smallest integer threshold.
    double threshold_low = std::numeric_limits<double>::infinity();
    bool fits = false;
  };

  /// The bounds of one channel's state; widens what the candidate holds.
  void quantize_changes(PopulationId id, const std::optional<InputRange>& range);
  /// Whether what a population has heard over a run is a sum of one payload of each sender at most.
  bool hears_each_value_once(PopulationId id) const;
  MembraneRule rule_of(PopulationId id, std::int64_t channel, const Interval& current,
                       Candidate& candidate) const;

  bool check_models();
  void quantize_input(PopulationId id, const std::optional<InputRange>& range);
  bool quantize_relays();
  void quantize_relay(PopulationId id);
  Result<> quantize_neurons(PopulationId id);

  std::vector<Incoming> incoming(PopulationId id, bool per_channel) const;
  /// Payloads far above what neurons send: weighted sums that pass through a relay.
  bool sends_sums(PopulationId id) const;
  /// Scales that a part of few-bit weights asks for, one per channel; 0 for one without weights.
  std::vector<double> part_scales(const Incoming& part, std::size_t channels,
                                  bool per_channel) const;
  std::vector<double> sum_scales(PopulationId id, const std::vector<Incoming>& parts,
                                 bool per_channel) const;
  /// Finds the place of each few-bit weight.
  void place_weights(std::vector<Incoming>& parts, const std::vector<double>& scale) const;
  /// Tells the rates about the rounded weights, and takes what the mean current lost back.
  Result<> correct_bias(PopulationId id, const std::vector<Incoming>& parts,
                        const std::vector<double>& scale);
  void round_weights(std::vector<Incoming>& parts, const std::vector<double>& scale,
                     int fraction_bits) const;
  /// Currents per channel; `every` also holds each partial sum.
  ChannelIntervals currents(PopulationId id, const std::vector<Incoming>& parts,
                            const std::vector<double>& membrane, Interval& every) const;
  Candidate candidate(PopulationId id, std::vector<Incoming>& parts,
                      const std::vector<double>& scale, int fraction_bits) const;
  void store(PopulationId id, const std::vector<Incoming>& parts, const Candidate& chosen);
  void store_weights(const std::vector<Incoming>& parts, const std::vector<double>& membrane);
  void overflow(PopulationId id, const Interval& current, const Interval& range, int fraction_bits);
  void fact(PopulationId id, const char* name, double value);

  SpikeGraph& graph_;
  const QuantizeOptions& options_;
  std::string path_;
  Context& context_;
  std::optional<MeanRates> rates_;
  std::vector<Sent> sent_;  ///< by population
  std::vector<bool> known_;
};

}  // namespace neurotool::integer
