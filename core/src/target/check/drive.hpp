// Putting a plugin through its work: graphs of the zoo checked, compiled, run and emitted, and what
// it pushed brought into a form that can be compared with the oracle's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "target/check/guest.hpp"
#include "target/check/zoo.hpp"

namespace neurotool::conformance {

/// A zoo graph that a target declares, accepted or refused.
struct Accepted {
  const ZooGraph& exhibit;
  const GraphFace& face;
  const OpenTarget& target;
  const Compiled& program;
};

/// Opens the target and compiles every graph of the zoo that it declares; calls body for each that
/// it accepts. Error: nothing was accepted, or body's.
Result<> for_each_accepted(const Offer& offer,
                           const std::function<Result<>(const Accepted&)>& body);

/// True if the answer is one that a target may give to a graph.
bool is_verdict(nt_code code);

/// Everything that may be asked of a graph: spikes of what fires, membranes of what has one,
/// readouts of the outputs.
std::vector<Probe> all_probes(const SpikeGraph& graph);
SimulateRequest request_for(const ZooGraph& exhibit, std::uint64_t seed = 1);

/// One call of nt.simulate/1.
nt_code simulate(const Offer& offer, nt_program* program, const SimulateRequest& request,
                 Recorder& recorder, Length length = Length::kToday);

/// What a run shows, in a form that is equal when it means the same.
struct Observed {
  using SpikesAt =
      std::tuple<std::uint64_t, std::uint32_t, std::uint64_t>;  ///< sample, population, step
  using ValuesAt = std::tuple<std::uint64_t, std::uint32_t, std::string, std::uint64_t>;
  std::map<SpikesAt, std::vector<std::pair<std::uint32_t, std::int32_t>>> spikes;
  std::map<ValuesAt, std::vector<double>> values;  ///< the step of a readout is 0

  bool operator==(const Observed&) const = default;
  std::uint64_t spike_count() const;  ///< of neurons and steps, whatever the payload
};
Observed observed(const Recorder& recorder);
/// As observed(), with `first_sample` added to every sample.
Observed observed(const Recorder& recorder, std::uint64_t first_sample);
void add(Observed& all, const Observed& part);

/// The oracle's run of the same request. Errors: eval.*.
Result<Observed> oracle(const ZooGraph& exhibit, const SimulateRequest& request);

/// How many (neuron, step) of the two differ in spikes.
std::uint64_t differing_spikes(const Observed& a, const Observed& b);
/// The first place where they differ: "spikes of 'hidden', sample 0, step 3: neurons 1, 2 instead
/// of 1".
std::string first_difference(const Observed& wanted, const Observed& got, const SpikeGraph& graph);

/// Runs the request and returns what was seen. Error: a code other than NT_OK, with its
/// diagnostics.
Result<Observed> run_once(const Accepted& work, const SimulateRequest& request);
Result<Observed> run_once(const Accepted& work, const SimulateRequest& request, Recorder& recorder);

/// The whole life of a plugin: init, and for every target open, check, compile, run, emit, release
/// and close over the zoo, and shutdown. Hands every call to `seen` before it is forgotten.
Result<> live(Trial& trial, HostShape shape, const std::function<void(const Recorder&)>& seen);

}  // namespace neurotool::conformance
