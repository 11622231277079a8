// The target "cpu": a thin layer between the plugin ABI and the engine. Reads the graph, hands the
// host's threads to the engine, and pushes what a run gives in the order of samples.
#include <neurotool/plugin/sdk.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine.hpp"
#include "read_graph.hpp"

namespace nt = neurotool::sdk;

namespace neurotool::cpu {
namespace {

struct PluginOptions {
  KernelChoice kernel = KernelChoice::kAuto;
  std::int64_t window = 32;
};

/// The names that messages and metrics need after the graph is gone.
struct PopulationFacts {
  std::string name;
  std::int64_t neurons = 0;
  bool is_input = false, held = false, fires = false, hears = false;
};

nt_code code_of(RunError::Cause cause) {
  switch (cause) {
    case RunError::Cause::kRequest:
      return NT_BAD_ARGUMENT;
    case RunError::Cause::kUnsupported:
      return NT_UNSUPPORTED;
    case RunError::Cause::kNumbers:
      return NT_FAILED;
  }
  return NT_INTERNAL;
}

class CpuProgram final : public nt::Program, public nt::Simulates {
 public:
  CpuProgram(std::unique_ptr<const Engine> engine, std::vector<PopulationFacts> populations,
             bool integer)
      : engine_(std::move(engine)), populations_(std::move(populations)), integer_(integer) {}

  void simulate(nt::Call call, const nt::Run& run) const override {
    const RunRequest request = request_of(run);
    Environment environment;
    environment.parallel_for = [&](std::size_t count, const auto& body) {
      call.parallel_for(count, body);
    };
    environment.progress = [&](double done) { call.progress(done, "simulating"); };
    call.progress(0, "simulating");
    try {
      const RunResult result = engine_->run(request, environment);
      for (std::size_t sample = 0; sample < result.records.size(); ++sample) {
        push_sample(call, request, sample, result.records[sample]);
      }
      push_counts(call, result.counts);
    } catch (const RunError& error) {
      throw nt::Failure(code_of(error.cause), error.code, error.what(), error.help);
    }
    call.progress(1, "simulating");
  }

 private:
  RunRequest request_of(const nt::Run& run) const {
    RunRequest request{run.samples, run.steps, {}, {}};
    for (const nt::Stimulus& stimulus : run.stimuli) {
      request.inputs.push_back({stimulus.population, values_of(stimulus, run)});
    }
    for (const nt::Probe& probe : run.probes) {
      request.probes.push_back({probe.population, variable_of(probe.variable)});
    }
    return request;
  }

  /// The stimulus in place; its type and size must be those that the graph asks for.
  const void* values_of(const nt::Stimulus& stimulus, const nt::Run& run) const {
    if (stimulus.population >= populations_.size() || !populations_[stimulus.population].is_input) {
      throw nt::Failure(
          NT_BAD_ARGUMENT, "cpu.stimulus",
          nt::format("a stimulus names population {}, which is no input", stimulus.population));
    }
    const PopulationFacts& p = populations_[stimulus.population];
    const std::uint64_t frames = run.samples * (p.held ? 1 : run.steps);
    const auto wanted = static_cast<std::int64_t>(frames) * p.neurons;
    if (stimulus.value.size() != wanted) {
      throw nt::Failure(NT_BAD_ARGUMENT, "cpu.stimulus",
                        nt::format("the stimulus of '{}' has {} values; {} samples need {}", p.name,
                                   stimulus.value.size(), run.samples, wanted));
    }
    // An empty run may come without data; any address will do.
    if (wanted == 0) return this;
    if (integer_) return stimulus.value.as<std::int32_t>().data();
    return stimulus.value.as<float>().data();
  }

  static Variable variable_of(std::string_view word) {
    if (word == "spikes") return Variable::kSpikes;
    if (word == "membrane") return Variable::kMembrane;
    if (word == "readout") return Variable::kReadout;
    throw nt::Failure(NT_UNSUPPORTED, "cpu.probe",
                      nt::format("this target cannot record '{}'", word),
                      "it records spikes, membrane and readout");
  }

  void push_sample(nt::Call call, const RunRequest& request, std::uint64_t sample,
                   const std::vector<ProbeRecord>& records) const {
    for (std::size_t i = 0; i < records.size(); ++i) {
      const ProbeRequest& probe = request.probes[i];
      switch (probe.variable) {
        case Variable::kSpikes:
          push_spikes(call, probe, sample, records[i]);
          break;
        case Variable::kMembrane:
          push_membranes(call, request, probe, sample, records[i]);
          break;
        case Variable::kReadout:
          push_values(call, probe, sample, request.steps > 0 ? request.steps - 1 : 0, "readout",
                      records[i], 0);
          break;
      }
    }
  }

  /// Silent steps are left out: they have nothing to say.
  static void push_spikes(nt::Call call, const ProbeRequest& probe, std::uint64_t sample,
                          const ProbeRecord& record) {
    std::uint64_t begin = 0;
    for (std::size_t step = 0; step < record.step_ends.size(); ++step) {
      const std::uint64_t count = record.step_ends[step] - begin;
      if (count > 0) {
        nt::Span<const std::int32_t> payloads;
        if (!record.payloads.empty()) payloads = {record.payloads.data() + begin, count};
        const bool all_one =
            std::all_of(payloads.begin(), payloads.end(), [](std::int32_t k) { return k == 1; });
        call.spikes(sample, probe.population, step, {record.neurons.data() + begin, count},
                    all_one ? nt::Span<const std::int32_t>() : payloads);
      }
      begin = record.step_ends[step];
    }
  }

