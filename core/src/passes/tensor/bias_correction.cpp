// Measures means by running the network, once for each place and in their order: a constant changes
// the means behind it, so that correcting all places at once would overshoot in a deep network.
#include "passes/tensor/bias_correction.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "passes/tensor/pass_tools.hpp"
#include "passes/tensor/watch.hpp"

namespace neurotool::tensor_passes {
namespace {

constexpr std::int64_t kMostSamples = 128;  // for each place the network runs once on all of them

/// Means of the channels (axis 1) of each watched value.
Result<std::vector<std::vector<double>>> channel_means(const TensorGraph& graph,
                                                       const std::vector<ValueId>& watched,
                                                       std::int64_t samples, Context& context) {
  std::vector<std::vector<double>> sums(watched.size());
  std::vector<std::int64_t> counts(watched.size(), 0);
  const auto add = [&](std::size_t i, const Tensor& values) {
    const auto channels = static_cast<std::size_t>(values.shape().at(1));
    const auto data = values.as<float>();
    const std::size_t inner = data.size() / channels / static_cast<std::size_t>(values.shape()[0]);
    sums[i].resize(channels, 0);
    for (std::size_t k = 0; k < data.size(); ++k) sums[i][k / inner % channels] += double{data[k]};
    counts[i] += values.shape()[0] * static_cast<std::int64_t>(inner);
  };
  NT_TRY_VOID(watch(graph, watched, samples, "correcting biases", context, add));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    for (double& sum : sums[i]) sum /= static_cast<double>(std::max<std::int64_t>(counts[i], 1));
  }
  return sums;
}

/// What the network's answer is read from: the value in front of a softmax that ends it, with the
/// softmax; otherwise the output itself. Shares of classes have no mean to keep.
std::pair<ValueId, OpId> answer(const TensorGraph& graph, ValueId output) {
  std::pair<ValueId, OpId> found{output, OpId{}};
  for (ValueId value = output; graph[value].producer.valid();) {
    const OpId id = graph[value].producer;
    const Op& op = graph[id].op;
    const bool shares = std::holds_alternative<Softmax>(op);
    const bool renames =
        std::holds_alternative<Flatten>(op) || std::holds_alternative<Reshape>(op) ||
        std::holds_alternative<Squeeze>(op) || std::holds_alternative<Identity>(op);
    if (!shares && !renames) break;
    value = graph[id].inputs.at(0);
    if (shares) found = {value, id};
  }
  return found;
}

Tensor constant_of_channels(const std::vector<double>& values, std::size_t rank) {
  Shape shape(rank - 1, 1);
  shape[0] = static_cast<std::int64_t>(values.size());
  std::vector<float> stored(values.begin(), values.end());
  return Tensor::from<float>(std::move(shape), std::move(stored));
}

}  // namespace

Result<BiasCorrection> BiasCorrection::measure(const TensorGraph& graph,
                                               const std::vector<OpId>& activations,
                                               std::int64_t samples, Context& context) {
  BiasCorrection result;
  result.samples_ = std::min({samples, context.calibration->size(), kMostSamples});
  const ValueTypes types = types_of(graph);
  const auto add = [&](Place place) {
    const TensorType& type = types[place.value];
    const bool has_channels = type.shape && type.shape->size() >= 2 && (*type.shape)[1] > 0;
    if (!has_channels || type.dtype != DType::kFloat32) return;
    place.rank = type.shape->size();
    result.places_.push_back(std::move(place));
  };
  for (const OpId id : activations) {
    Place place;
    place.reader = id;
    place.value = graph[id].inputs[0];
    add(std::move(place));
  }
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    Place place;
    place.output = i;
    std::tie(place.value, place.reader) = answer(graph, graph.outputs[i]);
    if (graph[place.value].producer.valid()) add(std::move(place));
  }
  std::vector<ValueId> watched;
  for (const Place& place : result.places_) watched.push_back(place.value);
  NT_TRY(const auto means, channel_means(graph, watched, result.samples_, context));
  for (std::size_t i = 0; i < means.size(); ++i) result.places_[i].mean = means[i];
  return result;
}

Result<> BiasCorrection::apply(TensorGraph& graph, Context& context) const {
  std::vector<ValueId> corrected, constants;
  std::vector<std::vector<double>> shift;
  for (const Place& place : places_) {
    shift.emplace_back(place.mean.size(), 0.0);
    const std::string name = graph[place.value].name + "/correction";
    constants.push_back(
        graph.add_constant(name + "/shift", constant_of_channels(shift.back(), place.rank)));
    const ValueId sum =
        graph.add_op(name, Binary{BinaryKind::kAdd}, {place.value, constants.back()});
    graph[sum].shape = graph[place.value].shape;
    if (place.reader.valid()) {
      graph[place.reader].inputs[0] = sum;
    } else {
      graph.outputs[place.output] = sum;
      std::swap(graph[sum].name, graph[place.value].name);
    }
    corrected.push_back(sum);
  }
  for (std::size_t i = 0; i < places_.size(); ++i) {
    NT_TRY(const auto means, channel_means(graph, {corrected[i]}, samples_, context));
    for (std::size_t c = 0; c < shift[i].size(); ++c) {
      shift[i][c] = places_[i].mean[c] - means[0][c];
    }
    graph[constants[i]].constant = constant_of_channels(shift[i], places_[i].rank);
  }
  return {};
}

}  // namespace neurotool::tensor_passes
