// Probes cost nothing where there are none: every function returns at once unless a probe asks for
// the population.
#include "probes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "plain_sums.hpp"

namespace neurotool::cpu {
namespace {

template <class Number>
std::vector<Number>& numbers_of(ProbeRecord& record) {
  if constexpr (std::is_same_v<Number, float>) {
    return record.real;
  } else {
    return record.whole;
  }
}

/// Payloads cross the ABI as int32; a relay or an input of a float network may send anything.
template <class Number>
std::int32_t whole_payload(Number payload, const Population& p, std::uint32_t population) {
  if constexpr (std::is_same_v<Number, float>) {
    const bool whole = std::abs(payload) < 2147483648.0F && payload == std::floor(payload);
    if (!whole) {
      throw RunError(RunError::Cause::kUnsupported, population, "cpu.probe",
                     "'" + p.name + "' sends " + std::to_string(payload) +
                         "; only whole numbers can be recorded as spikes",
                     "record the population that it feeds");
    }
  }
  return static_cast<std::int32_t>(payload);
}

struct Sent {
  std::uint32_t neuron;
  std::int32_t payload;
};

template <class Number>
void record_spikes(const PopulationProgram<Number>& p, std::uint32_t population,
                   const Payloads<Number>& from, ProbeRecord& record) {
  std::vector<Sent> sent;
  for (std::size_t pixel = 0; pixel < p.grid.pixels(); ++pixel) {
    for_each_payload(from, p.grid, pixel, [&](std::uint32_t c, Number payload) {
      sent.push_back({static_cast<std::uint32_t>(p.grid.flat(pixel, c)),
                      whole_payload(payload, p.facts, population)});
    });
  }
  std::ranges::sort(sent, {}, &Sent::neuron);
  for (const Sent& spike : sent) {
    record.neurons.push_back(spike.neuron);
    if (!p.binary) record.payloads.push_back(spike.payload);
  }
  record.step_ends.push_back(record.neurons.size());
}

template <class Number>
void count_payloads(const PopulationProgram<Number>& p, const Payloads<Number>& from,
                    ProbeRecord& record) {
  for (std::size_t pixel = 0; pixel < p.grid.pixels(); ++pixel) {
    for_each_payload(from, p.grid, pixel, [&](std::uint32_t c, Number payload) {
      record.counts[p.grid.flat(pixel, c)] += static_cast<std::int64_t>(payload);
    });
  }
}

}  // namespace

template <class Number>
void prepare_record(const RunPlan<Number>& plan, const ProbeRequest& probe, ProbeRecord& record) {
  const PopulationProgram<Number>& p = plan.program.populations[probe.population];
  const std::size_t neurons = p.grid.neurons();
  if (probe.variable == Variable::kMembrane) {
    numbers_of<Number>(record).resize(neurons * plan.steps);
  }
  if (probe.variable == Variable::kReadout && p.facts.fires()) record.counts.resize(neurons);
}

template <class Number>
void record_membranes(const RunPlan<Number>& plan, const State<Number>& state,
                      std::uint32_t population, std::uint32_t row, std::uint64_t step,
                      std::vector<ProbeRecord>& records) {
  for (std::size_t i = 0; i < plan.probes.size(); ++i) {
    const ProbeRequest& probe = plan.probes[i];
    if (probe.population != population || probe.variable != Variable::kMembrane) continue;
    const PopulationProgram<Number>& p = plan.program.populations[population];
    Number* out = numbers_of<Number>(records[i]).data() + step * p.grid.neurons();
    const std::size_t first = row * p.pixels_per_row();
    for (std::size_t pixel = first; pixel < first + p.pixels_per_row(); ++pixel) {
      const Number* membranes =
          state.populations[population].membrane.data() + pixel * p.grid.lanes;
      for (std::size_t c = 0; c < p.grid.channels; ++c) out[p.grid.flat(pixel, c)] = membranes[c];
    }
  }
}

template <class Number>
void record_payloads(const RunPlan<Number>& plan, const ProbeRequest& probe,
                     const Payloads<Number>& sent, ProbeRecord& record) {
  const PopulationProgram<Number>& p = plan.program.populations[probe.population];
  if (probe.variable == Variable::kSpikes) record_spikes(p, probe.population, sent, record);
  if (!record.counts.empty()) count_payloads(p, sent, record);
}

template <class Number>
void finish_record(const RunPlan<Number>& plan, const State<Number>& state,
                   const ProbeRequest& probe, ProbeRecord& record) {
  const PopulationProgram<Number>& p = plan.program.populations[probe.population];
  if (probe.variable != Variable::kReadout || p.facts.fires()) return;
  std::vector<Number>& out = numbers_of<Number>(record);
  const LineVector<Number>& membrane = state.populations[probe.population].membrane;
  out.resize(p.grid.neurons());
  for (std::size_t n = 0; n < out.size(); ++n) out[n] = membrane[p.grid.place(n)];
}

template <class Number>
void check_probes(const Program<Number>& program, const std::vector<ProbeRequest>& probes) {
  for (const ProbeRequest& probe : probes) {
    if (probe.population >= program.populations.size()) {
      throw RunError(RunError::Cause::kRequest, 0, "cpu.probe",
                     "a probe names population " + std::to_string(probe.population) +
                         ", but there are " + std::to_string(program.populations.size()));
    }
    const Population& p = program.populations[probe.population].facts;
    if (probe.variable == Variable::kSpikes) {
      if (p.model != Model::kLi) continue;
      throw RunError(RunError::Cause::kUnsupported, probe.population, "cpu.probe",
                     "'" + p.name + "' never fires and has no spikes to record",
                     "probe its membrane or readout");
    }
    if (p.has_membrane()) continue;
    throw RunError(RunError::Cause::kUnsupported, probe.population, "cpu.probe",
                   "'" + p.name + "' has no membrane to record", "probe its spikes");
  }
}

#define NT_CPU_INSTANTIATE(Number)                                                               \
  template void prepare_record(const RunPlan<Number>&, const ProbeRequest&, ProbeRecord&);       \
  template void record_membranes(const RunPlan<Number>&, const State<Number>&, std::uint32_t,    \
                                 std::uint32_t, std::uint64_t, std::vector<ProbeRecord>&);       \
  template void record_payloads(const RunPlan<Number>&, const ProbeRequest&,                     \
                                const Payloads<Number>&, ProbeRecord&);                          \
  template void finish_record(const RunPlan<Number>&, const State<Number>&, const ProbeRequest&, \
                              ProbeRecord&);                                                     \
  template void check_probes(const Program<Number>&, const std::vector<ProbeRequest>&);
NT_CPU_INSTANTIATE(float)
NT_CPU_INSTANTIATE(std::int32_t)
#undef NT_CPU_INSTANTIATE

}  // namespace neurotool::cpu
