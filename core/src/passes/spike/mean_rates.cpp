// Currents through the float evaluator's convolutions and products, neurons one by one.
#include "passes/spike/mean_rates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/parallel.hpp"
#include "eval/tensor_eval.hpp"
#include "passes/spike/integer_weights.hpp"

namespace neurotool::integer {
namespace {

constexpr std::int64_t kBatch = 64;
constexpr std::int64_t kMostBytes = std::int64_t{768} << 20;
/// Payloads and currents of both graphs, of a population and of those that it reads.
constexpr std::int64_t kAlive = 8;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

Tensor with_batch(const Tensor& values, const Shape& shape) {
  Shape full{values.shape()[0]};
  full.insert(full.end(), shape.begin(), shape.end());
  return values.reshaped(std::move(full));
}

Conv conv_op(const Conv2d& conv) {
  return {.strides = {conv.stride[0], conv.stride[1]},
          .dilations = {conv.dilation[0], conv.dilation[1]},
          .pads = {conv.padding.begin(), conv.padding.end()},
          .group = conv.groups};
}

/// The sums that a projection delivers for one batch, [samples, target neurons].
struct Delivered {
  const Tensor& payload;  ///< [samples, source neurons]
  const Shape &source, &target;

  Result<Tensor> operator()(const Dense& kind) const {
    return run(Gemm{.trans_b = true}, payload, kind.weight);
  }
  Result<Tensor> operator()(const Conv2d& kind) const {
    return run(conv_op(kind), with_batch(payload, source), kind.weight);
  }
  Result<Tensor> operator()(const SumPool2d& kind) const {
    const std::int64_t channels = source[0], window = kind.kernel[0] * kind.kernel[1];
    std::vector<float> weight;
    for (std::int64_t c = 0; c < channels; ++c) {
      const double factor = parameter_at(kind.weight, target, c * target[1] * target[2], 1);
      weight.insert(weight.end(), index(window), static_cast<float>(factor));
    }
    const Conv op{.strides = {kind.stride[0], kind.stride[1]},
                  .dilations = {1, 1},
                  .pads = {kind.padding.begin(), kind.padding.end()},
                  .group = channels};
    return run(
        op, with_batch(payload, source),
        Tensor::from<float>({channels, 1, kind.kernel[0], kind.kernel[1]}, std::move(weight)));
  }
  /// The largest of sums grows, in the mean of all steps, by the largest of the means.
  Result<Tensor> operator()(const MaxPool2d& kind) const {
    const MaxPool op{.kernel = {kind.kernel[0], kind.kernel[1]},
                     .strides = {kind.stride[0], kind.stride[1]},
                     .dilations = {1, 1},
                     .pads = {kind.padding.begin(), kind.padding.end()}};
    const std::array<Tensor, 1> inputs{with_batch(payload, source)};
    NT_TRY(const std::vector<Tensor> largest, evaluate_op(op, inputs));
    const auto old = largest[0].as<float>();
    const std::size_t neurons = index(element_count(target).value_or(0));
    std::vector<float> values(old.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto neuron = static_cast<std::int64_t>(i % neurons);
      values[i] = static_cast<float>(double{old[i]} * parameter_at(kind.weight, target, neuron, 1));
    }
    return Tensor::from<float>({payload.shape()[0], static_cast<std::int64_t>(neurons)},
                               std::move(values));
  }
  Result<Tensor> operator()(const OneToOne& kind) const {
    const auto old = payload.as<float>();
    const std::size_t neurons = index(payload.shape()[1]);
    std::vector<float> values(old.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double weight =
          parameter_at(kind.weight, target, static_cast<std::int64_t>(i % neurons), 1);
      values[i] = static_cast<float>(double{old[i]} * weight);
    }
    return Tensor::from<float>(payload.shape(), std::move(values));
  }
  Result<Tensor> operator()(const Sparse& kind) const {
    const std::int64_t samples = payload.shape()[0];
    const std::size_t neurons = index(element_count(target).value_or(0));
    const std::size_t sources = index(payload.shape()[1]);
    const auto old = payload.as<float>(), weight = kind.weight.as<float>();
    const auto begin = kind.row_begin.as<std::int64_t>();
    const auto targets = kind.targets.as<std::int32_t>();
    std::vector<float> values(index(samples) * neurons, 0.0f);
    for (std::size_t n = 0; n < index(samples); ++n) {
      for (std::size_t s = 0; s < sources; ++s) {
        const float x = old[n * sources + s];
        for (std::size_t k = index(begin[s]); x != 0 && k < index(begin[s + 1]); ++k) {
          values[n * neurons + index(targets[k])] += x * weight[k];
        }
      }
    }
    return Tensor::from<float>({samples, static_cast<std::int64_t>(neurons)}, std::move(values));
  }

