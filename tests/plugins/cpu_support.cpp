// Conversion from the IR to the engine's network, and one view of two ways to run it.
#include "cpu_support.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <exception>
#include <thread>

#include "support/random_graphs.hpp"

namespace neurotool::test {
namespace {

cpu::Numbers numbers_of(const Tensor& tensor) {
  cpu::Numbers numbers;
  if (!tensor.defined()) return numbers;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    if (is_float(tensor.dtype())) {
      numbers.real.push_back(static_cast<float>(tensor.at(i)));
    } else {
      numbers.whole.push_back(static_cast<std::int32_t>(tensor.at(i)));
    }
  }
  return numbers;
}

cpu::Rounding rounding_of(Rounding rounding) {
  return rounding == Rounding::kFloor ? cpu::Rounding::kFloor : cpu::Rounding::kTowardZero;
}

struct NeuronReader {
  cpu::Population& out;

  void operator()(const Input& input) const {
    out.model = cpu::Model::kInput;
    out.held = input.held;
    out.bits = input.bits;
    out.is_signed = input.is_signed;
  }
  void operator()(const Relay&) const { out.model = cpu::Model::kRelay; }
  void operator()(const If& neuron) const {
    out.model = cpu::Model::kIf;
    firing(neuron.firing);
  }
  void operator()(const Lif& neuron) const {
    out.model = cpu::Model::kLif;
    firing(neuron.firing);
    leak(neuron);
  }
  void operator()(const CubaLif& neuron) const {
    out.model = cpu::Model::kCubaLif;
    firing(neuron.firing);
    leak(neuron);
    out.current_decay = numbers_of(neuron.current_decay);
    out.current_decay_shift = neuron.current_decay_shift;
  }
  void operator()(const Li& neuron) const {
    out.model = cpu::Model::kLi;
    out.initial_membrane = numbers_of(neuron.initial_membrane);
    leak(neuron);
  }

  template <class Model>
  void leak(const Model& neuron) const {
    out.decay = numbers_of(neuron.decay);
    out.decay_shift = neuron.decay_shift;
    out.rounding = rounding_of(neuron.rounding);
  }
  void firing(const Firing& f) const {
    out.threshold = numbers_of(f.threshold);
    out.initial_membrane = numbers_of(f.initial_membrane);
    out.comparison =
        f.comparison == Comparison::kAbove ? cpu::Comparison::kAbove : cpu::Comparison::kAtLeast;
    out.reset = f.reset == Reset::kSubtract ? cpu::Reset::kSubtract : cpu::Reset::kToValue;
    out.reset_value = numbers_of(f.reset_value);
    out.emission = {f.emission.max_per_step, f.emission.min_per_step, f.emission.max_total,
                    f.emission.min_total};
    out.phases = {f.window.integrate_begin, f.window.integrate_end, f.window.fire_begin,
                  f.window.fire_end};
    out.radix_bits = f.radix_bits;
  }
};

struct ConnectivityReader {
  cpu::Projection& out;

