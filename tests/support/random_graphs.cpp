// Grows a graph population by population: each new one takes its current from one that is there
// already (sometimes from two: a residual sum), then cycles are closed and readouts attached. In
// integer graphs the largest possible payload and current are tracked, so that no sum can overflow.
#include "support/random_graphs.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/random.hpp"
#include "ir/model.hpp"
#include "ir/verify.hpp"

namespace neurotool::test {
namespace {

/// Bound of a current. A synaptic current adds up at most kRandomGraphSteps of these and a membrane
/// as many of those, which stays below 2^31.
constexpr double kMostCurrent = 0x1p20;
constexpr std::int32_t kMostWeight = 8;
/// Membranes of radix consumers double at every step of a window of at most this many steps.
constexpr std::uint32_t kMostRadixBits = 4;

class Dice {
 public:
  Dice(std::uint64_t seed, std::string_view scope) : stream_(seed, scope, "") {}

  bool chance(double probability) { return stream_.uniform() < probability; }
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least +
           static_cast<std::int64_t>(stream_.below(static_cast<std::uint64_t>(most - least + 1)));
  }
  float real(double least, double most) {
    return static_cast<float>(least + (most - least) * stream_.uniform());
  }
  float normal() { return static_cast<float>(stream_.normal()); }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(between(0, std::ssize(from) - 1))];
  }

 private:
  RandomStream stream_;
};

class Grower {
 public:
  explicit Grower(const RandomGraphOptions& options)
      : options_(options), dice_(options.seed, "random_graph") {}

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
  bool integer() const { return options_.arithmetic == Arithmetic::kInteger; }

  // --- tensors ---------------------------------------------------------------------------------

  Tensor tensor(Shape shape, double least, double most) {
    const auto count = static_cast<std::size_t>(element_count(shape).value_or(0));
    if (integer()) {
      std::vector<std::int32_t> values(count);
      for (auto& value : values) {
        value = static_cast<std::int32_t>(
            dice_.between(static_cast<std::int64_t>(least), static_cast<std::int64_t>(most)));
      }
      return Tensor::from(std::move(shape), std::move(values));
    }
    std::vector<float> values(count);
    for (auto& value : values) value = dice_.real(least, most);
    return Tensor::from(std::move(shape), std::move(values));
  }

  /// One value, one per channel or one per neuron.
  Tensor parameter(const Shape& population, double least, double most) {
    const auto kind = dice_.between(0, 2);
    return tensor(kind == 0 ? Shape{} : kind == 1 ? Shape{population[0]} : population, least, most);
  }

  Tensor weight(Shape shape, std::int64_t fan_in) {
    const auto count = static_cast<std::size_t>(element_count(shape).value_or(0));
    const bool holes = dice_.chance(0.3);  // zero weights are synapses too
    if (!integer()) {
      const float size = 1.2f / std::sqrt(static_cast<float>(fan_in));
      std::vector<float> values(count);
      for (auto& value : values) {
        value = (dice_.normal() + 0.4f) * size;
        if (holes && dice_.chance(0.3)) value = 0;
      }
      return Tensor::from(std::move(shape), std::move(values));
    }
    std::vector<std::int32_t> values(count);
    for (auto& value : values) {
      value = static_cast<std::int32_t>(dice_.between(-6, kMostWeight));
      if (holes && dice_.chance(0.3)) value = 0;
    }
    const std::vector<DType> types{DType::kInt8, DType::kInt16, DType::kInt32};
    const DType type = dice_.pick(types);
    const Tensor stored = Tensor::from(std::move(shape), std::move(values)).converted(type);
    return stored.with_quantization({.scales = {0.0078125}, .zero_point = 0, .bits = 5});
  }

  // --- neurons ---------------------------------------------------------------------------------

  Emission emission() {
    Emission e;
    if (options_.allow_burst && dice_.chance(0.3)) {
      e.max_per_step = static_cast<std::int32_t>(dice_.between(2, 5));
    }
    if (options_.allow_signed && dice_.chance(0.35)) {
      e.min_per_step = -static_cast<std::int32_t>(
          options_.allow_burst && dice_.chance(0.3) ? dice_.between(1, 3) : 1);
      if (dice_.chance(0.5)) {
        e.max_total = dice_.between(1, 8);
        e.min_total = -dice_.between(0, 4);
      }
    }
    return e;
  }

  Window window() {
    Window w;
    if (!options_.allow_windows || !dice_.chance(0.3)) return w;
    w.integrate_begin = static_cast<std::uint32_t>(dice_.between(0, 2));
    w.integrate_end = w.integrate_begin + static_cast<std::uint32_t>(dice_.between(2, 8));
    const bool two_phase = dice_.chance(0.5);
    w.fire_begin = two_phase ? w.integrate_end : static_cast<std::uint32_t>(dice_.between(0, 3));
    if (dice_.chance(0.5)) {
      w.fire_end = w.fire_begin + static_cast<std::uint32_t>(dice_.between(1, 8));
    }
    return w;
  }

