// acme_chip as a target of neurotool: reads the graph, refuses what the chip cannot do in words
// that help, and simulates the rest. docs/semantics.md of neurotool says what a step does.

#include <neurotool/plugin/sdk.hpp>

#include "network.hpp"

namespace nt = neurotool::sdk;

namespace acme_chip {
namespace {

struct Options {
  std::int64_t core_size = 1 << 20;
};

class Program final : public nt::Program, public nt::Simulates {
 public:
  explicit Program(Network network) : network_(std::move(network)) {}

  void simulate(nt::Call call, const nt::Run& run) const override {
    for (const nt::Probe& probe : run.probes) {
      if (probe.variable != "spikes" && probe.variable != "membrane" && probe.variable != "readout")
        throw nt::Failure(NT_UNSUPPORTED, "acme_chip.probe",
                          nt::format("'{}' cannot be observed", probe.variable),
                          "ask for spikes, membrane or readout");
    }
    // Samples are independent: the host may spread them over its threads.
    call.parallel_for(run.samples, [&](std::size_t first, std::size_t last) {
      for (std::size_t sample = first; sample < last; ++sample) simulate_one(call, run, sample);
    });
  }

 private:
  void simulate_one(nt::Call call, const nt::Run& run, std::size_t sample) const {
    State state(network_);
    std::vector<const float*> stimulus(network_.layers.size(), nullptr);
    for (std::size_t t = 0; t < run.steps; ++t) {
      call.progress(static_cast<double>(t) / static_cast<double>(run.steps), "simulating");
      for (const nt::Stimulus& given : run.stimuli) {
        const Layer& layer = network_.layers[given.population];
        const std::size_t row = layer.held ? sample : sample * run.steps + t;
        stimulus[given.population] = given.value.as<float>().data() + row * layer.neurons;
      }
      step(network_, stimulus, state);
      for (const nt::Probe& probe : run.probes) push_step(call, probe, state, sample, t);
    }
    for (const nt::Probe& probe : run.probes)
      if (probe.variable == "readout") push_readout(call, probe, state, sample, run.steps);
  }

  void push_step(nt::Call call, const nt::Probe& probe, const State& state, std::size_t sample,
                 std::size_t t) const {
    if (probe.variable == "membrane")
      push(call, probe, state.membrane[probe.population], sample, t);
    if (probe.variable != "spikes") return;
    std::vector<std::uint32_t> neurons;
    const std::vector<float>& sent = state.sent[probe.population];
    for (std::uint32_t i = 0; i < sent.size(); ++i)
      if (sent[i] != 0.0f) neurons.push_back(i);
    if (!neurons.empty()) call.spikes(sample, probe.population, t, neurons);
  }

  // The membrane of a population that never fires, else how often each neuron fired.
  void push_readout(nt::Call call, const nt::Probe& probe, const State& state, std::size_t sample,
                    std::size_t steps) const {
    const std::size_t last = steps > 0 ? steps - 1 : 0;
    if (network_.layers[probe.population].model == Layer::Model::kIf)
      push(call, probe, state.spike_count[probe.population], sample, last);
    else
      push(call, probe, state.membrane[probe.population], sample, last);
  }

  template <class T>
  static void push(nt::Call call, const nt::Probe& probe, const std::vector<T>& values,
                   std::size_t sample, std::size_t t) {
    const std::vector<std::int64_t> shape{static_cast<std::int64_t>(values.size())};
    call.values(sample, probe.population, probe.variable, t, nt::TensorView(values.data(), shape));
  }

  Network network_;
};

class Target final : public nt::Target<Options, Program> {
 public:
  static constexpr auto kInfo =
      nt::info("acme_chip", "A simulated chip for integrate-and-fire neurons and dense layers.")
          .option("core_size", &Options::core_size, "Neurons that the chip holds.", {1, 1 << 30})
          .models("input", "if", "li")
          .kinds("dense");

