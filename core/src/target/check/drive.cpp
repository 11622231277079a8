// Zoo graphs through a plugin: compile, run, emit, and the whole life.

#include "target/check/drive.hpp"

#include <deque>
#include <utility>

#include <fmt/format.h>

namespace neurotool::conformance {
namespace {

/// A request as the structs of nt.simulate/1; they point into it.
class AbiRequest {
 public:
  AbiRequest(const SimulateRequest& request, Length length) {
    for (const BatchStimulus& given : request.stimuli) {
      nt_stimulus& made = stimuli_.emplace_back();
      made.struct_size = sizeof made;
      made.value = abi_tensor(given.value);
      made.population = given.population.index;
      const bool today = length == Length::kToday;
      stimulus_pointers.push_back(today ? &made
                                        : placed(made, NT_THROUGH(nt_stimulus, flags), length));
    }
    for (const Probe& given : request.probes) {
      nt_probe& made = probes_.emplace_back();
      made.struct_size = sizeof made;
      made.variable = str(given.variable);
      made.population = given.population.index;
      const bool today = length == Length::kToday;
      probe_pointers.push_back(today ? &made
                                     : placed(made, NT_THROUGH(nt_probe, reserved), length));
    }
  }

  std::vector<const nt_stimulus*> stimulus_pointers;
  std::vector<const nt_probe*> probe_pointers;

 private:
  std::deque<nt_stimulus> stimuli_;  // deques: their elements stay where they are
  std::deque<nt_probe> probes_;
};

void emit_all(const Accepted& work, const std::function<void(const Recorder&)>& seen) {
  const Offer& offer = work.target.offer();
  if (!offer.codegen) return;
  for (std::size_t i = 0; i < offer.codegen->format_count; ++i) {
    Recorder recorder({.graph = &work.exhibit.graph, .takes_artifacts = true});
    offer.codegen->emit(work.program.handle(), recorder.handle(), work.face.handle(),
                        offer.codegen->formats[i]);
    recorder.end();
    seen(recorder);
  }
}

void read_capacities(const OpenTarget& target) {
  const auto& resources = target.offer().resources;
  std::uint32_t count = 0;
  if (!resources || resources->count(target.handle(), &count) != NT_OK) return;
  for (std::uint32_t i = 0; i < count; ++i) {
    nt_capacity capacity{};
    capacity.struct_size = sizeof capacity;
    resources->get(target.handle(), i, &capacity);
  }
}

Result<> live_target(const Offer& offer, const std::function<void(const Recorder&)>& seen) {
  Recorder opening({});
  NT_TRY(const OpenTarget target, OpenTarget::open(offer, default_options(offer), opening));
  seen(opening);
  read_capacities(target);
  for (const ZooGraph& exhibit : zoo()) {
    if (!offer.takes(exhibit.graph)) continue;
    const GraphFace face(exhibit.graph);
    Recorder checking({.graph = &exhibit.graph});
    target.check(checking, face);
    seen(checking);
    Recorder compiling({.graph = &exhibit.graph, .takes_artifacts = true});
    const Compiled program(target, compiling, face);
    seen(compiling);
    if (program.handle() == nullptr) continue;
    if (offer.simulate) {
      const SimulateRequest request = request_for(exhibit);
      Recorder running({.graph = &exhibit.graph, .request = &request, .takes_artifacts = true});
      simulate(offer, program.handle(), request, running);
      seen(running);
    }
    emit_all({exhibit, face, target, program}, seen);
  }
  return {};
}

}  // namespace

bool is_verdict(nt_code code) {
  return code == NT_OK || code == NT_UNSUPPORTED || code == NT_NO_ROOM;
}

Result<> for_each_accepted(const Offer& offer,
                           const std::function<Result<>(const Accepted&)>& body) {
  NT_TRY(const OpenTarget target, OpenTarget::open(offer));
  std::size_t shown = 0, accepted = 0;
  for (const ZooGraph& exhibit : zoo()) {
    if (!offer.takes(exhibit.graph)) continue;
    ++shown;
    const GraphFace face(exhibit.graph);
    Recorder recorder({.graph = &exhibit.graph});
    const Compiled program(target, recorder, face);
    if (program.handle() == nullptr) continue;
    if (!exhibit.graph.populations.empty()) ++accepted;
    NT_TRY_VOID(body({exhibit, face, target, program}));
  }
  if (accepted == 0) {
    return finding(
        fmt::format("it refuses all of the {} graphs whose models and kinds it declares", shown));
  }
  return {};
}

std::vector<Probe> all_probes(const SpikeGraph& graph) {
  std::vector<Probe> probes;
  for (std::uint32_t i = 0; i < graph.populations.size(); ++i) {
    const Population& population = graph.populations[i];
    const bool fires = firing_of(population.neuron) != nullptr;
    const bool has_membrane = fires || std::holds_alternative<Li>(population.neuron);
    if (fires) probes.push_back({PopulationId{i}, "spikes"});
    if (has_membrane) probes.push_back({PopulationId{i}, "membrane"});
    if (population.output && has_membrane) probes.push_back({PopulationId{i}, "readout"});
  }
  return probes;
}

SimulateRequest request_for(const ZooGraph& exhibit, std::uint64_t seed) {
  SimulateRequest request;
  request.samples = exhibit.samples;
  request.steps = exhibit.steps;
  request.seed = seed;
  for (const ZooStimulus& stimulus : exhibit.stimuli)
    request.stimuli.push_back({stimulus.population, stimulus.value});
  request.probes = all_probes(exhibit.graph);
  return request;
}

nt_code simulate(const Offer& offer, nt_program* program, const SimulateRequest& request,
                 Recorder& recorder, Length length) {
  const AbiRequest abi(request, length);
  const nt_code code =
      offer.simulate->run(program, recorder.handle(), request.samples, request.steps, request.seed,
                          abi.stimulus_pointers.data(), abi.stimulus_pointers.size(),
                          abi.probe_pointers.data(), abi.probe_pointers.size());
  recorder.end();
  return code;
}

Result<Observed> run_once(const Accepted& work, const SimulateRequest& request) {
  Recorder recorder({.graph = &work.exhibit.graph, .request = &request});
  return run_once(work, request, recorder);
}

Result<Observed> run_once(const Accepted& work, const SimulateRequest& request,
                          Recorder& recorder) {
  const nt_code code = simulate(work.target.offer(), work.program.handle(), request, recorder);
  if (code != NT_OK) {
    return finding(fmt::format("graph '{}' was compiled, but run() answers '{}': {}",
                               work.exhibit.name, code_text(code), recorder.errors_text()));
  }
  return observed(recorder);
}

Result<> live(Trial& trial, HostShape shape, const std::function<void(const Recorder&)>& seen) {
  return for_each_target(trial, shape,
                         [&](const Offer& offer) { return live_target(offer, seen); });
}

}  // namespace neurotool::conformance
