// Grows a graph population by population: each new one takes its current from one that is there
// already (sometimes from two: a residual sum), then cycles are closed and readouts attached. In
// integer graphs the largest possible payload and current are tracked, so that no sum can overflow.
#include "support/random_graphs.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "ir/model.hpp"
#include "ir/verify.hpp"
#include "support/random_parts.hpp"

namespace neurotool::test {
namespace {

/// Bound of a current. A synaptic current adds up at most kRandomGraphSteps of these and a membrane
/// as many of those, which stays below 2^31.
constexpr double kMostCurrent = 0x1p20;
/// Membranes of radix consumers double at every step of a window of at most this many steps.
constexpr std::uint32_t kMostRadixBits = 4;

class Grower {
 public:
  explicit Grower(const RandomGraphOptions& options)
      : options_(options), parts_(options), dice_(parts_.dice()) {}

  SpikeGraph grow() {
    graph_.name = "random_" + std::to_string(options_.seed);
    graph_.arithmetic = options_.arithmetic;
    add_inputs();
    const int readouts = 1;
    const int most = std::max(options_.max_populations, 3) - readouts;
    const auto wanted = dice_.between(std::ssize(graph_.populations) + 1, most);
    while (std::ssize(graph_.populations) < wanted) add_layer();
    if (options_.allow_recurrent && dice_.chance(0.6)) close_cycle();
    add_readout();
    mark_outputs();
    check();
    return std::move(graph_);
  }

 private:
  bool integer() const { return parts_.integer(); }

  void add_inputs() {
    const auto count = options_.max_populations >= 5 && dice_.chance(0.3) ? 2 : 1;
    for (int i = 0; i < count; ++i) {
      Input input;
      input.held = !options_.allow_per_step_inputs || dice_.chance(0.6);
      if (integer()) {
        input.is_signed = dice_.chance(0.3);
        input.bits = static_cast<std::uint32_t>(dice_.between(input.is_signed ? 2 : 1, 4));
      }
      Population population;
      population.name = "input";
      population.shape = parts_.input_shape();
      population.neuron = input;
      add(std::move(population), std::ldexp(1.0, static_cast<int>(input.bits)));
    }
  }

  /// A relay may send more than a neuron; what it sends to must still stay below kMostCurrent.
  double most_payload() const { return kMostCurrent / (kMostRandomWeight * options_.max_neurons); }

  PopulationId add(Population population, double payload) {
    payload_.push_back(payload);
    current_.push_back(0);
    return graph_.add(std::move(population));
  }

  std::vector<PopulationId> sources() const {
    std::vector<PopulationId> ids = graph_.live_populations();
    std::erase_if(ids, [&](PopulationId id) {
      return std::holds_alternative<Li>(graph_[id].neuron) || payload_[id.index] > most_payload();
    });
    return ids;
  }

  /// The largest current that the projection can cause in a neuron.
  double reach(PopulationId source, const Connectivity& connectivity, const Shape& target) const {
    if (!integer()) return 0;
    std::vector<double> sums(static_cast<std::size_t>(*element_count(target)), 0.0);
    for (const Synapse& synapse : expand(connectivity, graph_[source].shape, target)) {
      sums[static_cast<std::size_t>(synapse.target)] += std::abs(synapse.weight);
    }
    return payload_[source.index] * *std::ranges::max_element(sums);
  }

  /// Connects if the target's current stays in bounds; says whether it did.
  bool connect(PopulationId source, PopulationId target, Connectivity connectivity,
               std::uint32_t delay) {
    const double more = reach(source, connectivity, graph_[target].shape);
    if (current_[target.index] + more > kMostCurrent) return false;
    const ProjectionId id = graph_.connect(source, target, std::move(connectivity), delay);
    current_[target.index] += more;
    const bool room = 4 * current_[target.index] <= most_payload();
    if (integer() && room && dice_.chance(0.2)) {
      graph_[id].shift = static_cast<std::uint32_t>(dice_.between(1, 2));
      current_[target.index] += more * (std::ldexp(1.0, static_cast<int>(graph_[id].shift)) - 1);
    }
    return true;
  }

