// Targets and programs: one C call each, between an ActiveCall that is made before it and asked
// afterwards how it went.
#include "target/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "target/target_state.hpp"

namespace neurotool {
namespace {

/// "it takes input, if, lif"
std::string takes(const std::vector<std::string>& words) {
  return fmt::format("it takes {}",
                     words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", ")));
}

Error undeclared(std::string_view code, const std::string& node, std::string_view what,
                 std::string_view word, const TargetDescription& target,
                 const std::vector<std::string>& words) {
  return error(code, ModelNode{{}, node},
               fmt::format("{} is '{}', which target '{}' does not take", what, word, target.name),
               takes(words) + "; other passes, or another target, may help");
}

/// Words that the target did not declare are refused before it is asked anything.
Result<> check_words(const SpikeGraph& graph, const TargetDescription& target,
                     Diagnostics& diagnostics) {
  std::vector<Error> errors;
  for (const Population& population : graph.populations) {
    const std::string_view model = model_name(population.neuron);
    if (std::ranges::find(target.models, model) != target.models.end()) continue;
    errors.push_back(undeclared("target.model", population.name,
                                fmt::format("the neuron model of '{}'", population.name), model,
                                target, target.models));
  }
  for (const Projection& projection : graph.projections) {
    const std::string_view kind = kind_name(projection.connectivity);
    if (std::ranges::find(target.kinds, kind) != target.kinds.end()) continue;
    errors.push_back(undeclared("target.kind", projection.name,
                                fmt::format("the kind of projection '{}'", projection.name), kind,
                                target, target.kinds));
  }
  for (const Error& item : errors) diagnostics.report(item);
  if (errors.empty()) return {};
  return errors.front();
}

/// A request as the structs of nt.simulate/1; they point into it.
struct AbiRequest {
  std::vector<nt_stimulus> stimuli;
  std::vector<const nt_stimulus*> stimulus_pointers;
  std::vector<nt_probe> probes;
  std::vector<const nt_probe*> probe_pointers;

  explicit AbiRequest(const SimulateRequest& request) {
    for (const BatchStimulus& stimulus : request.stimuli) {
      nt_stimulus made{};
      made.struct_size = sizeof made;
      made.value = abi_tensor(stimulus.value);
      made.population = stimulus.population.index;
      stimuli.push_back(made);
    }
    for (const Probe& probe : request.probes) {
      nt_probe made{};
      made.struct_size = sizeof made;
      made.variable = str(probe.variable);
      made.population = probe.population.index;
      probes.push_back(made);
    }
    for (const nt_stimulus& stimulus : stimuli) stimulus_pointers.push_back(&stimulus);
    for (const nt_probe& probe : probes) probe_pointers.push_back(&probe);
  }
};

/// Where a well-known capacity belongs; nullptr for one that is only shown.
std::uint64_t* place_of(DeviceLimits& limits, std::string_view name) {
  const std::pair<std::string_view, std::uint64_t*> places[] = {
      {"chips", &limits.chips},
      {"cores_per_chip", &limits.cores_per_chip},
      {"neurons_per_core", &limits.neurons_per_core},
      {"synapses_per_core", &limits.synapses_per_core},
      {"fan_in", &limits.fan_in},
      {"fan_out", &limits.fan_out},
      {"weight_bits", &limits.weight_bits},
      {"delay_steps", &limits.delay_steps},
  };
  for (const auto& [known, place] : places) {
    if (known == name) return place;
  }
  return nullptr;
}

/// Empty, or what is wrong with what nt.resources/1 says.
std::string read_limits(const nt_resources& resources, nt_target* handle, DeviceLimits& limits) {
  constexpr std::uint32_t kMostCapacities = 4096;
  std::uint32_t count = 0;
  if (const nt_code code = resources.count(handle, &count); code != NT_OK) {
    return fmt::format("count() answers '{}'", code_text(code));
  }
  if (count > kMostCapacities) return fmt::format("it lists {} capacities", count);
  for (std::uint32_t i = 0; i < count; ++i) {
    nt_capacity capacity{};
    capacity.struct_size = sizeof capacity;
    if (const nt_code code = resources.get(handle, i, &capacity); code != NT_OK) {
      return fmt::format("get({}) answers '{}'", i, code_text(code));
    }
    const std::string name = message_of(capacity.name, 128);
    std::uint64_t* place = place_of(limits, name);
    if (place == nullptr) continue;
    constexpr double kMost = 9007199254740992.0;  // whole numbers are exact up to here
    if (!(capacity.amount >= 0 && capacity.amount <= kMost) ||
        capacity.amount != std::floor(capacity.amount)) {
      return fmt::format("its capacity '{}' is {}, no whole number", name, capacity.amount);
    }
    *place = static_cast<std::uint64_t>(capacity.amount);
  }
  return {};
}

}  // namespace

AbiVersion abi_version() { return {NT_ABI_MAJOR, NT_ABI_MINOR}; }

