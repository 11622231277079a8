// One walk in the order of the layers. Each population gets the interval of steps in which it
// sends; what reads it integrates in that interval. Binary digits are doubled on arrival, so all
// that one population reads must end in the same step: earlier senders get a delay.
#include "passes/exact/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "passes/spike/integer_weights.hpp"

namespace neurotool::exact {
namespace {

/// When a population sends, and how its payloads make up its count.
struct Sending {
  std::uint32_t begin = 0, end = 0;
  bool held = false;    ///< the same payload in every step; may be read in one only
  bool digits = false;  ///< binary digits, the most significant first
};

/// b where counts go from 0 to 2^b - 1, otherwise 0.
std::uint32_t digits_of(const Emission& emission) {
  const auto levels = static_cast<std::uint64_t>(emission.max_total) + 1;
  if (emission.min_total != 0 || (levels & (levels - 1)) != 0) return 0;
  std::uint32_t bits = 0;
  while ((std::uint64_t{1} << bits) < levels) ++bits;
  return bits;
}

Tensor* weight_of_any(Connectivity& connectivity) {
  return std::visit([](auto& kind) { return &kind.weight; }, connectivity);
}

/// Every weight with the other sign; an absent one is 1.
void negate(Connectivity& connectivity) {
  Tensor& weight = *weight_of_any(connectivity);
  if (!weight.defined()) {
    weight = Tensor::scalar(std::int8_t{-1})
                 .with_quantization({.scales = {1}, .zero_point = 0, .bits = 8});
    return;
  }
  const auto negated = [&]<class T>(std::span<const T> values) {
    std::vector<T> result;
    for (const T value : values) result.push_back(static_cast<T>(-value));
    return Tensor::from<T>(weight.shape(), std::move(result));
  };
  const auto quantization = weight.quantization();
  weight = weight.dtype() == DType::kInt8 ? negated(weight.as<std::int8_t>())
                                          : negated(weight.as<std::int16_t>());
  if (quantization) weight = weight.with_quantization(*quantization);
}

class Scheduler {
 public:
  Scheduler(SpikeGraph& graph, const ExactOptions& options, Realisation realisation,
            const std::string& path, Diagnostics& out)
      : graph_(graph),
        options_(options),
        realisation_(realisation),
        path_(path),
        out_(out),
        sending_(graph.populations.size()) {}

  Result<> run();

 private:
  struct Arrival {
    std::uint32_t begin = 0, end = 0;
    bool held = false, digits = false;
  };

  std::optional<Arrival> arrival(PopulationId id);
  void align(PopulationId id, std::uint32_t end);
  void compare_digits(PopulationId id);
  void site(PopulationId id, If neuron);
  void readout(PopulationId id);
  void add_readout_bias(PopulationId id);
  void refuse(PopulationId id, std::string_view code, std::string message, std::string help);
  std::uint32_t range_of(const Emission& emission) const {
    return static_cast<std::uint32_t>(emission.max_total - emission.min_total);
  }

