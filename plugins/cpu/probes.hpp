// What probes keep of a sample while it runs, in the flat neuron order of the outside.
#pragma once

#include <cstdint>
#include <vector>

#include "engine.hpp"
#include "run_plan.hpp"
#include "state.hpp"

namespace neurotool::cpu {

template <class Number>
void prepare_record(const RunPlan<Number>& plan, const ProbeRequest& probe, ProbeRecord& record);

/// After a population's update of one row at one step.
template <class Number>
void record_membranes(const RunPlan<Number>& plan, const State<Number>& state,
                      std::uint32_t population, std::uint32_t row, std::uint64_t step,
                      std::vector<ProbeRecord>& records);

/// After a window, for each of its steps in order.
template <class Number>
void record_payloads(const RunPlan<Number>& plan, const ProbeRequest& probe,
                     const Payloads<Number>& sent, ProbeRecord& record);

/// After the last step.
template <class Number>
void finish_record(const RunPlan<Number>& plan, const State<Number>& state,
                   const ProbeRequest& probe, ProbeRecord& record);

/// Throws RunError for a probe that its population cannot answer.
template <class Number>
void check_probes(const Program<Number>& program, const std::vector<ProbeRequest>& probes);

}  // namespace neurotool::cpu