  void operator()(const Dense& dense) const {
    out.kind = cpu::Kind::kDense;
    out.weight = numbers_of(dense.weight);
  }
  void operator()(const Conv2d& conv) const {
    out.kind = cpu::Kind::kConv2d;
    out.weight = numbers_of(conv.weight);
    std::copy_n(conv.weight.shape().begin(), 4, out.weight_shape.begin());
    out.stride = conv.stride;
    out.padding = conv.padding;
    out.dilation = conv.dilation;
    out.groups = conv.groups;
  }
  void operator()(const SumPool2d& pool) const {
    out.kind = cpu::Kind::kSumPool2d;
    out.kernel = pool.kernel;
    out.stride = pool.stride;
    out.padding = pool.padding;
    out.weight = numbers_of(pool.weight);
  }
  void operator()(const MaxPool2d& pool) const {
    out.kind = cpu::Kind::kMaxPool2d;
    out.kernel = pool.kernel;
    out.stride = pool.stride;
    out.padding = pool.padding;
    out.weight = numbers_of(pool.weight);
    out.base = pool.base;
    out.begin = pool.begin;
    out.end = pool.end;
  }
  void operator()(const OneToOne& one) const {
    out.kind = cpu::Kind::kOneToOne;
    out.weight = numbers_of(one.weight);
  }
  void operator()(const Sparse& sparse) const {
    out.kind = cpu::Kind::kSparse;
    const auto begin = sparse.row_begin.as<std::int64_t>();
    const auto targets = sparse.targets.as<std::int32_t>();
    out.row_begin.assign(begin.begin(), begin.end());
    out.targets.assign(targets.begin(), targets.end());
    out.weight = numbers_of(sparse.weight);
  }
};

bool is_integer(const SpikeGraph& graph) { return graph.arithmetic == Arithmetic::kInteger; }

Shown empty_shown(const SpikeGraph& graph, std::size_t samples, std::uint32_t steps) {
  const std::size_t populations = graph.populations.size();
  const std::vector<std::vector<double>> per_step(steps);
  const std::vector<std::vector<std::vector<double>>> per_population(populations, per_step);
  Shown shown;
  shown.payloads.assign(samples, per_population);
  shown.membranes.assign(samples, per_population);
  shown.readouts.assign(samples, std::vector<std::vector<double>>(populations));
  shown.spikes.assign(populations, 0);
  shown.synaptic_ops.assign(populations, 0);
  return shown;
}

/// Whether the engine can show the payloads: those of float relays and inputs need not be whole.
bool shows_payloads(const SpikeGraph& graph, const Population& p) {
  if (std::holds_alternative<Li>(p.neuron)) return false;
  return is_integer(graph) || firing_of(p.neuron) != nullptr;
}
bool has_membrane(const Population& p) {
  return firing_of(p.neuron) != nullptr || std::holds_alternative<Li>(p.neuron);
}

/// Held inputs, and relays that only such populations reach.
std::vector<bool> constants_of(const SpikeGraph& graph) {
  std::vector<bool> constant(graph.populations.size());
  for (const PopulationId id : graph.step_order()) {
    const Population& p = graph[id];
    if (const auto* input = std::get_if<Input>(&p.neuron)) constant[id.index] = input->held;
    if (!std::holds_alternative<Relay>(p.neuron) || graph.incoming(id).empty()) continue;
    bool all = true;
    for (const ProjectionId in : graph.incoming(id)) {
      const bool steady = !std::holds_alternative<MaxPool2d>(graph[in].connectivity);
      all = all && steady && graph[in].delay_steps == 0 && constant[graph[in].source.index];
    }
    constant[id.index] = all;
  }
  return constant;
}

/// Section 6 of docs/semantics.md, neuron by neuron.
class Counter {
 public:
  Counter(const SpikeGraph& graph, Shown& shown)
      : graph_(graph), constant_(constants_of(graph)), shown_(shown) {}

  void count_sample() {
    for (std::uint32_t i = 0; i < graph_.populations.size(); ++i) {
      if (!constant_[i]) continue;
      for (const ProjectionId out : graph_.outgoing(PopulationId{i})) {
        for (std::int64_t n = 0; n < graph_.populations[i].size(); ++n) {
          shown_.input_macs += fan_out(out, n);
        }
      }
    }
  }
  void count_step(std::uint32_t population, const std::vector<double>& payloads) {
    if (constant_[population]) return;
    const Population& p = graph_.populations[population];
    for (std::size_t n = 0; n < payloads.size(); ++n) {
      if (payloads[n] == 0) continue;
      const bool fires = firing_of(p.neuron) != nullptr;
      const auto events = fires ? static_cast<std::uint64_t>(std::abs(payloads[n])) : 1;
      if (!std::holds_alternative<Relay>(p.neuron)) shown_.spikes[population] += events;
      for (const ProjectionId out : graph_.outgoing(PopulationId{population})) {
        shown_.synaptic_ops[graph_[out].target.index] +=
            events * fan_out(out, static_cast<std::int64_t>(n));
      }
    }
  }

 private:
  std::uint64_t fan_out(ProjectionId id, std::int64_t neuron) const {
    const Projection& p = graph_[id];
    return row(p.connectivity, graph_[p.source].shape, graph_[p.target].shape, neuron).size();
  }

  const SpikeGraph& graph_;
  std::vector<bool> constant_;
  Shown& shown_;
};

template <class Number>
std::vector<double> doubles(std::span<const Number> values) {
  return {values.begin(), values.end()};
}

/// Stimuli of samples [first, last) side by side, as the engine takes them.
std::vector<std::vector<std::byte>> joined(const Samples& samples, std::size_t first,
                                           std::size_t last) {
  std::vector<std::vector<std::byte>> inputs(samples.front().size());
  for (std::size_t s = first; s < last; ++s) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Tensor& value = samples[s][i].value;
      inputs[i].insert(inputs[i].end(), value.data(), value.data() + value.bytes());
    }
  }
  return inputs;
}

