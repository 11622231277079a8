// The currents of one population: sums of its projections, added up in graph order.
#pragma once

#include <cstdint>

#include "run_plan.hpp"
#include "state.hpp"

namespace neurotool::cpu {

/// Steps [first, first + count) of the current window, which begins at step `window_start` of the
/// sample.
struct Steps {
  std::uint64_t window_start = 0;
  std::uint32_t first = 0, count = 0;
};

/// Currents of one row of targets at some steps; a stride of 0: the same at each of them.
template <class Sum>
struct Currents {
  const Sum* data = nullptr;
  std::size_t step_stride = 0;
};

template <class Number>
class Sums {
 public:
  Sums(const RunPlan<Number>& plan, State<Number>& state) : plan_(plan), state_(state) {}

  /// Once per sample: sums of projections from populations that never change. `source` must be set.
  void make_constant(std::uint32_t projection);

  /// Before the first row of a population at `steps`: forgets the rows of its sources.
  void begin(std::uint32_t population, const Steps& steps);
  /// Row `row` at steps.first + [first, first + count); good until the next call.
  Currents<Number> row(std::uint32_t population, const Steps& steps, std::uint32_t row,
                       std::uint32_t first, std::uint32_t count);
  /// The same in 64 bits, for one step.
  const Wide<Number>* wide_row(std::uint32_t population, const Steps& steps, std::uint32_t row,
                               std::uint32_t at);

  /// What a population sends at step `first + window_start + step`; step may reach into history.
  Payloads<Number> payloads(std::uint32_t population, std::int64_t step) const;

 private:
  struct Tile;
  void make(const Tile& tile, Number* out);
  void events(const Tile& tile, Number* out);
  void dense(const Tile& tile, Number* out);
  void by_step(const Tile& tile, Number* out);
  /// One step of a max pool, at `at` steps after tile.steps.first.
  template <class Sum>
  void max_pool(const Tile& tile, std::uint32_t at, Sum* out);
  void fill_lists(const Tile& tile, Ring<Number>& ring, std::uint32_t y);
  void fill_values(const Tile& tile, Ring<Number>& ring, std::uint32_t y);
  template <class Fill>
  void fill_ring(const Tile& tile, Ring<Number>& ring, std::uint32_t target_row, Fill&& fill);
  Way choose_way(std::uint32_t projection) const;
  bool is_silent(const ProjectionProgram<Number>& p, const Steps& steps, std::uint32_t at) const;

  const RunPlan<Number>& plan_;
  State<Number>& state_;
};

}  // namespace neurotool::cpu
