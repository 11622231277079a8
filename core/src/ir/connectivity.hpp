// Symbolic connectivity: a convolution stays a kernel and its geometry. Nobody builds an edge list to
// pass it along; those who want edges ask row() or expand().
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/tensor.hpp"

namespace neurotool {

/// weight[targets, sources], both flattened row-major.
struct Dense {
  Tensor weight;
};

/// Cross-correlation as in ONNX Conv: source [C,H,W], target [M,H',W'], weight [M,C/groups,kh,kw].
struct Conv2d {
  Tensor weight;
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 4> padding{0, 0, 0, 0};  ///< top, left, bottom, right
  std::array<std::int64_t, 2> dilation{1, 1};
  std::int64_t groups = 1;
};

/// Sum over windows of one channel: source [C,H,W], target [C,H',W']. weight (rank 0 or [C])
/// multiplies the sum; absent = 1. Average pooling is this with the divisor folded elsewhere.
struct SumPool2d {
  std::array<std::int64_t, 2> kernel{1, 1};
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 4> padding{0, 0, 0, 0};
  Tensor weight;
};

/// The growth, step by step, of the largest train in each window of one channel: source [C,H,W],
/// target [C,H',W']. In every step of [begin, end) each source neuron's train X becomes base * X + x,
/// x being its payload, and the target receives M - base * M_before, where M is the largest X of its
/// window. Base 1 compares sums (rate, unary, graded and signed codes), base 2 trains that send the
/// most significant bit first. Outside those steps nothing arrives and nothing is remembered.
/// Padding takes no part. weight (rank 0 or [C]) multiplies what is delivered; absent = 1.
struct MaxPool2d {
  static constexpr std::uint32_t kForever = std::numeric_limits<std::uint32_t>::max();
  std::array<std::int64_t, 2> kernel{1, 1};
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 4> padding{0, 0, 0, 0};  ///< each side below the kernel's extent
  Tensor weight;
  std::uint32_t base = 1;                 ///< 1 or 2
  std::uint32_t begin = 0, end = kForever;  ///< base 2 needs an end, for X doubles at every step
};

/// Neuron i to neuron i; both populations have the same number of neurons. weight has rank 0, [C] of
/// the target's first axis, or one element per neuron.
struct OneToOne {
  Tensor weight;
};

/// Rows by source neuron: targets of source s are targets[row_begin[s] … row_begin[s+1]), ascending.
struct Sparse {
  Tensor row_begin;  ///< int64, sources + 1
  Tensor targets;    ///< int32
  Tensor weight;     ///< one element per synapse
};

using Connectivity = std::variant<Dense, Conv2d, SumPool2d, MaxPool2d, OneToOne, Sparse>;

/// "dense", "conv2d", "sum_pool2d", "max_pool2d", "one_to_one", "sparse".
std::string_view kind_name(const Connectivity& connectivity);

/// The weight tensor, or nullptr where every weight is 1.
const Tensor* weight_of(const Connectivity& connectivity);
Tensor* weight_of(Connectivity& connectivity);

struct Synapse {
  std::int64_t source = 0, target = 0;  ///< flat neuron indices, row-major in the population's shape
  double weight = 0;                    ///< as stored
};

/// Number of synapses after expansion; padding makes none. Zero weights count. A synapse of a
/// max_pool2d is a neuron's place in a window.
std::int64_t synapse_count(const Connectivity&, const Shape& source, const Shape& target);

/// Synapses that leave neuron `index` of the source, by ascending target.
std::vector<Synapse> row(const Connectivity&, const Shape& source, const Shape& target,
                         std::int64_t index);

/// All synapses, by source then target.
std::vector<Synapse> expand(const Connectivity&, const Shape& source, const Shape& target);

/// The shape that a target of this connectivity must have, or nothing when any shape of the right
/// size will do (dense, one_to_one, sparse). Errors when the source does not fit (ir.shape).
Result<std::optional<Shape>> target_shape(const Connectivity&, const Shape& source);

}  // namespace neurotool