  void check(nt::Call call, nt::Graph graph) override {
    std::int64_t neurons = 0;
    if (graph.is_integer())
      call.unsupported({}, "acme_chip.arithmetic", "the chip computes in float32, not in integers")
          .help("leave 'quantize' out of the passes");
    for (const nt::Population& population : graph.populations()) {
      // payload_value and membrane_value are for reports; the chip need not look at them.
      call.refuse_other_parameters(
          population,
          {"held", "threshold", "initial_membrane", "bias", "payload_value", "membrane_value"},
          "acme_chip.parameter");
      if (population.model != "input" && population.model != "if" && population.model != "li")
        call.unsupported(population, "acme_chip.model", "there are no '{}' neurons on the chip",
                         population.model);
      neurons += population.neuron_count;
    }
    for (const nt::Projection& projection : graph.projections()) {
      call.refuse_other_parameters(projection, {"weight"}, "acme_chip.parameter");
      if (projection.kind != "dense")
        call.unsupported(projection, "acme_chip.kind", "the chip joins layers by 'dense', not '{}'",
                         projection.kind);
      const auto weight = projection.find("weight");
      if (weight && !graph.is_integer() && !weight->value.holds<float>())
        call.unsupported(projection, "acme_chip.weights", "its weights are {}, not float32",
                         nt::name_of(weight->value.dtype()));
      if (projection.delay_steps != 0 || projection.target_port != 0)
        call.unsupported(projection, "acme_chip.delay",
                         "it has a delay of {} steps and ends at port {}; the chip knows neither",
                         projection.delay_steps, projection.target_port);
    }
    if (neurons > options().core_size)
      call.no_room({}, "acme_chip.full", "the graph has {} neurons, and the chip holds {}", neurons,
                   options().core_size)
          .help("raise core_size");
    call.progress(1.0, "checking");
  }

  std::unique_ptr<Program> compile(nt::Call call, nt::Graph graph) override {
    check(call, graph);
    if (call.failed()) return nullptr;
    Network network;
    for (const nt::Population& population : graph.populations())
      network.layers.push_back(read_layer(population));
    for (const nt::Projection& projection : graph.projections())
      network.layers[projection.target].incoming.push_back(
          {projection.source, projection.parameter("weight").value.to_vector<float>(),
           delivery_order(graph.population(projection.source).shape)});
    network.run_order = run_order(network);
    return std::make_unique<Program>(std::move(network));
  }

 private:
  static Layer read_layer(const nt::Population& population) {
    Layer layer;
    layer.model = population.model == "if"   ? Layer::Model::kIf
                  : population.model == "li" ? Layer::Model::kLi
                                             : Layer::Model::kInput;
    layer.neurons = static_cast<std::size_t>(population.neuron_count);
    layer.held = population.setting("held", 1) != 0;
    if (layer.model == Layer::Model::kInput) return layer;
    layer.threshold = per_neuron(population, "threshold");
    layer.initial = per_neuron(population, "initial_membrane");
    layer.bias = per_neuron(population, "bias");
    return layer;
  }

  static std::vector<float> per_neuron(const nt::Population& population, std::string_view name) {
    const auto values = population.per_neuron<float>(name, 0.0f);
    std::vector<float> all;
    for (std::int64_t i = 0; i < population.neuron_count; ++i) all.push_back(values[i]);
    return all;
  }

  // Images deliver by row, column and channel; everything else by index.
  static std::vector<std::uint32_t> delivery_order(nt::Span<const std::int64_t> shape) {
    std::int64_t neurons = 1;
    for (const std::int64_t extent : shape) neurons *= extent;
    const std::int64_t channels = shape.size() == 3 ? shape[0] : 1;
    const std::int64_t pixels = channels > 0 ? neurons / channels : 0;
    std::vector<std::uint32_t> order;
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel)
      for (std::int64_t channel = 0; channel < channels; ++channel)
        order.push_back(static_cast<std::uint32_t>(channel * pixels + pixel));
    return order;
  }

  // Sources before targets; without delays there is always such an order.
  static std::vector<std::size_t> run_order(const Network& network) {
    std::vector<std::size_t> order;
    std::vector<bool> done(network.layers.size());
    while (order.size() < network.layers.size()) {
      for (std::size_t i = 0; i < network.layers.size(); ++i) {
        bool ready = !done[i];
        for (const Connection& connection : network.layers[i].incoming)
          ready = ready && done[connection.source];
        if (!ready) continue;
        done[i] = true;
        order.push_back(i);
      }
    }
    return order;
  }
};

}  // namespace
}  // namespace acme_chip

NEUROTOOL_PLUGIN_ABOUT(nt::about("com.example.acme_chip", "0.1.0")
                           .by("Your name", "Apache-2.0", "https://example.com")
                           .says("A neurotool target that was made from the template."),
                       acme_chip::Target)
