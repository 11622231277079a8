// A network compiled for the engine: weights in the order that kernels read them, parameters spread
// over lanes, and the numbers from which a run proves how wide its sums may get. Never changes
// after it is made, so that any number of runs may share it.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "kernels/kernels.hpp"
#include "layout.hpp"
#include "memory.hpp"
#include "network.hpp"
#include "plan.hpp"

namespace neurotool::cpu {

/// What sums are made in where 32 bits may not hold them.
template <class Number>
using Wide = std::conditional_t<std::is_same_v<Number, float>, float, std::int64_t>;

enum class KernelChoice { kAuto, kEvents, kDense };

struct Options {
  KernelChoice kernel = KernelChoice::kAuto;
  std::uint32_t window = 32;  ///< steps that a layer runs before the next layer does
  InstructionSet level = InstructionSet::kBest;
};

/// One value per neuron, by pixel and lane; stride 0 where all pixels are alike.
template <class Number>
struct Parameter {
  LineVector<Number> values;
  std::size_t stride = 0;

  bool present() const { return !values.empty(); }
  const Number* at(std::size_t pixel) const {
    return values.empty() ? nullptr : values.data() + pixel * stride;
  }
};

template <class Number>
struct PopulationProgram {
  Population facts;  ///< without its tensors
  Grid grid;
  Parameter<Number> threshold, bias, reset_value, decay, current_decay;
  LineVector<Number> initial;  ///< membranes before the first step

  bool binary = false;    ///< sends 0 or 1: its trains are bits
  bool simple = false;    ///< the vector update does all it needs
  bool constant = false;  ///< sends the same at every step: a held input, or a relay of such
  bool by_rows = false;   ///< one row at a time; otherwise all pixels at once
  double largest_bias = 0, largest_start = 0, largest_decay = 1, largest_current_decay = 0;

  /// Nothing but zeros is sent in other steps.
  std::uint64_t sends_begin = 0, sends_end = Phases::kForever;

  std::size_t rows() const { return by_rows ? grid.height : 1; }
  std::size_t pixels_per_row() const { return by_rows ? grid.width : grid.pixels(); }
};

/// How the sum of a projection is made.
enum class Route { kSums, kGrouped, kPool, kMaxPool, kScale, kSparse };

template <class Number>
struct ProjectionProgram {
  Route route = Route::kSums;
  std::uint32_t source = 0, target = 0, delay = 0, shift = 0;
  /// kSums, kGrouped, kPool, kMaxPool. A dense projection is a kernel as large as its source, onto
  /// one pixel whose lanes are those of all target pixels.
  Geometry geometry;
  std::uint32_t groups = 1;
  /// kSums: as Weights says. kGrouped: [kernel row, column, source channel][channels of a group].
  /// kPool, kMaxPool, kScale: per lane (and pixel). kSparse: one per synapse.
  LineVector<Number> weight;
  Weights<Number> weights;                                    ///< kSums: a view of `weight`
  std::size_t weight_stride = 0;                              ///< kScale
  std::uint32_t pool_base = 1;                                ///< kMaxPool
  std::uint64_t pool_begin = 0, pool_end = Phases::kForever;  ///< kMaxPool: steps
  std::vector<std::uint64_t> row_begin;  ///< kSparse: by source pixel and channel
  std::vector<std::uint32_t> places;     ///< kSparse: targets

  std::vector<std::uint64_t> fan_out;  ///< per source pixel; kSparse: per source pixel and channel
  std::uint64_t synapses = 0;
  /// No sum exceeds this times the largest payload: the largest sum of magnitudes into one neuron.
  double largest_sum = 0;
};

template <class Number>
struct Program {
  Options options;
  Plan plan;
  const Kernels* kernels = nullptr;
  std::vector<PopulationProgram<Number>> populations;
  std::vector<ProjectionProgram<Number>> projections;
  std::uint64_t weight_bytes = 0;
};

/// The network must have passed find_problems().
template <class Number>
std::unique_ptr<const Program<Number>> compile(const Network& network, const Options& options);

/// `numbers` (one element, one per channel, or one per neuron) spread over the lanes of `grid`;
/// absent numbers stay absent. `padding` fills lanes without a neuron.
template <class Number>
Parameter<Number> spread(const Numbers& numbers, const Grid& grid, Number padding);

/// Lays out weights, fan-outs and bounds of one projection.
template <class Number>
ProjectionProgram<Number> pack(const Projection& projection, const Grid& source,
                               const Grid& target);

}  // namespace neurotool::cpu