 private:
  Result<Tensor> run(const Op& op, const Tensor& data, const Tensor& weight) const {
    const std::array<Tensor, 2> inputs{data, weight};
    NT_TRY(const std::vector<Tensor> out, evaluate_op(op, inputs));
    return out[0].reshaped({data.shape()[0], element_count(target).value_or(0)});
  }
};

/// How a neuron answers a constant current, as its mean payload per step.
class Response {
 public:
  Response(const Population& population, std::uint32_t steps)
      : population_(population), firing_(firing_of(population.neuron)), steps_(steps) {}

  double operator()(std::int64_t neuron, double current) const {
    if (firing_ == nullptr) return current;  // inputs, relays and readouts hand on what comes
    const double theta = parameter_at(firing_->threshold, population_.shape, neuron, 1);
    const double initial = parameter_at(firing_->initial_membrane, population_.shape, neuron, 0);
    const bool plain = std::holds_alternative<If>(population_.neuron) &&
                       firing_->reset == Reset::kSubtract &&
                       firing_->comparison == Comparison::kAtLeast;
    return plain ? counted(theta, initial, current) : simulated(neuron, theta, initial, current);
  }

 private:
  /// T1 of the theory of rates: the count is a floor, clipped.
  double counted(double theta, double initial, double current) const {
    const Emission& emission = firing_->emission;
    const double steps = steps_;
    const double least = std::max(emission.min_per_step * steps,
                                  emission.min_per_step < 0 ? double(emission.min_total) : 0.0);
    const double most = std::min(emission.max_per_step * steps, double(emission.max_total));
    return std::clamp(std::floor((current * steps + initial) / theta), least, most) / steps;
  }

  double simulated(std::int64_t neuron, double theta, double initial, double current) const {
    const Emission& emission = firing_->emission;
    const Shape& shape = population_.shape;
    const auto* lif = std::get_if<Lif>(&population_.neuron);
    const auto* cuba = std::get_if<CubaLif>(&population_.neuron);
    const double decay = lif    ? parameter_at(lif->decay, shape, neuron, 1)
                         : cuba ? parameter_at(cuba->decay, shape, neuron, 1)
                                : 1;
    const double slow = cuba ? parameter_at(cuba->current_decay, shape, neuron, 0) : 0;
    const double value = parameter_at(firing_->reset_value, shape, neuron, 0);
    double v = initial, i = 0, sent = 0;
    for (std::uint32_t t = 0; t < steps_; ++t) {
      i = slow * i + current;
      v = decay * v + i;
      double k = 0;
      const bool above = firing_->comparison == Comparison::kAbove;
      if (above ? v > theta : v >= theta) {
        k = std::min({above ? std::ceil(v / theta) - 1 : std::floor(v / theta),
                      double(emission.max_per_step), double(emission.max_total) - sent});
      } else if (v < 0 && emission.min_per_step < 0) {
        k = -std::min({std::ceil(-v / theta), -double(emission.min_per_step),
                       sent - double(emission.min_total)});
      }
      if (k == 0) continue;
      v = firing_->reset == Reset::kSubtract ? v - k * theta : value;
      sent += k;
    }
    return sent / steps_;
  }

