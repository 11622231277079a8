// One population after another: what its projections deliver, chunk of rows by chunk of rows, then
// its neurons over all steps. Chunks and neurons are split over the threads by index alone.
#include "eval/layer_eval.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/parallel.hpp"
#include "eval/row_carrier.hpp"
#include "eval/tensor_linear.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kRows = 16;  // rows that one task carries through a projection
constexpr std::int32_t kMostUnits = 127;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// Why a population cannot be run here, or "".
std::string obstacle(const Population& population) {
  if (population.bias_timing != BiasTiming::kEveryStep && population.bias.defined()) {
    return "adds its bias in one step only";
  }
  struct {
    std::string operator()(const Input& model) const {
      return model.held ? "" : "brings another stimulus in each step";
    }
    std::string operator()(const Relay&) const { return {}; }
    std::string operator()(const If& model) const {
      const Firing& firing = model.firing;
      if (firing.reset != Reset::kSubtract) return "resets to a value";
      if (firing.radix_bits > 0) return "has a threshold that changes with the step";
      const Emission& rule = firing.emission;
      if (rule.max_total != Emission::kUnbounded || rule.min_total != 0) return "bounds its count";
      if (std::max(rule.max_per_step, -rule.min_per_step) > kMostUnits) return "has long bursts";
      const Window& window = firing.window;
      const bool open = window.integrate_begin == 0 && window.integrate_end == Window::kForever &&
                        window.fire_end == Window::kForever;
      return open ? "" : "has a window that ends";
    }
    std::string operator()(const Lif&) const { return "leaks"; }
    std::string operator()(const CubaLif&) const { return "leaks"; }
    std::string operator()(const Li& model) const { return model.decay.defined() ? "leaks" : ""; }
  } by_model;
  return std::visit(by_model, population.neuron);
}

struct Rows {
  std::size_t first = 0, count = 0;
};

void copy_rows(const Train& train, const Rows& rows, float* to) {
  const std::size_t neurons = index(train.neurons), from = rows.first * neurons;
  const std::size_t size = rows.count * neurons;
  if (train.spikes.empty()) {
    std::copy_n(train.values.data() + from, size, to);
    return;
  }
  if (train.worth.empty()) {
    for (std::size_t i = 0; i < size; ++i) to[i] = train.spikes[from + i];
    return;
  }
  const std::size_t inner = neurons / train.worth.size();
  for (std::size_t i = 0; i < size; i += inner) {
    const float worth = train.worth[i / inner % train.worth.size()];
    for (std::size_t k = i; k < i + inner; ++k) to[k] = worth * train.spikes[from + k];
  }
}

}  // namespace

struct LayerEvaluator::State {
  const SpikeGraph& graph;
  std::uint32_t steps;
  std::vector<PopulationId> order;
  std::int64_t samples = 1;
  std::map<PopulationId, Train> kept;
  std::map<PopulationId, std::size_t> readers;

  Result<> deliver(const Projection& projection, const Train& sent, Train& total);
  void deliver_largest(const MaxPool2d& pool, const Projection& projection, const Train& sent,
                       Train& total) const;
  void drop_sources(PopulationId population);
  std::vector<float> fire_all(PopulationId population, const Train& arriving);
  std::vector<float> integrate_all(PopulationId population, const Train& arriving) const;
};

LayerEvaluator::LayerEvaluator(const SpikeGraph& graph, std::uint32_t steps)
    : state_(new State{graph, steps, graph.step_order(), 1, {}, {}}) {
  for (const ProjectionId id : graph.live_projections()) ++state_->readers[graph[id].source];
}

LayerEvaluator::~LayerEvaluator() = default;

Result<> LayerEvaluator::check(const SpikeGraph& graph) {
  const auto refuse = [](const std::string& name, std::string_view reason) {
    return error("eval.unsupported", ModelNode{{}, name},
                 fmt::format("'{}' {}, and rates are estimated without that", name, reason));
  };
  if (graph.arithmetic == Arithmetic::kInteger) {
    return error("eval.unsupported", {}, "rates are estimated in float graphs only");
  }
  for (const PopulationId id : graph.live_populations()) {
    const std::string reason = obstacle(graph[id]);
    if (!reason.empty()) return refuse(graph[id].name, reason);
  }
  for (const ProjectionId id : graph.live_projections()) {
    if (graph[id].delay_steps > 0) return refuse(graph[id].name, "has a delay");
    const auto* pool = std::get_if<MaxPool2d>(&graph[id].connectivity);
    if (pool != nullptr &&
        (pool->base != 1 || pool->begin != 0 || pool->end != MaxPool2d::kForever)) {
      return refuse(graph[id].name, "takes a maximum in a window of steps");
    }
  }
  return {};
}

