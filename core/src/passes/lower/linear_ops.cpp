// Convolutions, matrices and pools on the payloads of a population.
#include "passes/lower/linear_ops.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace neurotool::lower {
namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

LinearForm empty_form(Shape shape) {
  LinearForm form;
  form.shape = std::move(shape);
  form.neurons = population_shape(form.shape);
  return form;
}

/// What one unit of payload of each channel of a plain source is worth.
std::vector<double> channel_values(const SpikeGraph& graph, const LinearForm& input) {
  std::vector<double> values = channel_factors(input);
  const Population& source = graph[input.terms[0].source];
  const std::int64_t inner = source.size() / static_cast<std::int64_t>(values.size());
  for (std::size_t c = 0; c < values.size(); ++c) {
    values[c] *= unit_value(source, static_cast<std::int64_t>(c) * inner);
  }
  return values;
}

/// weight[m, c, …] times the value of the channel that it reads.
Tensor fold_values(const Tensor& weight, std::span<const double> values, std::int64_t groups) {
  const Shape& shape = weight.shape();
  const auto old = weight.as<float>();
  const std::int64_t outputs = shape[0], channels = shape[1];
  const std::int64_t kernel = weight.size() / std::max<std::int64_t>(1, outputs * channels);
  std::vector<float> folded(old.size());
  for (std::int64_t i = 0; i < weight.size(); ++i) {
    const std::int64_t group = i / (channels * kernel) / (outputs / groups);
    const std::int64_t channel = group * channels + i / kernel % channels;
    folded[index(i)] = static_cast<float>(double{old[index(i)]} * values[index(channel)]);
  }
  return Tensor::from<float>(shape, std::move(folded));
}

std::vector<double> per_element(const Tensor& per_channel, std::int64_t size) {
  std::vector<double> values(index(size));
  const std::int64_t inner = size / per_channel.size();
  for (std::int64_t e = 0; e < size; ++e) values[index(e)] = per_channel.at(e / inner);
  return values;
}

template <class Pool>
Pool windows(const PoolGeometry& geometry) {
  Pool pool;
  pool.kernel = geometry.kernel;
  pool.stride = geometry.stride;
  pool.padding = geometry.padding;
  return pool;
}

double at(const Matrix& matrix, std::int64_t target, std::int64_t element) {
  const Shape& shape = matrix.weight.shape();
  const std::int64_t place =
      matrix.targets_first ? target * shape[1] + element : element * shape[1] + target;
  return matrix.alpha * double{matrix.weight.as<float>()[index(place)]};
}

}  // namespace

std::array<std::int64_t, 4> padding_of(std::span<const std::int64_t> pads) {
  if (pads.empty()) return {0, 0, 0, 0};
  if (pads.size() == 2) return {0, pads[0], 0, pads[1]};
  return {pads[0], pads[1], pads[2], pads[3]};
}

std::array<std::int64_t, 2> pair_of(std::span<const std::int64_t> extents) {
  if (extents.empty()) return {1, 1};
  if (extents.size() == 1) return {1, extents[0]};
  return {extents[0], extents[1]};
}

LinearForm convolve(const SpikeGraph& graph, const LinearForm& input, const Conv& op,
                    const Tensor& weight, const Tensor& bias, Shape output) {
  LinearForm form = empty_form(std::move(output));
  Conv2d conv;
  conv.stride = pair_of(op.strides);
  conv.padding = padding_of(op.pads);
  conv.dilation = pair_of(op.dilations);
  conv.groups = op.group;
  conv.weight = fold_values(weight, channel_values(graph, input), op.group);
  if (weight.rank() == 3) {
    conv.weight =
        conv.weight.reshaped({weight.shape()[0], weight.shape()[1], 1, weight.shape()[2]});
  }
  form.terms.push_back({input.terms[0].source, Weighted{std::move(conv)}, {}});
  if (bias.defined()) add_bias(form, per_element(bias, form.size()));
  return form;
}

bool fits_matrix(const LinearForm& form, const SpikeGraph& graph) {
  return is_plain(form) && std::ranges::all_of(form.terms, [&](const Term& term) {
           std::vector<bool> read(index(graph[term.source].size()), false);
           for (const std::int64_t neuron : std::get<View>(term.part).neuron) {
             if (neuron != View::kZero) read[index(neuron)] = true;
           }
           return std::ranges::all_of(read, std::identity{});
         });
}

LinearForm multiply(const SpikeGraph& graph, const LinearForm& input, const Matrix& matrix,
                    Shape output) {
  LinearForm form = empty_form(std::move(output));
  const std::int64_t targets = form.size();
  for (const Term& term : input.terms) {
    const View& view = std::get<View>(term.part);
    const Population& source = graph[term.source];
    std::vector<double> folded(index(targets * source.size()), 0.0);
    for (std::int64_t e = 0; e < input.size(); ++e) {
      const std::int64_t neuron = view.neuron[index(e)];
      if (neuron == View::kZero) continue;
      const double value = view.factor[index(e)] * unit_value(source, neuron);
      for (std::int64_t t = 0; t < targets; ++t) {
        folded[index(t * source.size() + neuron)] += at(matrix, t, e) * value;
      }
    }
    std::vector<float> weight(folded.begin(), folded.end());
    Dense dense{Tensor::from<float>({targets, source.size()}, std::move(weight))};
    form.terms.push_back({term.source, Weighted{std::move(dense)}, {}});
  }
  return form;
}

LinearForm average(const LinearForm& input, const PoolGeometry& geometry, Shape output) {
  LinearForm form = empty_form(std::move(output));
  Pooled pooled{windows<SumPool2d>(geometry), channel_factors(input)};
  const auto divisor = static_cast<double>(geometry.kernel[0] * geometry.kernel[1]);
  for (double& factor : pooled.factor) factor /= divisor;
  form.terms.push_back({input.terms[0].source, std::move(pooled), {}});
  return form;
}

LinearForm maximum(const LinearForm& input, const PoolGeometry& geometry, Shape output) {
  LinearForm form = empty_form(std::move(output));
  Pooled pooled{windows<MaxPool2d>(geometry), channel_factors(input)};
  form.terms.push_back({input.terms[0].source, std::move(pooled), {}});
  return form;
}

bool values_rise_with_payloads(const SpikeGraph& graph, const LinearForm& input) {
  return std::ranges::none_of(channel_values(graph, input), [](double v) { return v < 0; });
}

}  // namespace neurotool::lower
