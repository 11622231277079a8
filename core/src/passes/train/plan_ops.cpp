// What each operation becomes in the network that is trained.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ir/op_geometry.hpp"
#include "passes/train/plan_walk.hpp"

namespace neurotool::training {
namespace {

constexpr const char* kBatchFirst = "keep the batch as first axis of every value";
constexpr const char* kConstant = "fold constants first: add 'fold_constants' before this pass";

Planned refuse_for(const Error& error, std::string help) {
  return training::refuse(error.message, std::move(help));
}

/// k, strides, begins, ends and so on from the windows of a kernel.
std::vector<std::int64_t> numbers_of(const std::vector<KernelWindow>& windows,
                                     std::initializer_list<std::int64_t KernelWindow::*> fields) {
  std::vector<std::int64_t> ints{static_cast<std::int64_t>(windows.size())};
  for (const auto field : fields) {
    for (const KernelWindow& window : windows) ints.push_back(window.*field);
  }
  return ints;
}

}  // namespace

std::int32_t Planner::parameter(std::size_t input, ParameterRole role) {
  const ValueId id = node_->inputs.at(input);
  const auto [known, is_new] =
      parameters_.emplace(std::pair(id, role), static_cast<std::int32_t>(plan_.constants.size()));
  plan_.uses.push_back({static_cast<std::size_t>(known->second), id_, input});
  if (!is_new) return known->second;
  const auto data = graph_[id].constant.as<float>();
  plan_.network.parameters.push_back(
      {.role = role, .shape = graph_[id].constant.shape(), .data = {data.begin(), data.end()}});
  plan_.constants.push_back(id);
  return known->second;
}

Planned Planner::operator()(const Conv& op) {
  const Tensor& weight = constant(1);
  if (!weight.defined()) return refuse("has a computed weight", kConstant);
  if (weight.rank() < 3 || weight.rank() > 5) {
    return refuse(fmt::format("convolves over {} axes", weight.rank() - 2),
                  "use one to three axes");
  }
  const std::span<const std::int64_t> kernel = std::span(weight.shape()).subspan(2);
  const auto windows = windows_of(kernel, op.strides, op.dilations, op.pads);
  if (!windows) return refuse_for(windows.error(), "check the attributes of the layer");
  NetworkNode node{.kind = NodeKind::kConv, .parameters = {parameter(1)}};
  if (constant(2).defined()) node.parameters.push_back(parameter(2));
  node.ints = numbers_of(*windows, {&KernelWindow::stride, &KernelWindow::pad_begin,
                                    &KernelWindow::pad_end, &KernelWindow::dilation});
  node.ints.push_back(op.group);
  return node;
}

Planned Planner::operator()(const Gemm& op) {
  if (op.trans_a) return refuse("transposes its input", kBatchFirst);
  if (!constant(1).defined()) return refuse("multiplies two computed values", kConstant);
  NetworkNode node{.kind = NodeKind::kLinear,
                   .parameters = {parameter(1)},
                   .ints = {op.trans_b ? 1 : 0},
                   .reals = {double{op.alpha}, double{op.beta}}};
  if (constant(2).defined()) node.parameters.push_back(parameter(2));
  if (tensor_passes::input_of(*node_, 2).valid() && !constant(2).defined()) {
    return refuse("adds a computed value", "write the sum as a node of its own");
  }
  return node;
}

Planned Planner::operator()(const MatMul&) {
  if (!constant(1).defined()) return refuse("multiplies two computed values", kConstant);
  if (constant(1).rank() != 2) {
    return refuse(fmt::format("multiplies by a constant of rank {}", constant(1).rank()),
                  "use a matrix of rank 2");
  }
  return NetworkNode{
      .kind = NodeKind::kLinear, .parameters = {parameter(1)}, .ints = {0}, .reals = {1, 1}};
}

Planned Planner::operator()(const BatchNorm& op) {
  for (std::size_t i = 1; i < 5; ++i) {
    if (!constant(i).defined()) return refuse("has computed statistics", kConstant);
  }
  return NetworkNode{
      .kind = NodeKind::kBatchNorm,
      .parameters = {parameter(1), parameter(2), parameter(3, ParameterRole::kStatistic),
                     parameter(4, ParameterRole::kStatistic)},
      .reals = {double{op.epsilon}}};
}

Planned Planner::rectifier(std::optional<double> cap) {
  const Shape shape = in_shape();
  if (shape.size() < 2) return refuse("has no channel axis", kBatchFirst);
  const std::int64_t channels = shape[1];
  const std::string& name = node_->origins.empty() ? node_->name : node_->origins.front();
  TrainedSite site{.op = id_, .parameter = plan_.constants.size()};
  site.site.value = node_->inputs[0];
  site.site.population = site.site.node = name;
  site.site.channels = channels;
  site.site.cap = cap;
  plan_.constants.push_back(ValueId{});
  plan_.network.parameters.push_back(
      {.role = ParameterRole::kThreshold,
       .shape = {channels},
       .data = std::vector<float>(static_cast<std::size_t>(channels), 1.0f)});
  plan_.sites.push_back(std::move(site));
  return NetworkNode{.kind = NodeKind::kActivation,
                     .parameters = {static_cast<std::int32_t>(plan_.sites.back().parameter)}};
}

Planned Planner::operator()(const Unary& op) {
  if (op.kind == UnaryKind::kRelu) return rectifier(std::nullopt);
  return refuse(fmt::format("is a '{}', which is not trained", op_name(node_->op)),
                "only rectifiers become neurons here");
}

Planned Planner::operator()(const Clip&) {
  const Tensor &low = constant(1), &high = constant(2);
  const bool bounded = tensor_passes::input_of(*node_, 2).valid();
  if (!low.defined() || low.at(0) != 0 || (bounded && !(high.defined() && high.at(0) > 0))) {
    return refuse("clips to other bounds than 0 and a number above it",
                  "only rectifiers become neurons here");
  }
  return rectifier(bounded ? std::optional(high.at(0)) : std::nullopt);
}

Planned Planner::operator()(const QuantizedActivation& op) {
  const Tensor& scale = constant(1);
  if (!scale.defined()) return refuse("has a computed scale", kConstant);
  if (op.low != 0 || op.offset != 0.5f) {
    return refuse(fmt::format("counts from {} with an offset of {}", op.low, double{op.offset}),
                  "only activations that count from 0 and round to nearest become neurons here");
  }
  Planned node = rectifier(std::nullopt);
  if (!node) return node;
  TrainedSite& site = plan_.sites.back();
  for (std::int64_t c = 0; c < site.site.channels; ++c) {
    const double step = scale.at(scale.size() == 1 ? 0 : c);
    site.given.push_back(static_cast<float>(step * static_cast<double>(op.high)));
  }
  return node;
}

Planned Planner::with_constant(NodeKind kind, std::size_t dynamic) {
  if (out_shape() != shape_of(node_->inputs.at(dynamic))) {
    return refuse("makes its input larger by broadcasting a constant",
                  "give the constant extents of 1 there");
  }
  return NetworkNode{.kind = kind, .parameters = {parameter(1 - dynamic)}};
}

Planned Planner::operator()(const Binary& op) {
  const bool left = constant(0).defined(), right = constant(1).defined();
  const std::size_t dynamic = left ? 1 : 0;
  if (op.kind == BinaryKind::kAdd && !left && !right) {
    if (shape_of(node_->inputs[0]) == shape_of(node_->inputs[1])) {
      return NetworkNode{.kind = NodeKind::kAdd};
    }
    return refuse("adds values of different shapes", "give both operands one shape in the network");
  }
  if (op.kind == BinaryKind::kAdd) return with_constant(NodeKind::kAddParameter, dynamic);
  if (op.kind == BinaryKind::kMul && left != right) {
    return with_constant(NodeKind::kScaleParameter, dynamic);
  }
  return refuse(fmt::format("is a '{}' of {}", op_name(node_->op),
                            left || right ? "a value and a constant" : "two values"),
                "training knows sums, and products with a constant");
}

template <class Pool>
Planned Planner::pool(const Pool& op, NodeKind kind) {
  const auto windows = windows_of(op.kernel, op.strides, op.dilations, op.pads);
  if (!windows) return refuse_for(windows.error(), "check the attributes of the layer");
  if (windows->empty() || windows->size() > 3) {
    return refuse(fmt::format("pools over {} axes", windows->size()), "use one to three axes");
  }
  Pool floor = op;
  floor.ceil_mode = false;
  const TensorType* const inputs[] = {&types_[node_->inputs[0]]};
  const auto whole = infer_type(floor, inputs);
  if (op.ceil_mode && whole && whole->shape != types_[node_->outputs[0]].shape) {
    return refuse("has windows that hang over the end (ceil_mode = 1)",
                  "choose a stride that divides the extent");
  }
  return NetworkNode{
      .kind = kind,
      .ints = numbers_of(*windows, {&KernelWindow::kernel, &KernelWindow::stride,
                                    &KernelWindow::pad_begin, &KernelWindow::pad_end})};
}

Planned Planner::operator()(const AveragePool& op) {
  Planned node = pool(op, NodeKind::kAveragePool);
  if (!node) return node;
  if (std::ranges::any_of(op.dilations, [](std::int64_t d) { return d != 1; })) {
    return refuse("has dilated windows", "use windows without dilation");
  }
  const auto middle = op.pads.begin() + static_cast<std::ptrdiff_t>(op.pads.size() / 2);
  const bool even = std::equal(op.pads.begin(), middle, middle, op.pads.end());
  if (!even && !op.count_include_pad) {
    return refuse("pads its two ends differently without counting the pads",
                  "pool without padding, or with count_include_pad = 1");
  }
  node->ints.push_back(op.count_include_pad ? 1 : 0);
  return node;
}

Planned Planner::operator()(const MaxPool& op) {
  if (op.result != PoolResult::kValue) return refuse("gives places instead of values", "");
  Planned node = pool(op, NodeKind::kMaxPool);
  if (!node) return node;
  for (std::int64_t i = 0; i < node->ints[0]; ++i) {
    const auto axis = static_cast<std::size_t>(i);
    node->ints.push_back(op.dilations.empty() ? 1 : op.dilations[axis]);
  }
  return node;
}

Planned Planner::operator()(const GlobalAveragePool&) {
  NetworkNode node{.kind = NodeKind::kMean, .ints = {1}};
  for (std::size_t i = 2; i < in_shape().size(); ++i) {
    node.ints.push_back(static_cast<std::int64_t>(i));
  }
  return node;
}

Planned Planner::operator()(const Reduce& op) {
  if (op.kind != ReduceKind::kMean || !constant(1).defined()) {
    return refuse("reduces by another rule than a mean over constant axes",
                  "take the mean over the spatial axes");
  }
  const auto given = integers_of(constant(1), "axes");
  if (!given) return refuse_for(given.error(), "");
  const auto axes = normal_axes(*given, in_shape().size(), "axis");
  if (!axes) return refuse_for(axes.error(), "");
  NetworkNode node{.kind = NodeKind::kMean, .ints = {op.keep_dims ? 1 : 0}};
  for (const std::size_t axis : *axes) {
    if (axis == 0) return refuse("takes a mean over the batch", kBatchFirst);
    node.ints.push_back(static_cast<std::int64_t>(axis));
  }
  return node;
}

Planned Planner::operator()(const Concat& op) {
  for (std::size_t i = 0; i < node_->inputs.size(); ++i) {
    if (constant(i).defined()) {
      return refuse("joins a constant to an activation",
                    "add the constant as the bias of a layer instead");
    }
  }
  const auto axis = normal_axis(op.axis, in_shape().size(), "axis");
  if (!axis) return refuse_for(axis.error(), "");
  if (*axis == 0) return refuse("joins along the batch", kBatchFirst);
  return NetworkNode{.kind = NodeKind::kConcat, .ints = {static_cast<std::int64_t>(*axis)}};
}

Planned Planner::operator()(const Transpose& op) {
  std::vector<std::int64_t> perm = op.perm;
  for (std::size_t i = in_shape().size(); perm.size() < in_shape().size();) {
    perm.push_back(static_cast<std::int64_t>(--i));
  }
  if (perm.empty() || perm[0] != 0) return refuse("moves the batch axis", kBatchFirst);
  return NetworkNode{.kind = NodeKind::kTranspose, .ints = std::move(perm)};
}

Planned Planner::operator()(const Pad& op) {
  if (op.mode != PadMode::kConstant || !constant(1).defined()) {
    return refuse("pads by another rule than with a constant", "pad with zeros");
  }
  const auto pads = integers_of(constant(1), "pads");
  if (!pads) return refuse_for(pads.error(), "");
  const auto axes = constant(3).defined()
                        ? integers_of(constant(3), "axes")
                        : Result<std::vector<std::int64_t>>{std::vector<std::int64_t>{}};
  if (!axes) return refuse_for(axes.error(), "");
  const auto amounts = pad_amounts(in_shape().size(), *pads, *axes);
  if (!amounts) return refuse_for(amounts.error(), "");
  if (amounts->empty() || amounts->front().begin != 0 || amounts->front().end != 0) {
    return refuse("pads the batch", kBatchFirst);
  }
  NetworkNode node{.kind = NodeKind::kPad};
  for (const PadAmount& amount : *amounts) node.ints.push_back(amount.begin);
  for (const PadAmount& amount : *amounts) node.ints.push_back(amount.end);
  node.reals = {constant(2).defined() ? constant(2).at(0) : 0.0};
  return node;
}

Planned Planner::operator()(const Slice&) {
  std::vector<std::vector<std::int64_t>> lists;
  for (std::size_t i = 1; i < 5; ++i) {
    const bool given = tensor_passes::input_of(*node_, i).valid();
    if (given && !constant(i).defined()) return refuse("slices by computed places", kConstant);
    if (!given && i < 3) return refuse("has no places", "");
    auto list = given ? integers_of(constant(i), "places")
                      : Result<std::vector<std::int64_t>>{std::vector<std::int64_t>{}};
    if (!list) return refuse_for(list.error(), "");
    lists.push_back(*std::move(list));
  }
  const auto ranges = slice_ranges(in_shape(), lists[0], lists[1], lists[2], lists[3]);
  if (!ranges) return refuse_for(ranges.error(), "");
  NetworkNode node{.kind = NodeKind::kSlice};
  for (std::size_t axis = 0; axis < ranges->size(); ++axis) {
    const SliceRange& range = (*ranges)[axis];
    if (range.whole) continue;
    if (axis == 0) return refuse("slices the batch", kBatchFirst);
    if (range.step < 0) return refuse("slices backwards", "slice with a positive step");
    const std::int64_t end = range.start + (range.count - 1) * range.step + 1;
    for (const std::int64_t number :
         {static_cast<std::int64_t>(axis), range.start, end, range.step}) {
      node.ints.push_back(number);
    }
  }
  return node;
}

Planned Planner::reshaped() {
  const Shape in = in_shape(), out = out_shape();
  const Shape sample(out.empty() ? out.begin() : out.begin() + 1, out.end());
  const bool keeps_batch = !in.empty() && !out.empty() && in[0] == out[0] && element_count(sample);
  if (!keeps_batch) return refuse("moves elements between the samples of a batch", kBatchFirst);
  return NetworkNode{.kind = NodeKind::kReshape, .ints = sample};
}

Planned Planner::operator()(const Softmax& op) {
  // The loss has a softmax of its own.
  const bool last = graph_.is_output(node_->outputs[0]) && graph_.users(node_->outputs[0]).empty();
  const Shape shape = in_shape();
  if (last && shape.size() == 2 && (op.axis == 1 || op.axis == -1) &&
      op.kind != SoftmaxKind::kHardmax) {
    return reshaped();
  }
  return refuse("divides by a sum over neurons",
                "only a softmax over all classes at the very end of the network is left out");
}

}  // namespace neurotool::training
