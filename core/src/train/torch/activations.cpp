// The loops behind the two activation functions.
#include "train/torch/activations.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace neurotool::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// [samples, channels, places] of a value, where one threshold may stand for all channels.
struct Layout {
  Layout(const at::Tensor& value, const at::Tensor& threshold)
      : channels(threshold.numel()), rows(value.size(0) * channels), places(value.numel() / rows) {}
  std::int64_t channels, rows, places;
};

/// body(row, first element, channel) for each sample and channel.
template <class Body>
void for_rows(const Layout& layout, const Body& body) {
  constexpr std::int64_t kWorthATask = 1 << 14;
  const std::int64_t grain = std::max<std::int64_t>(1, kWorthATask / layout.places);
  at::parallel_for(0, layout.rows, grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      body(row, row * layout.places, row % layout.channels);
    }
  });
}

/// The rows' sums added up by channel, sample after sample.
at::Tensor sum_by_channel(const Layout& layout, const std::vector<double>& rows,
                          const at::Tensor& like) {
  std::vector<double> sums(static_cast<std::size_t>(layout.channels), 0);
  for (std::size_t row = 0; row < rows.size(); ++row) sums[row % sums.size()] += rows[row];
  at::Tensor result = at::empty_like(like);
  std::transform(sums.begin(), sums.end(), result.data_ptr<float>(),
                 [](double sum) { return static_cast<float>(sum); });
  return result;
}

}  // namespace

at::Tensor FloorShift::forward(AutogradContext* context, const at::Tensor& z,
                               const at::Tensor& lambda, std::int64_t levels) {
  const at::Tensor in = z.contiguous();
  context->save_for_backward({in, lambda});
  context->saved_data["levels"] = levels;
  at::Tensor out = at::empty_like(in);
  const float* source = in.data_ptr<float>();
  const float* thresholds = lambda.data_ptr<float>();
  float* target = out.data_ptr<float>();
  const auto most = static_cast<float>(levels);
  const Layout layout(in, lambda);
  for_rows(layout, [&](std::int64_t, std::int64_t begin, std::int64_t channel) {
    const float scale = thresholds[channel] / most;
    for (std::int64_t i = begin; i < begin + layout.places; ++i) {
      const float level = std::floor(source[i] / scale + 0.5f);
      target[i] = scale * std::min(std::max(level, 0.0f), most);
    }
  });
  return out;
}

variable_list FloorShift::backward(AutogradContext* context, variable_list gradients) {
  const auto saved = context->get_saved_variables();
  const at::Tensor& z = saved[0];
  const at::Tensor& lambda = saved[1];
  const auto most = static_cast<float>(context->saved_data["levels"].toInt());
  const at::Tensor given = gradients[0].contiguous();
  at::Tensor by_z = at::empty_like(z);
  const float* source = z.data_ptr<float>();
  const float* thresholds = lambda.data_ptr<float>();
  const float* from = given.data_ptr<float>();
  float* target = by_z.data_ptr<float>();
  const Layout layout(z, lambda);
  std::vector<double> sums(static_cast<std::size_t>(layout.rows), 0);
  for_rows(layout, [&](std::int64_t row, std::int64_t begin, std::int64_t channel) {
    const float threshold = thresholds[channel], scale = threshold / most;
    double sum = 0;
    for (std::int64_t i = begin; i < begin + layout.places; ++i) {
      const float value = source[i];
      const bool inside = value > 0 && value < threshold;
      const float share = std::floor(value / scale + 0.5f) / most - value / threshold;
      target[i] = inside ? from[i] : 0.0f;
      const float slope = inside ? share : value >= threshold ? 1.0f : 0.0f;
      sum += static_cast<double>(from[i] * slope);
    }
    sums[static_cast<std::size_t>(row)] = sum;
  });
  return {by_z, sum_by_channel(layout, sums, lambda), at::Tensor()};
}

variable_list FireStep::forward(AutogradContext* context, const at::Tensor& membrane,
                                const at::Tensor& current, const at::Tensor& theta, double width) {
  const at::Tensor before = membrane.contiguous(), added = current.contiguous();
  at::Tensor potential = at::empty_like(added);
  at::Tensor payload = at::empty_like(added), after = at::empty_like(added);
  const float* old = before.data_ptr<float>();
  const float* in = added.data_ptr<float>();
  const float* thresholds = theta.data_ptr<float>();
  float* v = potential.data_ptr<float>();
  float* sent = payload.data_ptr<float>();
  float* left = after.data_ptr<float>();
  const Layout layout(added, theta);
  for_rows(layout, [&](std::int64_t, std::int64_t begin, std::int64_t channel) {
    const float threshold = thresholds[channel];
    for (std::int64_t i = begin; i < begin + layout.places; ++i) {
      v[i] = old[i] + in[i];
      sent[i] = v[i] >= threshold ? threshold : 0.0f;
      left[i] = v[i] - sent[i];
    }
  });
  context->save_for_backward({potential, theta});
  context->saved_data["width"] = width;
  return {payload, after};
}

variable_list FireStep::backward(AutogradContext* context, variable_list gradients) {
  const auto saved = context->get_saved_variables();
  const at::Tensor& potential = saved[0];
  const at::Tensor& theta = saved[1];
  const double width = context->saved_data["width"].toDouble();
  const auto or_zero = [&](const at::Tensor& gradient) {
    return gradient.defined() ? gradient.contiguous() : at::zeros_like(potential);
  };
  const at::Tensor of_payload = or_zero(gradients[0]), of_rest = or_zero(gradients[1]);
  at::Tensor by_potential = at::empty_like(potential);
  const float* v = potential.data_ptr<float>();
  const float* thresholds = theta.data_ptr<float>();
  const float* g = of_payload.data_ptr<float>();
  const float* rest = of_rest.data_ptr<float>();
  float* target = by_potential.data_ptr<float>();
  const auto height = static_cast<float>(width / 2);
  const auto steepness = static_cast<float>(std::numbers::pi / 2 * width);
  const Layout layout(potential, theta);
  std::vector<double> sums(static_cast<std::size_t>(layout.rows), 0);
  for_rows(layout, [&](std::int64_t row, std::int64_t begin, std::int64_t channel) {
    const float threshold = thresholds[channel];
    double sum = 0;
    for (std::int64_t i = begin; i < begin + layout.places; ++i) {
      const float ratio = v[i] / threshold;
      const float bend = steepness * (ratio - 1);
      const float slope = height / (1 + bend * bend);
      target[i] = g[i] * slope + rest[i];
      const float spike = v[i] >= threshold ? 1.0f : 0.0f;
      sum += static_cast<double>(g[i] * (spike - slope * ratio));
    }
    sums[static_cast<std::size_t>(row)] = sum;
  });
  return {by_potential, by_potential, sum_by_channel(layout, sums, theta), at::Tensor()};
}

}  // namespace neurotool::train
