// The target "spikecore": a thin layer between the plugin ABI and compiler and machine.
#include <neurotool/plugin/sdk.hpp>

#include <algorithm>
#include <utility>

#include "codegen.hpp"
#include "map/sample.hpp"
#include "read_graph.hpp"

namespace nt = neurotool::sdk;

namespace neurotool::spikecore {
namespace {

enum class EnergyPreset { kHorowitz, kNeurocuda };

struct PluginOptions {
  Schedule schedule = Schedule::kAuto;
  Profile profile = Profile::kV1;
  std::int64_t chips = 0, grid = 0, axons = 0, words = kDefaultWords;
  bool prefetch = false, strict_spikes = false;
  EnergyPreset energy = EnergyPreset::kHorowitz;
  double clock_mhz = 100;
};

EnergyModel energy_model(const PluginOptions& options) {
  EnergyModel model;
  model.clock_megahertz = options.clock_mhz;
  if (options.energy == EnergyPreset::kNeurocuda) {
    model.synapse = 0.9;
    model.graded_synapse = 4.6;
  }
  return model;
}

class SpikecoreProgram final : public nt::Program, public nt::Simulates, public nt::Emits {
 public:
  static constexpr std::array<std::string_view, 3> kFormats = {"sco", "asm", "map"};

  SpikecoreProgram(std::unique_ptr<const Deployment> deployment, EnergyModel energy)
      : deployment_(std::move(deployment)), energy_(energy) {}

  void simulate(nt::Call call, const nt::Run& run) const override {
    const std::vector<ProbeRequest> probes = probes_of(run);
    const std::vector<std::vector<std::int32_t>> inputs = inputs_of(run);
    const auto steps = static_cast<std::uint32_t>(run.steps);
    std::vector<SampleResult> results(run.samples);
    call.progress(0, "simulating");
    call.parallel_for(run.samples, [&](std::size_t first, std::size_t last) {
      Machine machine = deployment_->make_machine(steps);
      for (std::size_t sample = first; sample < last; ++sample) {
        results[sample] = run_sample(call, machine, inputs, run, sample, probes);
      }
    });
    for (std::size_t sample = 0; sample < results.size(); ++sample) {
      for (std::size_t i = 0; i < probes.size(); ++i) {
        push(call, probes[i], sample, steps, results[sample].probes[i]);
      }
    }
    push_counts(call, results);
    call.progress(1, "simulating");
  }

  void emit(nt::Call call, nt::Graph, std::string_view format) override {
    const auto write = [&](std::string_view name, std::string_view type, std::string_view text) {
      nt::Artifact artifact = call.artifact(name, type);
      artifact.write(text);
      artifact.close();
    };
    if (format == "sco") {
      write("program.sco", "application/octet-stream", write_object(deployment_->image().object()));
    } else if (format == "asm") {
      write("program.s", "text/plain", annotated_listing(*deployment_));
    } else {
      write("layers.yaml", "application/yaml", layer_map(*deployment_));
    }
  }

 private:
  const Network& network() const { return deployment_->network(); }

  std::vector<ProbeRequest> probes_of(const nt::Run& run) const {
    std::vector<ProbeRequest> probes;
    for (const nt::Probe& probe : run.probes) {
      const Population& p = network().populations.at(probe.population);
      const bool spikes = probe.variable == "spikes" && p.sends();
      const bool membrane = probe.variable == "membrane" && p.has_membrane();
      const bool readout = probe.variable == "readout" && p.has_membrane();
      if (!spikes && !membrane && !readout) {
        throw nt::Failure(NT_UNSUPPORTED, "spikecore.probe",
                          nt::format("'{}' of '{}' cannot be recorded", probe.variable, p.name),
                          "spikes of what sends; membrane and readout of what has a membrane");
      }
      probes.push_back({probe.population, spikes     ? Variable::kSpikes
                                          : membrane ? Variable::kMembrane
                                                     : Variable::kReadout});
    }
    return probes;
  }