  std::uint32_t delay() {
    const bool delayed = options_.allow_delays && dice_.chance(0.25);
    return delayed ? static_cast<std::uint32_t>(dice_.between(1, 3)) : 0;
  }

  void add_layer() {
    const PopulationId source = dice_.chance(0.6) ? sources().back() : dice_.pick(sources());
    auto [connectivity, shape] = parts_.onto_new(graph_[source].shape);
    Population population;
    population.name = "layer";
    population.shape = shape;
    population.neuron = parts_.neuron(shape);
    add_bias(population);
    if (dice_.chance(0.3)) population.payload_value = Tensor::scalar(0.125f);
    population.origins = {"Node_" + std::to_string(graph_.populations.size())};
    if (options_.allow_radix && dice_.chance(0.2)) make_radix(population);

    const PopulationId id = add(std::move(population), 0);
    const std::uint32_t lag = delay();
    const bool joined = connect(source, id, std::move(connectivity), lag);
    NT_CHECK(joined, "a first projection stays in bounds");
    if (dice_.chance(0.35)) {
      std::vector<PopulationId> others = sources();
      std::erase(others, id);
      const PopulationId other = dice_.pick(others);
      const std::uint32_t other_lag = delay();
      connect(other, id, parts_.between(graph_[other].shape, shape), other_lag);
    }
    payload_[id.index] = largest_payload(id);
  }

  void add_bias(Population& population) {
    if (!dice_.chance(0.5)) return;
    population.bias = integer() ? parts_.parameter(population.shape, -3, 5)
                                : parts_.parameter(population.shape, -0.1, 0.2);
    if (!options_.allow_windows || !dice_.chance(0.4)) return;
    Firing* firing = firing_of(population.neuron);
    const bool first = firing == nullptr || dice_.chance(0.5);
    if (std::holds_alternative<Relay>(population.neuron)) return;  // always every step
    population.bias_timing = first ? BiasTiming::kFirstStep : BiasTiming::kLastStep;
    // The last step of a window that never ends does not come.
    if (!first && firing->window.integrate_end == Window::kForever) {
      firing->window.integrate_end = 6;
    }
  }

  /// A producer of radix-2 trains, or a consumer whose membrane doubles in a short window.
  void make_radix(Population& population) {
    const auto bits = static_cast<std::uint32_t>(dice_.between(2, kMostRadixBits));
    const auto begin = static_cast<std::uint32_t>(dice_.between(0, 3));
    Firing firing;
    firing.threshold = integer() ? parts_.parameter(population.shape, 3, 20)
                                 : parts_.parameter(population.shape, 0.2, 0.8);
    if (!options_.allow_lif || dice_.chance(0.5)) {
      firing.radix_bits = bits;
      firing.window = {.integrate_begin = 0,
                       .integrate_end = begin + 1,
                       .fire_begin = begin + 1,
                       .fire_end = begin + 1 + bits};
      population.neuron = If{std::move(firing)};
    } else {
      firing.window = {.integrate_begin = begin,
                       .integrate_end = begin + bits,
                       .fire_begin = begin + bits,
                       .fire_end = Window::kForever};
      Lif lif{.firing = std::move(firing)};
      lif.decay = integer() ? Tensor::scalar(std::int32_t{2}) : Tensor::scalar(2.0f);
      population.neuron = std::move(lif);
    }
  }

  double largest_payload(PopulationId id) const {
    const Firing* firing = firing_of(graph_[id].neuron);
    if (firing == nullptr) return current_[id.index] + 8;  // a relay; 8 covers its bias
    const Emission& emission = firing->emission;
    return std::max(emission.max_per_step, -emission.min_per_step);
  }