  Firing firing(const Shape& shape) {
    Firing f;
    f.threshold = integer() ? parameter(shape, 3, 40) : parameter(shape, 0.3, 1.4);
    if (dice_.chance(0.6)) {
      f.initial_membrane = integer() ? parameter(shape, -5, 20) : parameter(shape, -0.2, 0.7);
    }
    if (options_.allow_reset_to_value && dice_.chance(0.2)) {
      f.reset = Reset::kToValue;
      if (dice_.chance(0.5)) {
        f.reset_value = integer() ? parameter(shape, -4, 2) : parameter(shape, -0.3, 0.2);
      }
    }
    f.emission = emission();
    f.window = window();
    return f;
  }

  /// A factor just below 1, as a fraction of 2^shift in integer graphs.
  Tensor decay(const Shape& shape, std::uint32_t& shift) {
    if (!integer()) return parameter(shape, 0.5, 0.99);
    shift = static_cast<std::uint32_t>(dice_.between(4, 12));
    return parameter(shape, std::ldexp(0.5, static_cast<int>(shift)),
                     std::ldexp(1.0, static_cast<int>(shift)) - 1);
  }

  Rounding rounding() {
    return integer() && dice_.chance(0.5) ? Rounding::kTowardZero : Rounding::kFloor;
  }

  Neuron neuron(const Shape& shape) {
    std::vector<int> kinds{0, 0};
    if (options_.allow_lif) kinds.push_back(1);
    if (options_.allow_cuba) kinds.push_back(2);
    if (options_.allow_relay) kinds.push_back(3);
    switch (dice_.pick(kinds)) {
      case 1: {
        Lif lif{.firing = firing(shape)};
        lif.decay = decay(shape, lif.decay_shift);
        lif.rounding = rounding();
        return lif;
      }
      case 2: {
        CubaLif cuba{.firing = firing(shape)};
        cuba.decay = decay(shape, cuba.decay_shift);
        cuba.current_decay = decay(shape, cuba.current_decay_shift);
        cuba.rounding = rounding();
        return cuba;
      }
      case 3:
        return Relay{};
      default:
        return If{firing(shape)};
    }
  }

  // --- connectivity ----------------------------------------------------------------------------

  Dense dense(std::int64_t targets, std::int64_t sources) {
    return {weight({targets, sources}, sources)};
  }

  Sparse sparse(std::int64_t targets, std::int64_t sources) {
    std::vector<std::int64_t> begin{0};
    std::vector<std::int32_t> list;
    for (std::int64_t s = 0; s < sources; ++s) {
      for (std::int64_t t = 0; t < targets; ++t) {
        if (dice_.chance(0.3)) list.push_back(static_cast<std::int32_t>(t));
      }
      begin.push_back(std::ssize(list));
    }
    const std::int64_t synapses = std::ssize(list);
    Sparse made;
    made.row_begin = Tensor::from<std::int64_t>({sources + 1}, std::move(begin));
    made.targets = Tensor::from<std::int32_t>({synapses}, std::move(list));
    made.weight = weight({synapses}, std::max<std::int64_t>(1, sources / 3));
    return made;
  }

  Conv2d conv(const Shape& source) {
    Conv2d made;
    const auto kh = dice_.between(1, std::min<std::int64_t>(3, source[1]));
    const auto kw = dice_.between(1, std::min<std::int64_t>(3, source[2]));
    for (auto& stride : made.stride) stride = dice_.between(1, 2);
    for (auto& padding : made.padding) padding = dice_.between(0, 1);
    for (auto& dilation : made.dilation) dilation = dice_.chance(0.25) ? 2 : 1;
    if ((kh - 1) * made.dilation[0] >= source[1]) made.dilation[0] = 1;
    if ((kw - 1) * made.dilation[1] >= source[2]) made.dilation[1] = 1;
    made.groups = dice_.chance(0.3) ? source[0] : 1;
    const auto outputs = made.groups * dice_.between(1, made.groups == 1 ? 4 : 2);
    made.weight =
        weight({outputs, source[0] / made.groups, kh, kw}, kh * kw * source[0] / made.groups);
    return made;
  }