  void push_membranes(nt::Call call, const RunRequest& request, const ProbeRequest& probe,
                      std::uint64_t sample, const ProbeRecord& record) const {
    for (std::uint64_t step = 0; step < request.steps; ++step) {
      push_values(call, probe, sample, step, "membrane", record, step);
    }
  }

  /// The `part`-th piece of a record, one value per neuron.
  void push_values(nt::Call call, const ProbeRequest& probe, std::uint64_t sample,
                   std::uint64_t step, std::string_view variable, const ProbeRecord& record,
                   std::uint64_t part) const {
    const std::int64_t neurons = populations_[probe.population].neurons;
    const std::size_t offset = part * static_cast<std::uint64_t>(neurons);
    const nt::Span<const std::int64_t> shape(&neurons, 1);
    const auto push = [&](const auto& values) {
      call.values(sample, probe.population, variable, step,
                  nt::TensorView(values.data() + offset, shape));
    };
    if (!record.counts.empty()) {
      push(record.counts);
    } else if (integer_) {
      push(record.whole);
    } else {
      push(record.real);
    }
  }

  void push_counts(nt::Call call, const Counts& counts) const {
    const auto push = [&](const std::string& name, std::uint64_t value) {
      call.metric(name, static_cast<double>(value), "1", nt::Origin::kSimulated);
    };
    std::uint64_t spikes = 0, operations = 0;
    for (const std::uint64_t count : counts.spikes) spikes += count;
    for (const std::uint64_t count : counts.synaptic_ops) operations += count;
    push("spikes.total", spikes);
    push("synaptic_ops.total", operations);
    push("input_macs.total", counts.input_macs);
    for (std::size_t i = 0; i < populations_.size(); ++i) {
      const PopulationFacts& p = populations_[i];
      const std::string prefix = "population." + std::to_string(i);
      if (p.fires || (p.is_input && !p.held)) push(prefix + ".spikes", counts.spikes[i]);
      if (p.hears) push(prefix + ".synaptic_ops", counts.synaptic_ops[i]);
    }
  }

  std::unique_ptr<const Engine> engine_;
  std::vector<PopulationFacts> populations_;
  bool integer_;
};

std::vector<PopulationFacts> facts_of(const Network& network) {
  std::vector<PopulationFacts> facts;
  for (const Population& p : network.populations) {
    facts.push_back({p.name, neuron_count(p), p.model == Model::kInput,
                     p.model == Model::kInput && p.held, p.fires(), false});
  }
  for (const Projection& p : network.projections) facts[p.target].hears = true;
  return facts;
}

class Cpu final : public nt::Target<PluginOptions, CpuProgram> {
 public:
  static constexpr auto kInfo =
      nt::info("cpu", "Simulates on this machine, equal to the reference bit for bit.")
          .choice("kernel", &PluginOptions::kernel,
                  "How sums are made: by adding weights of events, by multiplying all payloads, or "
                  "whichever suits; results are the same.",
                  nt::word("auto", KernelChoice::kAuto), nt::word("events", KernelChoice::kEvents),
                  nt::word("dense", KernelChoice::kDense))
          .option("window", &PluginOptions::window,
                  "Steps that a layer runs before the next layer does; results are the same.",
                  {1, 64}, "steps")
          .models("input", "relay", "if", "lif", "cuba_lif", "li")
          .kinds("dense", "conv2d", "sum_pool2d", "max_pool2d", "one_to_one", "sparse");

  void check(nt::Call call, nt::Graph graph) override {
    const std::optional<Network> network = read(call, graph);
    // Only integer sums can be too wide; their bounds come out of laid-out weights.
    if (network && graph.is_integer()) make_engine(call, graph, *network);
  }

  std::unique_ptr<CpuProgram> compile(nt::Call call, nt::Graph graph) override {
    call.progress(0, "laying out weights");
    const std::optional<Network> network = read(call, graph);
    if (!network) return nullptr;
    std::unique_ptr<const Engine> engine = make_engine(call, graph, *network);
    if (!engine) return nullptr;
    call.metric("weights.bytes", static_cast<double>(engine->weight_bytes()), "byte",
                nt::Origin::kModelled);
    return std::make_unique<CpuProgram>(std::move(engine), facts_of(*network), graph.is_integer());
  }

 private:
  static std::optional<Network> read(nt::Call call, const nt::Graph& graph) {
    std::optional<Network> network = read_graph(call, graph);
    if (!network || report(call, graph, find_problems(*network))) return std::nullopt;
    return network;
  }

  /// Null where the network cannot be run.
  std::unique_ptr<const Engine> make_engine(nt::Call call, const nt::Graph& graph,
                                            const Network& network) const {
    cpu::Options engine_options;
    engine_options.kernel = options().kernel;
    engine_options.window = static_cast<std::uint32_t>(options().window);
    auto engine = Engine::make(network, engine_options);
    if (report(call, graph, engine->find_range_problems())) return nullptr;
    return engine;
  }

  /// True when there was something to report.
  static bool report(nt::Call call, const nt::Graph& graph, const std::vector<Problem>& problems) {
    for (const Problem& problem : problems) {
      nt::Subject subject = problem.subject == Problem::Subject::kPopulation
                                ? nt::Subject(graph.population(problem.index))
                                : nt::Subject(graph.projection(problem.index));
      call.unsupported(subject, problem.code, "{}", problem.message).help("{}", problem.help);
    }
    return !problems.empty();
  }
};

}  // namespace
}  // namespace neurotool::cpu

NEUROTOOL_PLUGIN_ABOUT(nt::about("org.neurotool.cpu", "0.1.0")
                           .by("The neurotool authors", "Apache-2.0")
                           .says("Batched simulation on the processor that runs neurotool."),
                       neurotool::cpu::Cpu)