std::string_view origin_name(Origin origin) {
  switch (origin) {
    case Origin::kMeasured:
      return "measured";
    case Origin::kSimulated:
      return "simulated";
    case Origin::kModelled:
      return "modelled";
  }
  return {};
}

// ---- Target ----

Target::Target(std::unique_ptr<State> state) : state_(std::move(state)) {}
Target::Target(Target&&) noexcept = default;
Target& Target::operator=(Target&&) noexcept = default;
Target::~Target() = default;

const TargetDescription& Target::description() const { return state_->opened->description(); }

const std::vector<CheckedOption>& Target::options() const { return state_->opened->options(); }

DeviceLimits Target::limits(PluginCall call) const {
  OpenedTarget& opened = *state_->opened;
  DeviceLimits limits;
  limits.target = opened.description().name;
  if (!opened.described().resources) return limits;
  const std::lock_guard lock(opened.serial());
  const std::string wrong = read_limits(*opened.described().resources, opened.handle(), limits);
  if (wrong.empty()) return limits;
  call.diagnostics.report(
      warning("target.misbehaved", {},
              fmt::format("the capacities of '{}' are not known: {}", limits.target, wrong),
              "this is a bug in the plugin; tell its author"));
  DeviceLimits unknown;
  unknown.target = limits.target;
  return unknown;
}

Result<> Target::check(const SpikeGraph& graph, PluginCall call) {
  OpenedTarget& opened = *state_->opened;
  NT_TRY_VOID(check_words(graph, opened.description(), call.diagnostics));
  const GraphView view(graph);
  call.artifacts.clear();
  ActiveCall active(Stage::kCheck, opened.subject(&graph), call);
  const std::lock_guard lock(opened.serial());
  return active.finish(opened.functions().check(opened.handle(), active.handle(), view.handle()));
}

Result<Program> Target::compile(std::shared_ptr<const SpikeGraph> graph, PluginCall call) {
  OpenedTarget& opened = *state_->opened;
  NT_TRY_VOID(check_words(*graph, opened.description(), call.diagnostics));
  auto program = std::make_unique<Program::State>(state_->opened, std::move(graph));
  ActiveCall active(Stage::kCompile, opened.subject(program->graph.get()), call);
  {
    const std::lock_guard lock(opened.serial());
    const nt_code code = opened.functions().compile(opened.handle(), active.handle(),
                                                    program->view.handle(), &program->handle);
    if (code == NT_OK && program->handle == nullptr) {
      active.misbehaved(
          fmt::format("'{}' compiled, but there is no program", opened.description().name));
    }
    // What came with a refusal is not ours to release.
    if (code != NT_OK) program->handle = nullptr;
    NT_TRY_VOID(active.finish(code));
  }
  program->compiled = {.metrics = active.results().take_metrics(),
                       .placements = active.results().take_placements(),
                       .artifacts = active.artifact_names()};
  return Program(std::move(program));
}

// ---- Program ----

Program::Program(std::unique_ptr<State> state) : state_(std::move(state)) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

Program::State::~State() {
  if (handle == nullptr) return;
  const std::lock_guard lock(opened->serial());
  opened->functions().release(handle);
}

const CompileResult& Program::compiled() const { return state_->compiled; }

Result<RunResult> Program::simulate(const SimulateRequest& request, PluginCall call) const {
  const OpenedTarget& opened = *state_->opened;
  const auto& simulate = opened.described().simulate;
  if (!simulate) {
    Error refusal =
        error("target.no-simulate", {},
              fmt::format("target '{}' compiles, but does not simulate", opened.description().name),
              "set run.mode to compile, or choose another target");
    call.diagnostics.report(refusal);
    return refusal;
  }
  const AbiRequest abi(request);
  ActiveCall active(Stage::kSimulate, opened.subject(state_->graph.get(), &request), call);
  NT_TRY_VOID(active.finish(simulate->run(state_->handle, active.handle(), request.samples,
                                          request.steps, request.seed, abi.stimulus_pointers.data(),
                                          abi.stimulus_pointers.size(), abi.probe_pointers.data(),
                                          abi.probe_pointers.size())));
  return RunResult{.metrics = active.results().take_metrics(),
                   .spikes = active.results().take_spikes(),
                   .values = active.results().take_values()};
}

Result<std::vector<std::string>> Program::emit(std::string_view format, PluginCall call) {
  OpenedTarget& opened = *state_->opened;
  const std::vector<std::string>& formats = opened.description().codegen_formats;
  if (std::ranges::find(formats, format) == formats.end()) {
    Error refusal =
        error("target.no-format", {},
              fmt::format("target '{}' does not write '{}'", opened.description().name, format),
              formats.empty() ? "it writes no code at all" : suggest(format, formats));
    call.diagnostics.report(refusal);
    return refusal;
  }
  ActiveCall active(Stage::kEmit, opened.subject(state_->graph.get()), call);
  const std::lock_guard lock(opened.serial());
  NT_TRY_VOID(active.finish(opened.described().codegen->emit(state_->handle, active.handle(),
                                                             state_->view.handle(), str(format))));
  return active.artifact_names();
}

}  // namespace neurotool