  /// By population; every value is one that the input may have.
  std::vector<std::vector<std::int32_t>> inputs_of(const nt::Run& run) const {
    std::vector<std::vector<std::int32_t>> inputs(network().populations.size());
    for (const nt::Stimulus& stimulus : run.stimuli) {
      const bool known = stimulus.population < network().populations.size() &&
                         network().populations[stimulus.population].model == Model::kInput;
      if (!known) {
        throw nt::Failure(
            NT_BAD_ARGUMENT, "spikecore.stimulus",
            nt::format("a stimulus names population {}, which is no input", stimulus.population));
      }
      inputs[stimulus.population] = stimulus.value.to_vector<std::int32_t>();
    }
    for (std::uint32_t i = 0; i < inputs.size(); ++i) check_input(run, i, inputs[i]);
    return inputs;
  }

  std::uint64_t frames(const nt::Run& run, const Population& p) const {
    return p.held ? 1 : run.steps;
  }

  void check_input(const nt::Run& run, std::uint32_t index,
                   const std::vector<std::int32_t>& values) const {
    const Population& p = network().populations[index];
    if (p.model != Model::kInput) return;
    const std::uint64_t wanted =
        run.samples * frames(run, p) * static_cast<std::uint64_t>(p.neurons);
    if (values.size() != wanted) {
      throw nt::Failure(NT_BAD_ARGUMENT, "spikecore.stimulus",
                        nt::format("the stimulus of '{}' has {} values; {} samples need {}", p.name,
                                   values.size(), run.samples, wanted));
    }
    const PayloadRange range = deployment_->input_range(index);
    for (const std::int32_t value : values) {
      if (value >= range.least && value <= range.most) continue;
      throw nt::Failure(
          NT_BAD_ARGUMENT, "spikecore.stimulus",
          nt::format("the stimulus of '{}' has the value {}; its {} bits hold {} to {}", p.name,
                     value, p.bits, range.least, range.most));
    }
  }

  SampleResult run_sample(nt::Call call, Machine& machine,
                          const std::vector<std::vector<std::int32_t>>& inputs, const nt::Run& run,
                          std::size_t sample, const std::vector<ProbeRequest>& probes) const {
    std::vector<std::span<const std::int32_t>> mine(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Population& p = network().populations[i];
      if (p.model != Model::kInput) continue;
      const std::size_t size = frames(run, p) * static_cast<std::size_t>(p.neurons);
      mine[i] = std::span(inputs[i]).subspan(sample * size, size);
    }
    SampleResult result;
    try {
      result = deployment_->run(machine, mine, static_cast<std::uint32_t>(run.steps), probes,
                                [&] { call.progress(-1, "simulating"); });
    } catch (const Trap& trap) {
      throw nt::Failure(
          NT_INTERNAL, "spikecore.trap",
          nt::format("{} on chip {} core {} at pc {}, {}: {}", trap_name(trap.code), trap.chip,
                     trap.core, trap.pc,
                     trap.word ? disassemble(*trap.word) : std::string("no word"), trap.what()));
    } catch (const ObjectError& problem) {
      throw nt::Failure(NT_INTERNAL, "spikecore.object",
                        nt::format("{}: {}", problem.place, problem.what()), problem.help);
    }
    if (result.totals.cores.ovf > 0) {
      throw nt::Failure(NT_FAILED, "spikecore.overflow",
                        nt::format("sample {} of this batch: {} sums left 32 bits and were "
                                   "saturated",
                                   sample, result.totals.cores.ovf),
                        "fewer fraction_bits in quantize, or fewer steps");
    }
    return result;
  }