const std::vector<PopulationId>& LayerEvaluator::order() const { return state_->order; }

Result<> LayerEvaluator::feed(PopulationId input, const Tensor& samples) {
  const std::int64_t count = samples.shape().empty() ? 0 : samples.shape()[0];
  const std::int64_t neurons = state_->graph[input].size();
  if (count == 0 || samples.size() != count * neurons) {
    return error("eval.stimulus", ModelNode{{}, state_->graph[input].name},
                 fmt::format("samples are {}, '{}' has {} neurons", to_string(samples.shape()),
                             state_->graph[input].name, neurons));
  }
  const auto data = samples.as<float>();
  state_->samples = count;
  keep(input, {1, count, neurons, {}, {data.begin(), data.end()}, {}});
  return {};
}

void LayerEvaluator::keep(PopulationId population, Train sent) {
  if (state_->readers[population] > 0) state_->kept[population] = std::move(sent);
}

Result<> LayerEvaluator::State::deliver(const Projection& projection, const Train& sent,
                                        Train& total) {
  if (const auto* pool = std::get_if<MaxPool2d>(&projection.connectivity)) {
    deliver_largest(*pool, projection, sent, total);
    return {};
  }
  LinearCache cache;
  const RowCarrier carrier(projection, graph[projection.source], graph[projection.target], cache);
  const std::size_t rows = index(sent.steps * sent.samples), neurons = index(total.neurons);
  const std::size_t chunks = (rows + kRows - 1) / kRows;
  // What a constant source sends arrives in every step.
  const std::int64_t repeats = sent.steps == 1 ? total.steps : 1;
  std::vector<std::optional<Error>> failed(chunks);
  parallel_for(chunks, [&](std::size_t first, std::size_t last) {
    for (std::size_t chunk = first; chunk < last; ++chunk) {
      const Rows part{chunk * kRows, std::min(kRows, rows - chunk * kRows)};
      std::vector<float> from(part.count * index(sent.neurons));
      copy_rows(sent, part, from.data());
      auto carried = carrier.carry(std::move(from), static_cast<std::int64_t>(part.count));
      if (!carried) {
        failed[chunk] = std::move(carried).error();
        continue;
      }
      const auto arrived = carried->as<float>();
      for (std::int64_t t = 0; t < repeats; ++t) {
        float* const to = total.values.data() + (index(t * sent.samples) + part.first) * neurons;
        for (std::size_t i = 0; i < arrived.size(); ++i) to[i] += arrived[i];
      }
    }
  });
  for (std::optional<Error>& failure : failed) {
    if (failure) return *std::move(failure);
  }
  return {};
}

/// Sample by sample, step after step: what the largest train of each window grew by.
void LayerEvaluator::State::deliver_largest(const MaxPool2d& pool, const Projection& projection,
                                            const Train& sent, Train& total) const {
  const Shape &source = graph[projection.source].shape, &target = graph[projection.target].shape;
  const std::size_t neurons = index(total.neurons);
  parallel_for(index(sent.samples), [&](std::size_t first, std::size_t last) {
    std::vector<float> payloads(index(sent.neurons)), trains, before(neurons), now(neurons);
    for (std::size_t sample = first; sample < last; ++sample) {
      trains.assign(payloads.size(), 0.0f);
      before.assign(neurons, 0.0f);
      for (std::int64_t t = 0; t < total.steps; ++t) {
        const std::size_t step = sent.steps == 1 ? 0 : index(t);
        copy_rows(sent, {step * index(sent.samples) + sample, 1}, payloads.data());
        for (std::size_t i = 0; i < trains.size(); ++i) trains[i] += payloads[i];
        largest_of_windows(pool, source, target, trains, now);
        float* const to = total.values.data() + (index(t * sent.samples) + sample) * neurons;
        for (std::size_t i = 0; i < neurons; ++i) {
          const auto neuron = static_cast<std::int64_t>(i);
          to[i] += spread_at(pool.weight, neuron, total.neurons, 1.0f) * (now[i] - before[i]);
        }
        before.swap(now);
      }
    }
  });
}

