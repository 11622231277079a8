// What a value of the network is while it is lowered: a sum of terms, each the payloads of one
// population seen through something linear, and a bias. A linear operation makes a new form and no
// neurons; only an activation, a relay or a readout turns a form into a population.
//
// Structure never depends on data: whatever decides about kinds and shapes looks at the constants
// of the network and at which channel a payload comes from, never at the value that calibration
// gives to that channel.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "ir/spike_graph.hpp"

namespace neurotool::lower {

/// Element e of the value is factor[e] times the value of neuron[e]; kZero: it is 0.
struct View {
  static constexpr std::int64_t kZero = -1;
  std::vector<std::int64_t> neuron;
  std::vector<double> factor;
};

/// Sums over windows, or their largest trains; channel c is multiplied by factor[c] and by the
/// value of the source.
struct Pooled {
  std::variant<SumPool2d, MaxPool2d> pool;
  std::vector<double> factor;
};

/// A convolution or a matrix whose weights already hold the value of the payloads they read.
struct Weighted {
  Connectivity connectivity;
};

struct Term {
  PopulationId source;
  std::variant<View, Pooled, Weighted> part;
  std::vector<std::string> origins;
};

struct LinearForm {
  Shape shape;    ///< of the value, without the batch axis
  Shape neurons;  ///< of the population that can hold it: rank 1 or 3, same row-major order
  std::vector<Term> terms;
  std::vector<double> bias;  ///< empty, or one per element
  std::vector<std::string> origins;

  std::int64_t size() const { return element_count(shape).value_or(0); }
};

/// The shape of a population for a value of this shape: [C] stays, [C,L] becomes [C,1,L], a rank
/// above 3 joins its inner axes.
Shape population_shape(const Shape& shape);

/// The channel of a neuron: its place along the first axis.
std::int64_t channel_of(const Shape& neurons, std::int64_t neuron);

/// All channels of the population have one value per payload, with or without data.
bool has_one_unit(const Population& population);

/// The value of one unit of payload of a neuron.
double unit_value(const Population& population, std::int64_t neuron);

/// All elements of a population, as they are.
LinearForm whole(const SpikeGraph& graph, PopulationId id, Shape shape);

/// Every term is a view and there is no bias: elements may be picked and moved.
bool is_plain(const LinearForm& form);

/// The one population that the form shows whole, in order and with one factor per channel; the
/// population's shape is that of the form. Invalid when the form is anything else.
PopulationId plain_source(const LinearForm& form, const SpikeGraph& graph);

/// The factor of a form that plain_source() accepts, one per channel.
std::vector<double> channel_factors(const LinearForm& form);

/// True if no net count of spikes can make an element negative.
bool is_non_negative(const LinearForm& form, const SpikeGraph& graph);

/// The terms need exactly form.neurons as the shape of their target (convolutions and pools do).
bool needs_shape(const LinearForm& form);

/// Multiplies element e by factor[e]. False, with nothing changed, when a term has one weight for
/// elements whose factors differ.
bool scale(LinearForm& form, std::span<const double> factor);

/// a + b; equal shapes, and not two different shapes that terms need.
LinearForm sum(LinearForm a, LinearForm b);

/// Adds a constant to each element.
void add_bias(LinearForm& form, std::span<const double> bias);

/// Element e becomes element pick[e] of a plain form, or 0 where pick[e] is View::kZero.
LinearForm picked(const LinearForm& form, std::span<const std::int64_t> pick, Shape shape);

/// The projection that a term becomes: weights times the values of the payloads.
Connectivity connectivity_of(const Term& term, const LinearForm& form, const SpikeGraph& graph);

/// The bias as a population stores it: per channel where that is enough, absent when it is 0.
Tensor bias_tensor(const LinearForm& form);

}  // namespace neurotool::lower