  void push(nt::Call call, const ProbeRequest& probe, std::uint64_t sample, std::uint32_t steps,
            const ProbeRecord& record) const {
    const std::int64_t neurons = network().populations[probe.population].neurons;
    const nt::Span<const std::int64_t> shape(&neurons, 1);
    const std::uint64_t last = steps > 0 ? steps - 1 : 0;
    switch (probe.variable) {
      case Variable::kSpikes:
        push_spikes(call, probe, sample, record);
        break;
      case Variable::kMembrane:
        for (std::uint64_t step = 0; step < steps; ++step) {
          const std::size_t offset = step * static_cast<std::size_t>(neurons);
          call.values(sample, probe.population, "membrane", step,
                      nt::TensorView(record.membranes.data() + offset, shape));
        }
        break;
      case Variable::kReadout:
        push_readout(call, probe, sample, last, record, shape);
        break;
    }
  }

  void push_readout(nt::Call call, const ProbeRequest& probe, std::uint64_t sample,
                    std::uint64_t last, const ProbeRecord& record,
                    nt::Span<const std::int64_t> shape) const {
    const Population& p = network().populations[probe.population];
    if (p.fires()) {
      call.values(sample, probe.population, "readout", last,
                  nt::TensorView(record.counts.data(), shape));
      return;
    }
    std::vector<std::int32_t> membranes = record.membranes;
    // Without a step the membranes are as they begin.
    for (std::int64_t i = static_cast<std::int64_t>(membranes.size()); i < p.neurons; ++i) {
      membranes.push_back(p.initial.at(i, p.neurons));
    }
    call.values(sample, probe.population, "readout", last, nt::TensorView(membranes.data(), shape));
  }

  static void push_spikes(nt::Call call, const ProbeRequest& probe, std::uint64_t sample,
                          const ProbeRecord& record) {
    std::uint32_t begin = 0;
    for (std::size_t step = 0; step < record.step_ends.size(); ++step) {
      const std::uint32_t count = record.step_ends[step] - begin;
      if (count > 0) {
        const std::int32_t* payloads = record.payloads.data() + begin;
        const bool all_one = std::all_of(payloads, payloads + count,
                                         [](std::int32_t payload) { return payload == 1; });
        call.spikes(sample, probe.population, step, {record.neurons.data() + begin, count},
                    all_one ? nt::Span<const std::int32_t>()
                            : nt::Span<const std::int32_t>(payloads, count));
      }
      begin = record.step_ends[step];
    }
  }

  void push_counts(nt::Call call, const std::vector<SampleResult>& results) const {
    Totals totals;
    std::vector<std::uint64_t> spikes(network().populations.size(), 0);
    std::uint64_t operations = 0, all_spikes = 0;
    for (const SampleResult& result : results) {
      totals += result.totals;
      operations += result.synaptic_ops;
      for (std::size_t i = 0; i < spikes.size(); ++i) spikes[i] += result.spikes[i];
    }
    for (const std::uint64_t count : spikes) all_spikes += count;
    const auto simulated = [&](std::string_view name, std::uint64_t value) {
      call.metric(name, static_cast<double>(value), "1", nt::Origin::kSimulated);
    };
    simulated("spikes.total", all_spikes);
    simulated("synaptic_ops.total", operations);
    for (std::size_t i = 0; i < spikes.size(); ++i) {
      const Population& p = network().populations[i];
      if (p.fires() || (p.model == Model::kInput && !p.held)) {
        simulated("population." + std::to_string(i) + ".spikes", spikes[i]);
      }
    }
    simulated("machine.sop", totals.cores.sop);
    simulated("machine.silent_synapses", totals.cores.skipped);
    simulated("machine.packets", totals.chips.packets);
    simulated("machine.hops", totals.chips.hops);
    simulated("machine.page_bytes", totals.cores.page_bytes);
    simulated("machine.skipped_pages", totals.chips.skipped_pages);
    simulated("machine.ovf", totals.cores.ovf);
    simulated("machine.dup", totals.chips.dup);
    const Energy energy = energy_of(totals, deployment_->image().object().chips, energy_);
    const auto modelled = [&](std::string_view name, double value, std::string_view unit) {
      call.metric(name, value, unit, nt::Origin::kModelled);
    };
    modelled("machine.cycles", static_cast<double>(totals.cycles), "1");
    modelled("energy.total", energy.total_pj() * 1e-12, "J");
    if (!results.empty()) {
      modelled("latency.sample", energy.seconds / static_cast<double>(results.size()), "s");
    }
  }

