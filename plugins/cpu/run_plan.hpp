// What one run has decided before its first sample: how each projection's sum is made, how large
// buffers must be. Shared by all threads of the run.
#pragma once

#include <cstdint>
#include <vector>

#include "engine.hpp"
#include "modes.hpp"
#include "program.hpp"

namespace neurotool::cpu {

/// How the sum of one projection is made in this run.
enum class Way {
  kConstant,  ///< made once per sample, kept
  kEvents,    ///< lists of events, rows of weights added
  kDense,     ///< all payloads times all weights
  kAdaptive,  ///< one of the two, for each window by the share of payloads that are not 0
  kPool,
  kMaxPool,  ///< loops of max_pool.hpp, which keep trains from step to step
  kScale,
  kPlain,  ///< loops of plain_sums.hpp
};

template <class Number>
struct RunPlan {
  const Program<Number>& program;
  std::uint64_t steps = 0;
  std::uint32_t window = 32;
  std::vector<Mode> modes;
  std::vector<Way> ways;
  std::vector<const Number*> inputs;  ///< per population; null where it is no input
  std::vector<ProbeRequest> probes;

  /// Steps whose currents are made together: enough to fill a kernel's registers, few enough for
  /// the currents to stay in the nearest cache.
  std::uint32_t tile_steps(std::uint32_t population) const;
  std::size_t row_size(std::uint32_t population) const;
};

/// Source rows that one target row hears at most, and so the rows that a ring must keep.
template <class Number>
std::uint32_t ring_slots(const Program<Number>& program, const ProjectionProgram<Number>& p);

/// Throws RunError when inputs are missing, or when nothing can hold the sums.
template <class Number>
RunPlan<Number> plan_run(const Program<Number>& program, const RunRequest& request);

}  // namespace neurotool::cpu