  SpikeGraph& graph_;
  const ExactOptions& options_;
  Realisation realisation_;
  const std::string& path_;
  Diagnostics& out_;
  std::vector<Sending> sending_;
};

void Scheduler::refuse(PopulationId id, std::string_view code, std::string message,
                       std::string help) {
  out_.report(error(code, ModelNode{path_, graph_[id].name}, std::move(message), std::move(help)));
}

/// Shifts what comes earlier so that all digits end in step `end`.
void Scheduler::align(PopulationId id, std::uint32_t end) {
  for (const ProjectionId p : graph_.incoming(id)) {
    Projection& projection = graph_[p];
    const Sending& source = sending_[projection.source.index];
    if (source.digits) projection.delay_steps = end - source.end;
  }
}

/// A maximum of binary digits compares the numbers that they spell so far.
void Scheduler::compare_digits(PopulationId id) {
  for (const ProjectionId p : graph_.incoming(id)) {
    auto* const pool = std::get_if<MaxPool2d>(&graph_[p].connectivity);
    if (pool == nullptr) continue;
    const Sending& source = sending_[graph_[p].source.index];
    pool->base = 2;
    pool->begin = source.begin + graph_[p].delay_steps;
    pool->end = source.end + graph_[p].delay_steps;
  }
}

/// Where all that a population reads comes together; nothing after a refusal.
std::optional<Scheduler::Arrival> Scheduler::arrival(PopulationId id) {
  Arrival all{std::numeric_limits<std::uint32_t>::max(), 0, false, false};
  bool any_free = false, any_counts = false;
  std::uint32_t longest = 0;
  for (const ProjectionId p : graph_.incoming(id)) {
    const Sending& source = sending_[graph_[p].source.index];
    // A change that a layer sends reaches the next one step later.
    const bool late = realisation_ == Realisation::kSigmaDelta && !source.held &&
                      firing_of(graph_[graph_[p].source].neuron) != nullptr && !source.digits;
    if (late) graph_[p].delay_steps = 1;
    const std::uint32_t delay = late ? 1 : 0;
    all.begin = std::min(all.begin, source.begin + delay);
    all.end = std::max(all.end, source.end + delay);
    longest = std::max(longest, source.end - source.begin);
    all.held = all.held || source.held;
    all.digits = all.digits || source.digits;
    any_free = any_free || !source.held;
    any_counts = any_counts || !source.digits;
  }
  if ((all.held && any_free) || (all.digits && any_counts)) {
    refuse(id, "exact.schedule",
           fmt::format("'{}' reads the network's input and a layer behind it, which do not send "
                       "at the same time",
                       graph_[id].name),
           "put a quantised activation between the input and this sum");
    return {};
  }
  if (all.digits) {
    align(id, all.end);
    compare_digits(id);
    all.begin = all.end - longest;
  }
  return all;
}

void Scheduler::site(PopulationId id, If neuron) {
  const auto in = arrival(id);
  if (!in) return;
  Population& population = graph_[id];
  Firing& firing = neuron.firing;
  Emission& emission = firing.emission;
  Sending& sent = sending_[id.index];
  const std::uint32_t range = range_of(emission);
  const bool waits = in->held || in->digits || !is_concurrent(realisation_);
  firing.window.integrate_begin = waits ? in->begin : 0;
  firing.window.integrate_end = waits ? in->end : Window::kForever;
  population.bias_timing = in->digits ? BiasTiming::kLastStep : BiasTiming::kFirstStep;
  std::uint32_t length = range;
  switch (realisation_) {
    case Realisation::kAuto:
    case Realisation::kTwoPhase:
      emission.max_per_step = 1;
      emission.min_per_step = emission.min_total < 0 ? -1 : 0;
      length = static_cast<std::uint32_t>(std::max(emission.max_total, -emission.min_total));
      break;
    case Realisation::kGraded:
      emission.max_per_step = static_cast<std::int32_t>(emission.max_total);
      emission.min_per_step = static_cast<std::int32_t>(emission.min_total);
      length = 1;
      break;
    case Realisation::kRadix:
      length = digits_of(emission);
      if (length == 0) {
        return refuse(id, "exact.levels",
                      fmt::format("'{}' counts from {} to {}, which binary digits do not bound",
                                  population.name, emission.min_total, emission.max_total),
                      "use 'realisation: two_phase', or 2^b - 1 levels");
      }
      firing.radix_bits = length;
      emission = Emission{};
      break;
    case Realisation::kStBif:
      emission.max_per_step = 1;
      emission.min_per_step = -1;
      break;
    case Realisation::kSigmaDelta:
      emission.max_per_step = static_cast<std::int32_t>(range);
      emission.min_per_step = -static_cast<std::int32_t>(range);
      length = 1;
      break;
  }
  if (is_concurrent(realisation_)) {
    // What has come is counted in the same step; after the last arrival a neuron needs as many
    // steps as its count can be wrong by (one where it may send any number at once).
    firing.window.fire_begin = waits ? in->end - 1 : 0;
    firing.window.fire_end = Window::kForever;
    sent = {firing.window.fire_begin, in->end - 1 + length, false, false};
  } else {
    firing.window.fire_begin = in->end;
    firing.window.fire_end = in->end + length;
    sent = {in->end, in->end + length, false, firing.radix_bits > 0};
  }
  if (!in->digits) {
    population.neuron = std::move(neuron);
    return;
  }
  // v(0) would be doubled with the digits: it comes with the bias, in the last step.
  const std::int64_t channels = integer::channels_of(population.shape);
  const bool per_neuron = population.bias.defined() && population.bias.size() > channels;
  const std::int64_t count = per_neuron ? population.size() : channels;
  std::vector<std::int32_t> bias;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t n = i * (population.size() / count);
    bias.push_back(static_cast<std::int32_t>(
        integer::parameter_at(population.bias, population.shape, n, 0) +
        integer::parameter_at(firing.initial_membrane, population.shape, n, 0)));
  }
  population.bias =
      Tensor::from<std::int32_t>(per_neuron ? population.shape : Shape{channels}, std::move(bias));
  firing.initial_membrane = {};
  population.neuron = Lif{.firing = std::move(firing),
                          .decay = Tensor::scalar(std::int32_t{2}),
                          .decay_shift = 0,
                          .rounding = Rounding::kFloor};
}

void Scheduler::readout(PopulationId id) {
  const auto in = arrival(id);
  if (!in) return;
  if (in->held && graph_.steps > 1) {
    return refuse(id, "exact.schedule",
                  fmt::format("'{}' reads the input in every step and would count it {} times",
                              graph_[id].name, graph_.steps),
                  "put a quantised activation between the input and the output");
  }
  Population& population = graph_[id];
  population.bias_timing = BiasTiming::kFirstStep;
  if (!in->digits) return;
  align(id, graph_.steps);
  std::get<Li>(population.neuron).decay = Tensor::scalar(std::int32_t{2});
  if (population.bias.defined()) add_readout_bias(id);
}

/// A readout that doubles has no step of its own for a bias: one neuron fires in the last step, and
/// the bias is its weights, in two parts of 15 bits.
void Scheduler::add_readout_bias(PopulationId id) {
  constexpr std::int32_t kPart = 1 << 15;
  Population one;
  one.name = graph_[id].name + "_bias";
  one.shape = {1};
  one.bias = Tensor::scalar(std::int32_t{1});
  one.bias_timing = BiasTiming::kFirstStep;
  Firing firing;
  firing.threshold = Tensor::scalar(std::int32_t{1});
  firing.window = {graph_.steps - 1, graph_.steps, graph_.steps - 1, graph_.steps};
  one.neuron = If{std::move(firing)};
  one.origins = graph_[id].origins;
  const Tensor bias = std::exchange(graph_[id].bias, {});
  const std::int64_t neurons = graph_[id].size();
  std::vector<std::int16_t> low, high;
  for (std::int64_t n = 0; n < neurons; ++n) {
    const auto value =
        static_cast<std::int64_t>(integer::parameter_at(bias, graph_[id].shape, n, 0));
    const std::int64_t rest = ((value % kPart) + kPart) % kPart;
    low.push_back(static_cast<std::int16_t>(rest));
    high.push_back(static_cast<std::int16_t>((value - rest) / kPart));
  }
  const PopulationId source = graph_.add(std::move(one));
  const auto connect = [&](std::vector<std::int16_t> weights, std::uint32_t shift) {
    Quantization quantization{.scales = {1}, .zero_point = 0, .bits = 16};
    Dense dense{Tensor::from<std::int16_t>({neurons, 1}, std::move(weights))
                    .with_quantization(quantization)};
    graph_[graph_.connect(source, id, std::move(dense))].shift = shift;
  };
  connect(std::move(low), 0);
  connect(std::move(high), 15);
}

Result<> Scheduler::run() {
  const std::vector<PopulationId> order = graph_.step_order();
  for (const PopulationId id : order) {
    Neuron& neuron = graph_[id].neuron;
    if (std::holds_alternative<Input>(neuron)) sending_[id.index] = {0, 1, true, false};
    if (std::holds_alternative<Relay>(neuron)) {
      if (const auto in = arrival(id)) {
        sending_[id.index] = {in->begin, in->end, in->held, in->digits};
      }
    }
    if (auto* site_neuron = std::get_if<If>(&neuron)) {
      const std::uint32_t bits = site_neuron->firing.radix_bits;
      // An encoder has its windows already.
      if (bits > 0) sending_[id.index] = {0, bits, false, true};
      if (bits == 0) site(id, *site_neuron);
    }
  }
  std::uint32_t steps = 1;
  for (const Sending& sent : sending_) steps = std::max(steps, sent.end);
  for (const PopulationId id : order) {
    for (const ProjectionId p : graph_.incoming(id)) {
      const bool late = realisation_ == Realisation::kSigmaDelta &&
                        std::holds_alternative<Li>(graph_[id].neuron) &&
                        !sending_[graph_[p].source.index].held;
      if (late) steps = std::max(steps, sending_[graph_[p].source.index].end + 1);
    }
  }
  graph_.steps = options_.steps > 0 && is_concurrent(realisation_) ? options_.steps : steps;
  for (const PopulationId id : order) {
    if (std::holds_alternative<Li>(graph_[id].neuron)) readout(id);
  }
  if (out_.has_errors()) return out_.first_error();
  return {};
}

}  // namespace