  std::unique_ptr<const Deployment> deployment_;
  EnergyModel energy_;
};

class Spikecore final : public nt::Target<PluginOptions, SpikecoreProgram>, public nt::Holds {
 public:
  static constexpr auto kInfo =
      nt::info("spikecore",
               "Maps to SpikeCore, a fictional chip of 128 event-driven cores, and "
               "simulates it exactly.")
          .choice("schedule", &PluginOptions::schedule,
                  "Where weights are: loaded in turn, each page on a core of its own, inputs that "
                  "do not change summed once, or whichever is modelled to be cheapest.",
                  nt::word("auto", Schedule::kAuto), nt::word("streamed", Schedule::kStreamed),
                  nt::word("resident", Schedule::kResident), nt::word("direct", Schedule::kDirect))
          .choice("profile", &PluginOptions::profile,
                  "The five original opcodes and one accumulator per core, or everything.",
                  nt::word("v1", Profile::kV1), nt::word("strict", Profile::kStrict))
          .option("chips", &PluginOptions::chips, "Chips; 0: as few as hold the network.", {0, 256})
          .option("grid", &PluginOptions::grid, "Chips in a row of the grid; 0: near a square.",
                  {0, 256})
          .option(
              "axons", &PluginOptions::axons,
              "Axons of a core, a power of two; 0: as many as the network needs, 4096 at least.",
              {0, 65536})
          .option("words", &PluginOptions::words,
                  "Words of code, and of routes, of a core, a power of two.", {16, 65536})
          .option("prefetch", &PluginOptions::prefetch, "Page loads overlap execution.")
          .option("strict_spikes", &PluginOptions::strict_spikes,
                  "A second spike on an axon in one step stops the run.")
          .choice("energy", &PluginOptions::energy, "Constants of the energy model.",
                  nt::word("horowitz", EnergyPreset::kHorowitz),
                  nt::word("neurocuda", EnergyPreset::kNeurocuda))
          .option("clock_mhz", &PluginOptions::clock_mhz, "Clock of the cores.", {1, 10000}, "MHz")
          .models("input", "relay", "if", "lif", "li")
          .kinds("dense", "conv2d", "sum_pool2d", "one_to_one", "sparse");

  void open(nt::Call call, nt::Config) override {
    const auto check = [&](std::string_view key, std::int64_t value) {
      if ((value & (value - 1)) == 0) return;
      call.error(nt::Option{key}, "spikecore.power", "{} = {} is not a power of two", key, value)
          .help("{} = {}", key,
                std::int64_t{1} << (63 - __builtin_clzll(static_cast<unsigned long long>(value))));
    };
    check("axons", options().axons);
    check("words", options().words);
  }

  void check(nt::Call call, nt::Graph graph) override { prepare(call, graph); }

  std::unique_ptr<SpikecoreProgram> compile(nt::Call call, nt::Graph graph) override {
    std::unique_ptr<const Deployment> deployment = prepare(call, graph);
    if (!deployment) return nullptr;
    for (const Placement& place : deployment->compiled().placements) {
      call.placement({place.population, static_cast<std::uint64_t>(place.first),
                      static_cast<std::uint64_t>(place.count), place.chip, place.core});
    }
    push_usage(call, deployment->compiled());
    return std::make_unique<SpikecoreProgram>(std::move(deployment), energy_model(options()));
  }