  void close_cycle() {
    std::vector<PopulationId> firing = graph_.live_populations();
    std::erase_if(firing, [&](PopulationId id) { return firing_of(graph_[id].neuron) == nullptr; });
    if (firing.empty()) return;
    const PopulationId from = dice_.pick(firing), to = dice_.pick(firing);
    const auto lag = static_cast<std::uint32_t>(dice_.between(1, 3));
    connect(from, to, parts_.between(graph_[from].shape, graph_[to].shape), lag);
  }

  void add_readout() {
    Population population;
    population.name = "readout";
    population.shape = {dice_.between(2, 10)};
    population.output = true;
    Li li;
    if (options_.allow_lif && dice_.chance(0.3)) {
      li.decay = parts_.decay(population.shape, li.decay_shift);
      li.rounding = parts_.rounding();
    }
    if (dice_.chance(0.3)) {
      li.initial_membrane = integer() ? parts_.parameter(population.shape, -5, 5)
                                      : parts_.parameter(population.shape, -0.5, 0.5);
    }
    population.neuron = std::move(li);
    add_bias(population);
    const std::int64_t targets = population.shape[0];
    const PopulationId source = sources().back();
    const PopulationId id = add(std::move(population), 0);
    const std::uint32_t lag = delay();
    const bool joined = connect(source, id, parts_.dense(targets, graph_[source].size()), lag);
    NT_CHECK(joined, "a readout stays in bounds");
  }

  void mark_outputs() {
    for (const PopulationId id : graph_.live_populations()) {
      const bool fires = firing_of(graph_[id].neuron) != nullptr;
      if (fires && dice_.chance(0.2)) graph_[id].output = true;
    }
  }

  void check() const {
    const Model model{.name = graph_.name, .path = "", .graph = graph_};
    Diagnostics diagnostics;
    verify(model, diagnostics);
    NT_CHECK(!diagnostics.has_errors(), to_string(diagnostics.first_error()));
  }

  RandomGraphOptions options_;
  RandomParts parts_;
  Dice& dice_;
  SpikeGraph graph_;
  /// By population: the largest payload that it sends and the largest current that it gets.
  std::vector<double> payload_, current_;
};

Tensor stimulus(const Input& input, Shape shape, Arithmetic arithmetic, Dice& dice) {
  const auto count = static_cast<std::size_t>(*element_count(shape));
  if (arithmetic == Arithmetic::kFloat32) {
    std::vector<float> values(count);
    // Held values are pixels, others mostly spikes; a silent neuron is as likely as a loud one.
    for (auto& value : values) {
      value = dice.chance(0.5) ? 0.0f : input.held ? dice.real(-0.2, 1) : 1.0f;
    }
    return Tensor::from(std::move(shape), std::move(values));
  }
  const auto bits = static_cast<int>(input.bits == 0 ? 4 : input.bits);
  const std::int64_t most = (std::int64_t{1} << (input.is_signed ? bits - 1 : bits)) - 1;
  const std::int64_t least = input.is_signed ? -most - 1 : 0;
  std::vector<std::int32_t> values(count, 0);
  for (auto& value : values) {
    if (dice.chance(0.5)) value = static_cast<std::int32_t>(dice.between(least, most));
  }
  return Tensor::from(std::move(shape), std::move(values));
}

}  // namespace

SpikeGraph random_graph(const RandomGraphOptions& options) { return Grower(options).grow(); }

std::vector<Stimulus> random_stimuli(const SpikeGraph& graph, std::uint64_t seed,
                                     std::uint32_t steps) {
  Dice dice(seed, "random_stimuli");
  std::vector<Stimulus> stimuli;
  for (const PopulationId id : graph.live_populations()) {
    const auto* input = std::get_if<Input>(&graph[id].neuron);
    if (input == nullptr) continue;
    Shape shape{graph[id].size()};
    if (!input->held) shape.insert(shape.begin(), steps);
    stimuli.push_back({id, stimulus(*input, std::move(shape), graph.arithmetic, dice)});
  }
  return stimuli;
}

}  // namespace neurotool::test