  const Population& population_;
  const Firing* firing_;
  std::uint32_t steps_;
};

/// Samples as the payloads of an input: as they are, or the mean over the steps that they bring.
Result<Tensor> input_payload(const Tensor& batch, const Population& input,
                             const SampleSource& source) {
  const std::int64_t samples = batch.shape()[0], size = input.size();
  const std::int64_t each = batch.size() / samples;
  if (each == size) return batch.reshaped({samples, size});
  if (each % size != 0 || std::get<Input>(input.neuron).held) {
    return error("quantize.calibration-shape", {},
                 fmt::format("samples of '{}' are {}, the input '{}' takes {}", source.name(),
                             to_string(source.sample_shape()), input.name, to_string(input.shape)),
                 "give calibration data of the shape that the network was trained on");
  }
  const std::int64_t steps = each / size;
  const auto old = batch.as<float>();
  std::vector<float> mean(index(samples * size), 0.0f);
  for (std::size_t i = 0; i < old.size(); ++i) {
    const std::size_t sample = i / index(each);
    mean[sample * index(size) + i % index(size)] += old[i] / static_cast<float>(steps);
  }
  return Tensor::from<float>({samples, size}, std::move(mean));
}

std::vector<double> channel_means(const std::vector<Tensor>& batches, std::size_t channels) {
  std::vector<double> mean(channels, 0);
  std::size_t count = 0;
  for (const Tensor& batch : batches) {
    const auto values = batch.as<float>();
    const std::size_t neurons = index(batch.shape()[1]), inner = neurons / channels;
    for (std::size_t i = 0; i < values.size(); ++i) {
      mean[i % neurons / inner] += double{values[i]};
    }
    count += index(batch.shape()[0]) * inner;
  }
  for (double& m : mean) m /= static_cast<double>(std::max<std::size_t>(count, 1));
  return mean;
}

}  // namespace

std::string MeanRates::unknown_part(const SpikeGraph& graph, PopulationId id) {
  const Population& population = graph[id];
  const Firing* const firing = firing_of(population.neuron);
  if (firing != nullptr && firing->window != Window{}) return "a window";
  if (firing != nullptr && firing->radix_bits > 0) return "a threshold that changes with the step";
  if (population.bias_timing != BiasTiming::kEveryStep) return "a bias that is added once";
  const std::vector<PopulationId> order = graph.step_order();
  const auto place = [&](PopulationId p) { return std::ranges::find(order, p); };
  for (const ProjectionId p : graph.incoming(id)) {
    if (place(graph[p].source) >= place(id)) return "a connection back";
    const auto* pool = std::get_if<MaxPool2d>(&graph[p].connectivity);
    if (pool != nullptr &&
        (pool->base != 1 || pool->begin != 0 || pool->end != MaxPool2d::kForever)) {
      return "a maximum in a window of steps";
    }
  }
  return {};
}

Result<MeanRates> MeanRates::start(const SpikeGraph& graph, const SampleSource& source,
                                   std::int64_t samples) {
  MeanRates rates;
  rates.was_.graph = rates.now_.graph = graph;
  std::int64_t largest = 1;
  std::vector<PopulationId> inputs;
  for (const PopulationId id : graph.live_populations()) {
    largest = std::max(largest, graph[id].size());
    if (std::holds_alternative<Input>(graph[id].neuron)) inputs.push_back(id);
  }
  if (inputs.size() != 1) {
    return error("quantize.calibration-inputs", {},
                 fmt::format("the network has {} inputs, and calibration samples are for one",
                             inputs.size()),
                 "set method: nearest and bias_correction: false");
  }
  const std::int64_t fit = std::max<std::int64_t>(1, kMostBytes / (largest * 4 * kAlive));
  rates.samples_ = std::min({samples, source.size(), fit});
  for (Stream* stream : {&rates.was_, &rates.now_}) {
    stream->payload.resize(graph.populations.size());
    stream->current.resize(graph.populations.size());
  }
  for (std::int64_t first = 0; first < rates.samples_; first += kBatch) {
    NT_TRY(const Tensor batch, source.batch(first, std::min(kBatch, rates.samples_ - first)));
    NT_TRY(const Tensor payload, input_payload(batch, graph[inputs[0]], source));
    rates.was_.payload[inputs[0].index].push_back(payload);
    for (Stream* stream : {&rates.was_, &rates.now_}) {
      stream->batch_sizes.push_back(payload.shape()[0]);
    }
  }
  rates.now_.payload[inputs[0].index] = rates.was_.payload[inputs[0].index];
  rates.readers_.resize(graph.populations.size(), 0);
  for (const ProjectionId p : graph.live_projections()) ++rates.readers_[graph[p].source.index];
  return rates;
}

std::vector<compress::SquareMatrix> MeanRates::moments(ProjectionId id) const {
  const Projection& projection = now_.graph[id];
  const Population& source = now_.graph[projection.source];
  const Batches& payload = now_.payload[projection.source.index];
  if (const auto* conv = std::get_if<Conv2d>(&projection.connectivity)) {
    Batches images;
    for (const Tensor& batch : payload) images.push_back(with_batch(batch, source.shape));
    const auto reader = compress::PatchReader::convolution(conv_op(*conv), conv->weight.shape(),
                                                           images.at(0).shape());
    return compress::input_moments(reader, index(conv->groups), images);
  }
  return compress::input_moments(compress::PatchReader::matrix(payload.at(0).shape()), 1, payload);
}

Result<const MeanRates::Batches*> MeanRates::Stream::current_of(PopulationId id) {
  Batches& result = current[id.index];
  if (!result.empty()) return &result;
  const Population& population = graph[id];
  const auto incoming = graph.incoming(id);
  result.resize(batch_sizes.size());
  std::vector<std::optional<Error>> problems(result.size());
  parallel_for(result.size(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t b = begin; b < end; ++b) {
      std::vector<float> sum(index(batch_sizes[b] * population.size()), 0.0f);
      for (const ProjectionId p : incoming) {
        const Tensor& sent = payload[graph[p].source.index][b];
        const Delivered by{sent, graph[graph[p].source].shape, population.shape};
        auto part = std::visit(by, graph[p].connectivity);
        if (!part) {
          problems[b] = std::move(part).error();
          break;
        }
        const auto values = part->as<float>();
        for (std::size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
      }
      if (problems[b]) continue;
      const std::int64_t size = population.size();
      for (std::size_t i = 0; i < sum.size() && population.bias.defined(); ++i) {
        sum[i] += static_cast<float>(parameter_at(population.bias, population.shape,
                                                  static_cast<std::int64_t>(i) % size, 0));
      }
      result[b] = Tensor::from<float>({batch_sizes[b], size}, std::move(sum));
    }
  });
  for (std::optional<Error>& problem : problems) {
    if (problem) return *std::move(problem);
  }
  return &result;
}

Result<> MeanRates::Stream::advance(PopulationId id) {
  NT_TRY(const Batches* const arriving, current_of(id));
  const Population& population = graph[id];
  const Response response(population, std::max<std::uint32_t>(graph.steps, 1));
  Batches& sent = payload[id.index];
  sent.resize(arriving->size());
  parallel_for(sent.size(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t b = begin; b < end; ++b) {
      const auto values = (*arriving)[b].as<float>();
      std::vector<float> rate(values.size());
      const std::int64_t size = population.size();
      for (std::size_t i = 0; i < values.size(); ++i) {
        rate[i] =
            static_cast<float>(response(static_cast<std::int64_t>(i) % size, double{values[i]}));
      }
      sent[b] = Tensor::from<float>((*arriving)[b].shape(), std::move(rate));
    }
  });
  current[id.index].clear();
  return {};
}