  std::vector<nt::Capacity> capacities() const override {
    const double chips = options().chips == 0 ? kMostChips : static_cast<double>(options().chips);
    const double axons = options().axons == 0 ? kMostAxons : static_cast<double>(options().axons);
    return {{"chips", "1", chips},
            {"cores_per_chip", "1", kCoresPerChip},
            {"neurons_per_core", "1", options().profile == Profile::kStrict ? 1.0 : kSlots},
            {"weight_bits", "bit", 8},
            {"fan_in", "1", axons},
            {"delay_steps", "1", 255},
            {"weight_bytes_per_core", "byte", kWeightBytes}};
  }

 private:
  CompileOptions compile_options() const {
    return {options().schedule, options().profile, static_cast<std::uint32_t>(options().chips),
            static_cast<std::uint32_t>(options().axons),
            static_cast<std::uint32_t>(options().words)};
  }

  static void report(nt::Call call, const nt::Graph& graph, const Refusal& refusal) {
    nt::Subject subject;
    switch (refusal.subject) {
      case Refusal::Subject::kPopulation:
        subject = nt::Subject(graph.population(refusal.index));
        break;
      case Refusal::Subject::kProjection:
        subject = nt::Subject(graph.projection(refusal.index));
        break;
      case Refusal::Subject::kOption:
        subject = nt::Subject(nt::Option{"schedule"});
        break;
    }
    if (refusal.no_room) {
      call.no_room(subject, refusal.code, "{}", refusal.message).help("{}", refusal.help);
    } else {
      call.unsupported(subject, refusal.code, "{}", refusal.message).help("{}", refusal.help);
    }
  }

  /// Null where something was refused. Whether a network fits is only known once it is placed.
  std::unique_ptr<const Deployment> prepare(nt::Call call, const nt::Graph& graph) const {
    call.progress(0, "mapping");
    std::optional<Network> network = read_graph(call, graph);
    if (!network) return nullptr;
    const std::vector<Refusal> refusals = find_refusals(*network, compile_options());
    for (const Refusal& refusal : refusals) report(call, graph, refusal);
    if (!refusals.empty()) return nullptr;
    try {
      Compiled compiled =
          compile_network(*network, compile_options(), [&] { call.progress(-1, "mapping"); });
      MachineOptions machine;
      machine.strict_spikes = options().strict_spikes;
      machine.prefetch = options().prefetch;
      return std::make_unique<const Deployment>(std::move(compiled), *std::move(network),
                                                Grid{static_cast<std::uint32_t>(options().grid)},
                                                machine);
    } catch (const Refused& refused) {
      report(call, graph, refused.refusal);
      return nullptr;
    }
  }

  void push_usage(nt::Call call, const Compiled& compiled) const {
    const Usage& usage = compiled.usage;
    const auto modelled = [&](std::string_view name, std::uint64_t value, double limit = 0) {
      call.metric(name, static_cast<double>(value), "1", nt::Origin::kModelled, limit);
    };
    const auto words = static_cast<double>(options().words);
    modelled("machine.chips", usage.chips);
    modelled("machine.cores", usage.cores, static_cast<double>(usage.chips) * kCoresPerChip);
    modelled("machine.pages", usage.pages);
    modelled("machine.weight_bytes", usage.page_bytes);
    modelled("machine.slots.most", usage.most_slots, kSlots);
    modelled("machine.words.most", usage.most_words, words);
    modelled("machine.routes.most", usage.most_routes, words);
    modelled("machine.axons.most", usage.axons,
             options().axons == 0 ? kMostAxons : static_cast<double>(options().axons));
    call.log(NT_LOG_INFO, "schedule {}: {} cores on {} chips, {} pages",
             schedule_name(compiled.schedule), usage.cores, usage.chips, usage.pages);
  }
};

}  // namespace
}  // namespace neurotool::spikecore

NEUROTOOL_PLUGIN_ABOUT(nt::about("org.neurotool.spikecore", "0.1.0")
                           .by("The neurotool authors", "Apache-2.0")
                           .says("SpikeCore: compiler, assembler and exact simulator."),
                       neurotool::spikecore::Spikecore)