std::vector<cpu::ProbeRequest> all_probes(const SpikeGraph& graph) {
  std::vector<cpu::ProbeRequest> probes;
  for (std::uint32_t i = 0; i < graph.populations.size(); ++i) {
    const Population& p = graph.populations[i];
    if (shows_payloads(graph, p)) probes.push_back({i, cpu::Variable::kSpikes});
    if (!has_membrane(p)) continue;
    probes.push_back({i, cpu::Variable::kMembrane});
    probes.push_back({i, cpu::Variable::kReadout});
  }
  return probes;
}

class RecordReader {
 public:
  RecordReader(const SpikeGraph& graph, std::uint32_t steps, Shown& shown)
      : graph_(graph), steps_(steps), shown_(shown) {}

  void read(std::size_t sample, const cpu::ProbeRequest& probe, const cpu::ProbeRecord& record) {
    const auto size = static_cast<std::size_t>(graph_.populations[probe.population].size());
    const std::uint32_t p = probe.population;
    const std::vector<double> numbers =
        is_integer(graph_) ? doubles(std::span(record.whole)) : doubles(std::span(record.real));
    if (probe.variable == cpu::Variable::kSpikes) {
      read_spikes(record, size, shown_.payloads[sample][p]);
    } else if (probe.variable == cpu::Variable::kReadout) {
      shown_.readouts[sample][p] =
          record.counts.empty() ? numbers : doubles(std::span(record.counts));
    } else {
      for (std::uint32_t step = 0; step < steps_; ++step) {
        const auto from = numbers.begin() + static_cast<std::ptrdiff_t>(step * size);
        shown_.membranes[sample][p][step].assign(from, from + static_cast<std::ptrdiff_t>(size));
      }
    }
  }

 private:
  void read_spikes(const cpu::ProbeRecord& record, std::size_t size,
                   std::vector<std::vector<double>>& steps) const {
    std::size_t at = 0;
    for (std::size_t step = 0; step < steps.size(); ++step) {
      steps[step].assign(size, 0);
      for (; at < record.step_ends[step]; ++at) {
        steps[step][record.neurons[at]] = record.payloads.empty() ? 1 : record.payloads[at];
      }
    }
  }

  const SpikeGraph& graph_;
  std::uint32_t steps_;
  Shown& shown_;
};

}  // namespace

cpu::Network network_of(const SpikeGraph& graph) {
  cpu::Network network;
  network.arithmetic = is_integer(graph) ? cpu::Arithmetic::kInteger : cpu::Arithmetic::kFloat32;
  for (const Population& p : graph.populations) {
    cpu::Population out;
    out.name = p.name;
    out.shape = p.shape;
    out.bias = numbers_of(p.bias);
    out.bias_timing = static_cast<cpu::BiasTiming>(p.bias_timing);
    std::visit(NeuronReader{out}, p.neuron);
    network.populations.push_back(std::move(out));
  }
  for (const Projection& p : graph.projections) {
    cpu::Projection out;
    out.name = p.name;
    out.source = p.source.index;
    out.target = p.target.index;
    out.delay_steps = p.delay_steps;
    out.shift = p.shift;
    std::visit(ConnectivityReader{out}, p.connectivity);
    network.projections.push_back(std::move(out));
  }
  return network;
}

Samples random_samples(const SpikeGraph& graph, std::uint64_t seed, std::size_t count,
                       std::uint32_t steps) {
  Samples samples;
  for (std::size_t i = 0; i < count; ++i) {
    samples.push_back(random_stimuli(graph, seed * 1000 + i, steps));
  }
  return samples;
}

Shown run_oracle(const SpikeGraph& graph, const Samples& samples, std::uint32_t steps) {
  Shown shown = empty_shown(graph, samples.size(), steps);
  Counter counter(graph, shown);
  const SpikeEvaluator oracle(graph);
  for (std::size_t s = 0; s < samples.size(); ++s) {
    SpikeState state = oracle.initial_state();
    counter.count_sample();
    const auto see = [&](const StepRecord& record) {
      const std::uint32_t i = record.population.index;
      const Population& p = graph.populations[i];
      std::vector<double> payloads =
          is_integer(graph) ? doubles(record.payload_i) : doubles(record.payload_f);
      counter.count_step(i, payloads);
      if (shows_payloads(graph, p)) shown.payloads[s][i][record.step] = std::move(payloads);
      if (has_membrane(p)) {
        shown.membranes[s][i][record.step] =
            is_integer(graph) ? doubles(record.membrane_i) : doubles(record.membrane_f);
      }
    };
    const auto done = oracle.run(state, samples[s], steps, see);
    NT_CHECK(done.has_value(), done ? "" : to_string(done.error()));
    for (std::uint32_t i = 0; i < graph.populations.size(); ++i) {
      if (firing_of(graph.populations[i].neuron) != nullptr) {
        shown.readouts[s][i] = doubles(std::span<const std::int64_t>(state.emitted[i]));
      } else if (has_membrane(graph.populations[i])) {
        shown.readouts[s][i] = is_integer(graph)
                                   ? doubles(std::span<const std::int64_t>(state.membrane_i[i]))
                                   : doubles(std::span<const float>(state.membrane_f[i]));
      }
    }
  }
  return shown;
}