void LayerEvaluator::State::drop_sources(PopulationId population) {
  for (const ProjectionId id : graph.incoming(population)) {
    if (--readers[graph[id].source] == 0) kept.erase(graph[id].source);
  }
}

Result<Train> LayerEvaluator::currents(PopulationId population) {
  State& state = *state_;
  Train total{1, state.samples, state.graph[population].size(), {}, {}, {}};
  for (const ProjectionId id : state.graph.incoming(population)) {
    const auto found = state.kept.find(state.graph[id].source);
    NT_CHECK(found != state.kept.end(), "a source has not been visited");
    total.steps = std::max(total.steps, found->second.steps);
  }
  total.values.assign(index(total.steps * total.samples * total.neurons), 0.0f);
  for (const ProjectionId id : state.graph.incoming(population)) {
    const Projection& projection = state.graph[id];
    NT_TRY_VOID(state.deliver(projection, state.kept.at(projection.source), total));
  }
  state.drop_sources(population);
  return total;
}

std::vector<float> LayerEvaluator::State::fire_all(PopulationId id, const Train& arriving) {
  const Population& population = graph[id];
  const Firing& firing = *firing_of(population.neuron);
  const std::int64_t neurons = population.size();
  Train sent{static_cast<std::int64_t>(steps), arriving.samples, neurons, {}, {}, {}};
  sent.spikes.resize(index(sent.steps * arriving.samples * neurons));
  std::vector<float> counts(index(arriving.samples * neurons));
  // Neurons of one channel share all parameters unless one of them is per neuron.
  std::int64_t run = neurons / population.shape.front();
  for (const Tensor* tensor : {&firing.threshold, &population.bias}) {
    if (tensor->defined()) run = std::min(run, neurons / tensor->size());
  }
  const std::size_t blocks = index(arriving.samples * (neurons / run));
  parallel_for(
      blocks,
      [&](std::size_t first, std::size_t last) {
        std::vector<float> initial(index(run));
        for (std::size_t b = first; b < last; ++b) {
          const std::size_t at = b * index(run);
          const std::int64_t neuron = static_cast<std::int64_t>(at) % neurons;
          for (std::int64_t i = 0; i < run; ++i) {
            initial[index(i)] = spread_at(firing.initial_membrane, neuron + i, neurons, 0);
          }
          const FiringRule rule{.threshold = spread_at(firing.threshold, neuron, neurons, 1),
                                .initial = 0,
                                .bias = spread_at(population.bias, neuron, neurons, 0),
                                .max_per_step = firing.emission.max_per_step,
                                .min_per_step = firing.emission.min_per_step,
                                .fire_begin = firing.window.fire_begin};
          const std::size_t stride = index(arriving.samples * neurons);
          fire(rule,
               {arriving.values.data() + at, arriving.steps == 1 ? 0 : stride, index(run), steps},
               initial.data(), counts.data() + at, sent.spikes.data() + at, stride);
        }
      },
      64);
  if (readers[id] > 0) kept[id] = std::move(sent);
  return counts;
}

std::vector<float> LayerEvaluator::State::integrate_all(PopulationId id,
                                                        const Train& arriving) const {
  const Population& population = graph[id];
  const auto& li = std::get<Li>(population.neuron);
  const std::int64_t neurons = population.size();
  const std::size_t size = index(arriving.samples * neurons);
  std::vector<float> membranes(size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::int64_t neuron = static_cast<std::int64_t>(i) % neurons;
    const float bias = spread_at(population.bias, neuron, neurons, 0);
    membranes[i] = spread_at(li.initial_membrane, neuron, neurons, 0);
    for (std::uint32_t t = 0; t < steps; ++t) {
      membranes[i] += arriving.values[(arriving.steps == 1 ? 0 : t) * size + i] + bias;
    }
  }
  return membranes;
}

Result<std::vector<float>> LayerEvaluator::visit(PopulationId id) {
  const Population& population = state_->graph[id];
  NT_TRY(Train arriving, currents(id));
  if (firing_of(population.neuron) != nullptr) return state_->fire_all(id, arriving);
  if (std::holds_alternative<Li>(population.neuron)) return state_->integrate_all(id, arriving);
  const std::int64_t neurons = population.size();
  for (std::size_t i = 0; population.bias.defined() && i < arriving.values.size(); ++i) {
    arriving.values[i] +=
        spread_at(population.bias, static_cast<std::int64_t>(i) % neurons, neurons, 0);
  }
  keep(id, std::move(arriving));
  return std::vector<float>{};
}

}  // namespace neurotool
