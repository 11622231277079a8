// A spiking network as plain data that the engine owns: what read_graph.cpp copies out of the ABI,
// and what tests build by hand. Words and defaults are those of docs/models.md. Neurons are
// numbered row-major in their population's shape, as everywhere outside the engine.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace neurotool::cpu {

enum class Arithmetic { kFloat32, kInteger };
enum class Model { kInput, kRelay, kIf, kLif, kCubaLif, kLi };
enum class Kind { kDense, kConv2d, kSumPool2d, kMaxPool2d, kOneToOne, kSparse };
enum class BiasTiming { kEveryStep, kFirstStep, kLastStep };
enum class Reset { kSubtract, kToValue };
enum class Comparison { kAtLeast, kAbove };
enum class Rounding { kFloor, kTowardZero };

/// The elements of a parameter or of weights: `real` in a float network, `whole` in an integer one.
/// Both empty: the parameter is absent.
struct Numbers {
  std::vector<float> real;
  std::vector<std::int32_t> whole;

  template <class Number>
  const std::vector<Number>& get() const {
    if constexpr (std::is_same_v<Number, float>) {
      return real;
    } else {
      return whole;
    }
  }
  std::size_t size() const { return real.size() + whole.size(); }
  bool empty() const { return size() == 0; }
};

struct Emission {
  static constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_per_step = 1, min_per_step = 0;
  std::int64_t max_total = kUnbounded, min_total = 0;

  /// True if what a neuron sent before decides what it may send.
  bool counts() const { return max_total != kUnbounded || min_per_step < 0; }
};

/// Steps in which a population integrates and in which it may fire; ends are exclusive.
struct Phases {
  static constexpr std::uint64_t kForever = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t integrate_begin = 0, integrate_end = kForever;
  std::uint64_t fire_begin = 0, fire_end = kForever;

  bool integrates(std::uint64_t step) const {
    return step >= integrate_begin && step < integrate_end;
  }
  bool fires(std::uint64_t step) const { return step >= fire_begin && step < fire_end; }
  /// The first step after `step` at which one of the two begins or ends.
  std::uint64_t next_change(std::uint64_t step) const {
    std::uint64_t next = kForever;
    for (const std::uint64_t at : {integrate_begin, integrate_end, fire_begin, fire_end}) {
      if (at > step && at < next) next = at;
    }
    return next;
  }
};

struct Population {
  std::string name;
  Model model = Model::kIf;
  std::vector<std::int64_t> shape;  ///< [channels, height, width], or anything else: a flat list
  bool held = true;                 ///< inputs: the same value at every step
  std::uint32_t bits = 0;           ///< inputs of integer networks: width of a value; 0 = 32
  bool is_signed = true;

  Numbers threshold, initial_membrane, bias, reset_value, decay, current_decay;
  BiasTiming bias_timing = BiasTiming::kEveryStep;
  Comparison comparison = Comparison::kAtLeast;
  Reset reset = Reset::kSubtract;
  Emission emission;
  Phases phases;
  std::uint32_t radix_bits = 0;
  std::uint32_t decay_shift = 0, current_decay_shift = 0;
  Rounding rounding = Rounding::kFloor;

  bool fires() const {
    return model == Model::kIf || model == Model::kLif || model == Model::kCubaLif;
  }
  bool has_membrane() const { return fires() || model == Model::kLi; }
};

struct Projection {
  std::string name;
  Kind kind = Kind::kDense;
  std::uint32_t source = 0, target = 0;
  std::uint32_t delay_steps = 0;
  std::uint32_t shift = 0;  ///< integer networks: the sum is multiplied by 2^shift
  Numbers weight;
  std::array<std::int64_t, 4> weight_shape{};  ///< conv2d: [M, C/groups, kh, kw]
  std::array<std::int64_t, 2> kernel{1, 1};    ///< sum_pool2d, max_pool2d
  std::array<std::int64_t, 2> stride{1, 1}, dilation{1, 1};
  std::array<std::int64_t, 4> padding{0, 0, 0, 0};  ///< top, left, bottom, right
  std::int64_t groups = 1;
  std::uint32_t base = 1;                           ///< max_pool2d: 1 or 2
  std::uint64_t begin = 0, end = Phases::kForever;  ///< max_pool2d: steps in which it works
  std::vector<std::int64_t> row_begin;              ///< sparse: sources + 1
  std::vector<std::int32_t> targets;                ///< sparse
};

struct Network {
  Arithmetic arithmetic = Arithmetic::kFloat32;
  std::vector<Population> populations;
  std::vector<Projection> projections;
};

std::int64_t neuron_count(const Population& population);

/// Why a network cannot be run; `code` has a page in docs/diagnostics.
struct Problem {
  enum class Subject { kPopulation, kProjection } subject = Subject::kPopulation;
  std::uint32_t index = 0;
  std::string code, message, help;
};

/// Everything that would make the engine read past an end or compute something undefined.
std::vector<Problem> find_problems(const Network& network);

}  // namespace neurotool::cpu