Shown run_engine(const SpikeGraph& graph, const Samples& samples, std::uint32_t steps,
                 const EngineSetup& setup) {
  const auto engine = cpu::Engine::make(network_of(graph), setup.options);
  Shown shown = empty_shown(graph, samples.size(), steps);
  RecordReader reader(graph, steps, shown);
  const std::size_t batch = setup.batch == 0 ? samples.size() : setup.batch;
  for (std::size_t first = 0; first < samples.size(); first += batch) {
    const std::size_t last = std::min(first + batch, samples.size());
    const auto inputs = joined(samples, first, last);
    cpu::RunRequest request{last - first, steps, {}, all_probes(graph)};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      request.inputs.push_back({samples.front()[i].population.index, inputs[i].data()});
    }
    const cpu::RunResult result = engine->run(request, threads_of(setup.threads));
    for (std::size_t s = first; s < last; ++s) {
      for (std::size_t i = 0; i < request.probes.size(); ++i) {
        reader.read(s, request.probes[i], result.records[s - first][i]);
      }
    }
    for (std::size_t i = 0; i < graph.populations.size(); ++i) {
      shown.spikes[i] += result.counts.spikes[i];
      shown.synaptic_ops[i] += result.counts.synaptic_ops[i];
    }
    shown.input_macs += result.counts.input_macs;
  }
  return shown;
}

cpu::Environment threads_of(std::size_t threads) {
  cpu::Environment environment;
  environment.parallel_for = [threads](std::size_t count, const auto& body) {
    std::atomic<std::size_t> next{0};
    std::exception_ptr failure;
    std::atomic<bool> failed{false};
    const auto work = [&] {
      try {
        for (std::size_t i = next++; i < count; i = next++) body(i, i + 1);
      } catch (...) {
        if (!failed.exchange(true)) failure = std::current_exception();
      }
    };
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
      work();
    }
    if (failure) std::rethrow_exception(failure);
  };
  return environment;
}

namespace {

using PerStep = std::vector<std::vector<double>>;

std::string differing_steps(const PerStep& wanted, const PerStep& got) {
  for (std::size_t step = 0; step < wanted.size(); ++step) {
    if (wanted[step].size() != got[step].size()) return fmt::format("step {}: other size", step);
    for (std::size_t n = 0; n < wanted[step].size(); ++n) {
      if (wanted[step][n] == got[step][n]) continue;
      return fmt::format("step {}, neuron {}: {} instead of {}", step, n, got[step][n],
                         wanted[step][n]);
    }
  }
  return {};
}

}  // namespace

std::string first_difference(const SpikeGraph& graph, const Shown& wanted, const Shown& got) {
  for (std::size_t s = 0; s < wanted.payloads.size(); ++s) {
    for (std::size_t p = 0; p < graph.populations.size(); ++p) {
      const std::string where = fmt::format("of '{}', sample {}, ", graph.populations[p].name, s);
      std::string found = differing_steps(wanted.payloads[s][p], got.payloads[s][p]);
      if (!found.empty()) return "payload " + where + found;
      found = differing_steps(wanted.membranes[s][p], got.membranes[s][p]);
      if (!found.empty()) return "membrane " + where + found;
      found = differing_steps({wanted.readouts[s][p]}, {got.readouts[s][p]});
      if (!found.empty()) return "readout " + where + found;
    }
  }
  for (std::size_t p = 0; p < graph.populations.size(); ++p) {
    if (wanted.spikes[p] == got.spikes[p] && wanted.synaptic_ops[p] == got.synaptic_ops[p])
      continue;
    return fmt::format("'{}': {} spikes and {} operations instead of {} and {}",
                       graph.populations[p].name, got.spikes[p], got.synaptic_ops[p],
                       wanted.spikes[p], wanted.synaptic_ops[p]);
  }
  if (wanted.input_macs != got.input_macs) {
    return fmt::format("{} input operations instead of {}", got.input_macs, wanted.input_macs);
  }
  return wanted == got ? "" : "something else differs";
}

}  // namespace neurotool::test