  SumPool2d pool(const Shape& source) {
    SumPool2d made;
    for (std::size_t a = 0; a < 2; ++a) {
      made.kernel[a] = dice_.between(1, std::min<std::int64_t>(3, source[a + 1]));
      made.stride[a] = dice_.between(1, 2);
      made.padding[a] = made.kernel[a] > 1 ? dice_.between(0, 1) : 0;
      made.padding[a + 2] = made.kernel[a] > 1 ? dice_.between(0, 1) : 0;
    }
    const auto kind = dice_.between(0, 2);
    if (kind > 0) made.weight = weight(kind == 1 ? Shape{} : Shape{source[0]}, 2);
    return made;
  }

  OneToOne one_to_one(const Shape& target) {
    const auto kind = dice_.between(0, 2);
    return {weight(kind == 0 ? Shape{} : kind == 1 ? Shape{target[0]} : target, 1)};
  }

  /// Connectivity onto a population that has its shape already.
  Connectivity between(const Shape& source, const Shape& target) {
    const std::int64_t sources = *element_count(source), targets = *element_count(target);
    if (options_.allow_one_to_one && sources == targets && dice_.chance(0.7)) {
      return one_to_one(target);
    }
    if (options_.allow_sparse && dice_.chance(0.4)) return sparse(targets, sources);
    return dense(targets, sources);
  }

  /// Connectivity onto a population still to be made, and the shape that one gets.
  std::pair<Connectivity, Shape> onto_new(const Shape& source) {
    const std::int64_t sources = *element_count(source);
    const bool image = source.size() == 3;
    std::vector<int> kinds{0};
    if (options_.allow_sparse) kinds.push_back(1);
    if (options_.allow_one_to_one) kinds.push_back(2);
    if (options_.allow_conv && image) kinds.insert(kinds.end(), {3, 3, 3});
    if (options_.allow_pool && image) kinds.insert(kinds.end(), {4, 4});
    const int kind = dice_.pick(kinds);
    if (kind == 2) return {one_to_one(source), source};
    if (kind >= 3) {
      Connectivity made = kind == 3 ? Connectivity(conv(source)) : Connectivity(pool(source));
      const auto shape = target_shape(made, source);
      NT_CHECK(shape.has_value() && shape->has_value(), "a random window must fit");
      if (*element_count(**shape) <= options_.max_neurons) return {std::move(made), **shape};
    }
    const auto targets = dice_.between(2, std::min(24, std::max(12, options_.max_neurons)));
    if (kind == 1) return {sparse(targets, sources), {targets}};
    return {dense(targets, sources), {targets}};
  }

  // --- the graph -------------------------------------------------------------------------------

  Shape input_shape() {
    const bool image = (options_.allow_conv || options_.allow_pool) && dice_.chance(0.75);
    if (!image) return {dice_.between(3, 12)};
    const auto channels = dice_.between(1, 3), height = dice_.between(3, 7);
    const auto width = dice_.between(3, 7);
    const bool fits = channels * height * width <= options_.max_neurons;
    return fits ? Shape{channels, height, width} : Shape{1, 3, 4};
  }

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
      population.shape = input_shape();
      population.neuron = input;
      add(std::move(population), std::ldexp(1.0, static_cast<int>(input.bits)));
    }
  }

  /// A relay may send more than a neuron; what it sends to must still stay below kMostCurrent.
  double most_payload() const { return kMostCurrent / (kMostWeight * options_.max_neurons); }

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
    auto [connectivity, shape] = onto_new(graph_[source].shape);
    Population population;
    population.name = "layer";
    population.shape = shape;
    population.neuron = neuron(shape);
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
      connect(other, id, between(graph_[other].shape, shape), other_lag);
    }
    payload_[id.index] = largest_payload(id);
  }

  void add_bias(Population& population) {
    if (!dice_.chance(0.5)) return;
    population.bias =
        integer() ? parameter(population.shape, -3, 5) : parameter(population.shape, -0.1, 0.2);
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
    firing.threshold =
        integer() ? parameter(population.shape, 3, 20) : parameter(population.shape, 0.2, 0.8);
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
    connect(from, to, between(graph_[from].shape, graph_[to].shape), lag);
  }

  void add_readout() {
    Population population;
    population.name = "readout";
    population.shape = {dice_.between(2, 10)};
    population.output = true;
    Li li;
    if (options_.allow_lif && dice_.chance(0.3)) {
      li.decay = decay(population.shape, li.decay_shift);
      li.rounding = rounding();
    }
    if (dice_.chance(0.3)) {
      li.initial_membrane =
          integer() ? parameter(population.shape, -5, 5) : parameter(population.shape, -0.5, 0.5);
    }
    population.neuron = std::move(li);
    add_bias(population);
    const std::int64_t targets = population.shape[0];
    const PopulationId source = sources().back();
    const PopulationId id = add(std::move(population), 0);
    const std::uint32_t lag = delay();
    const bool joined = connect(source, id, dense(targets, graph_[source].size()), lag);
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
  Dice dice_;
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
