// Mean payloads of a feed-forward graph on calibration samples, as if every current were constant
// over the run: what a layer's inputs look like when its weights are rounded. Population by
// population, all samples of one before the next, and two graphs at once: the one that came, and
// the one with the weights that are rounded so far.
#pragma once

#include <string>
#include <vector>

#include "passes/compress/layer_walk.hpp"
#include "passes/pass.hpp"

namespace neurotool::integer {

class MeanRates {
 public:
  /// Why there are no mean rates for this graph ("'x' fires in a window"), by population; or "".
  static std::string unknown_part(const SpikeGraph& graph, PopulationId id);

  /// `graph` is float and compact; every unknown_part() is "". Uses fewer samples than asked for
  /// where a population's values would take more than 768 MB. Errors: quantize.calibration-shape,
  /// quantize.calibration-inputs.
  static Result<MeanRates> start(const SpikeGraph& graph, const SampleSource& source,
                                 std::int64_t samples);

  std::int64_t samples() const { return samples_; }
  /// Moments of the payloads that each group of a conv2d or dense projection reads.
  std::vector<compress::SquareMatrix> moments(ProjectionId id) const;

  /// What the bias of each channel lacks so that the mean current is what it was, given the real
  /// values of the rounded weights that have been set.
  Result<std::vector<double>> bias_shift(PopulationId id);
  /// The real values of rounded weights, and of a bias.
  void set_weight(ProjectionId id, Tensor weight);
  void set_bias(PopulationId id, Tensor bias) { now_.graph[id].bias = std::move(bias); }
  /// Computes the payloads of a population, in both graphs; those of all sources are known.
  Result<> advance(PopulationId id);

 private:
  using Batches = std::vector<Tensor>;
  /// One graph and what is known of it.
  struct Stream {
    SpikeGraph graph;
    std::vector<Batches> payload, current;  ///< by population
    std::vector<std::int64_t> batch_sizes;

    Result<const Batches*> current_of(PopulationId id);
    Result<> advance(PopulationId id);
  };

  MeanRates() = default;
  void forget_sources(PopulationId id);

  Stream was_, now_;
  std::vector<std::size_t> readers_;  ///< projections that have still to read a population
  std::int64_t samples_ = 0;
};

}  // namespace neurotool::integer