Result<std::vector<double>> MeanRates::bias_shift(PopulationId id) {
  const std::size_t channels = index(channels_of(was_.graph[id].shape));
  NT_TRY(const Batches* const before, was_.current_of(id));
  NT_TRY(const Batches* const after, now_.current_of(id));
  std::vector<double> shift = channel_means(*before, channels);
  const std::vector<double> now = channel_means(*after, channels);
  for (std::size_t c = 0; c < channels; ++c) shift[c] -= now[c];
  now_.current[id.index].clear();  // the bias is about to change
  return shift;
}

void MeanRates::set_weight(ProjectionId id, Tensor weight) {
  Projection& projection = now_.graph[id];
  std::visit([&](auto& kind) { kind.weight = std::move(weight); }, projection.connectivity);
  now_.current[projection.target.index].clear();
}

Result<> MeanRates::advance(PopulationId id) {
  NT_TRY_VOID(was_.advance(id));
  NT_TRY_VOID(now_.advance(id));
  forget_sources(id);
  return {};
}

void MeanRates::forget_sources(PopulationId id) {
  for (const ProjectionId p : was_.graph.incoming(id)) {
    const std::uint32_t source = was_.graph[p].source.index;
    if (--readers_[source] > 0) continue;
    was_.payload[source].clear();
    now_.payload[source].clear();
  }
}

}  // namespace neurotool::integer