Result<> schedule(SpikeGraph& graph, const ExactOptions& options, Realisation realisation,
                  const std::string& path, Diagnostics& out) {
  NT_TRY_VOID(Scheduler(graph, options, realisation, path, out).run());
  // A logit is the membrane divided by the steps, and here it is the whole sum.
  for (const PopulationId id : graph.live_populations()) {
    Population& population = graph[id];
    if (!std::holds_alternative<Li>(population.neuron)) continue;
    std::vector<double> values;
    for (std::int64_t i = 0; i < population.membrane_value.size(); ++i) {
      values.push_back(population.membrane_value.at(i) * graph.steps);
    }
    population.membrane_value =
        Tensor::from<double>(population.membrane_value.shape(), std::move(values));
  }
  return {};
}

Realisation chosen_realisation(const SpikeGraph& graph) {
  for (const PopulationId id : graph.live_populations()) {
    const auto* neuron = std::get_if<If>(&graph[id].neuron);
    if (neuron != nullptr && digits_of(neuron->firing.emission) == 0) {
      return Realisation::kTwoPhase;
    }
  }
  return Realisation::kRadix;
}

Result<> encode_inputs(SpikeGraph& graph, const std::string& path, Diagnostics& out) {
  for (const PopulationId id : graph.live_populations()) {
    const auto* input = std::get_if<Input>(&graph[id].neuron);
    if (input == nullptr) continue;
    const std::vector<ProjectionId> readers = graph.outgoing(id);
    const bool direct = std::ranges::any_of(readers, [&](ProjectionId p) {
      return std::holds_alternative<Li>(graph[graph[p].target].neuron);
    });
    if (direct) {
      const Error found = error("exact.schedule", ModelNode{path, graph[id].name},
                                fmt::format("'{}' is read by the output, which has no neurons "
                                            "that could take binary digits",
                                            graph[id].name),
                                "use 'input: direct'");
      out.report(found);
      return found;
    }
    const bool is_signed = input->is_signed;
    // Two's complement reaches one further below 0: both signs take the bits of that.
    const std::uint32_t bits = input->bits;
    for (const int sign : {1, -1}) {
      if (sign < 0 && !is_signed) break;
      Population encoder;
      encoder.name = graph[id].name + (sign > 0 ? "_digits" : "_negative_digits");
      encoder.shape = graph[id].shape;
      encoder.payload_value = graph[id].payload_value;
      encoder.membrane_value = graph[id].payload_value;
      Firing firing;
      firing.threshold = Tensor::scalar(std::int32_t{1});
      firing.radix_bits = bits;
      firing.window = {0, 1, 0, bits};
      encoder.neuron = If{std::move(firing)};
      const PopulationId made = graph.add(std::move(encoder));
      const auto one = Tensor::scalar(static_cast<std::int8_t>(sign))
                           .with_quantization({.scales = {1}, .zero_point = 0, .bits = 8});
      graph.connect(id, made, OneToOne{one});
      for (const ProjectionId p : readers) {
        Projection copy = graph[p];
        if (sign < 0) negate(copy.connectivity);
        const ProjectionId added = graph.connect(made, copy.target, copy.connectivity);
        graph[added].shift = copy.shift;
        graph[added].origins = copy.origins;
      }
    }
    for (const ProjectionId p : readers) graph.remove(p);
  }
  return {};
}

}  // namespace neurotool::exact
