// The target "spikecore": a thin layer between the plugin ABI and the compiler.
#include <neurotool/plugin/sdk.hpp>

#include <memory>
#include <utility>

#include "options.hpp"
#include "program.hpp"
#include "read_graph.hpp"
#include "report_use.hpp"

namespace nt = neurotool::sdk;

namespace neurotool::spikecore {
namespace {

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

  void check(nt::Call call, nt::Graph graph) override {
    // Whether a network fits is only known once it is placed; compile() need not do so again.
    checked_ = {std::string(graph.fingerprint()), prepare(call, graph)};
  }

  std::unique_ptr<SpikecoreProgram> compile(nt::Call call, nt::Graph graph) override {
    const Checked checked = std::exchange(checked_, {});
    const bool known = checked.deployment && checked.fingerprint == graph.fingerprint();
    std::shared_ptr<const Deployment> deployment =
        known ? checked.deployment : prepare(call, graph);
    if (!deployment) return nullptr;
    for (const Placement& place : deployment->compiled().placements) {
      call.placement({place.population, static_cast<std::uint64_t>(place.first),
                      static_cast<std::uint64_t>(place.count), place.chip, place.core});
    }
    const double axons = options().axons == 0 ? kMostAxons : static_cast<double>(options().axons);
    report_use(call, *deployment, axons);
    report_split(call, graph, *deployment);
    const Usage& usage = deployment->compiled().usage;
    call.log(NT_LOG_INFO, "schedule {}: {} cores on {} chips, {} pages",
             schedule_name(deployment->compiled().schedule), usage.cores, usage.chips, usage.pages);
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

  /// Null where something was refused.
  std::shared_ptr<const Deployment> prepare(nt::Call call, const nt::Graph& graph) const {
    call.progress(0, "mapping");
    std::optional<Network> network = read_graph(call, graph);
    if (!network) return nullptr;
    const std::vector<Refusal> refusals = find_refusals(*network, compile_options(options()));
    for (const Refusal& refusal : refusals) report(call, graph, refusal);
    if (!refusals.empty()) return nullptr;
    try {
      Compiled compiled = compile_network(*network, compile_options(options()),
                                          [&] { call.progress(-1, "mapping"); });
      MachineOptions machine;
      machine.strict_spikes = options().strict_spikes;
      machine.prefetch = options().prefetch;
      return std::make_shared<const Deployment>(std::move(compiled), *std::move(network),
                                                Grid{static_cast<std::uint32_t>(options().grid)},
                                                machine);
    } catch (const Refused& refused) {
      report(call, graph, refused.refusal);
      return nullptr;
    }
  }

  /// What the last check() made, until compile() takes it.
  struct Checked {
    std::string fingerprint;
    std::shared_ptr<const Deployment> deployment;
  };
  Checked checked_;
};

}  // namespace
}  // namespace neurotool::spikecore

NEUROTOOL_PLUGIN_ABOUT(nt::about("org.neurotool.spikecore", "0.1.0")
                           .by("The neurotool authors", "Apache-2.0")
                           .says("SpikeCore: compiler, assembler and exact simulator."),
                       neurotool::spikecore::Spikecore)
