// Sums over neurons and samples from which the numbers of one layer come.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "session/doctor/diagnosis.hpp"
#include "session/doctor/response.hpp"

namespace neurotool::doctor {

class LayerSums {
 public:
  /// `cap`: the largest value of the activation function; infinity for a rectifier.
  LayerSums(Response response, double cap);

  /// One batch, row-major [samples, neurons]. `expected`: float activation; `arriving`: what goes
  /// into the activation function when the layers before send what they sent; `counts`: net counts.
  void add(std::span<const float> expected, std::span<const float> arriving,
           std::span<const float> counts, std::int64_t neurons);

  const Response& response() const { return response_; }
  void finish(LayerDiagnosis& layer) const;

 private:
  struct Neuron {
    double expected, arriving, count;
  };
  void add(std::int64_t index, const Neuron& neuron);

  Response response_;
  double cap_;
  std::int64_t values_ = 0, clipped_ = 0, over_ = 0, under_ = 0;
  double clipping_ = 0, quantization_ = 0, unevenness_ = 0, inherited_ = 0;  ///< sums of squares
  double expected_square_ = 0, rate_square_ = 0, product_ = 0;
  std::vector<std::int64_t> active_, at_most_;  ///< by channel
};

}  // namespace neurotool::doctor
