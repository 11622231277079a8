// One function for each kind of node. A spiking network is run step by step; what depends on the
// held input alone is computed once, and membranes persist from step to step.
#include "train/torch/network.hpp"

#include <ATen/Functions.h>

#include <limits>
#include <stdexcept>

#include "train/torch/activations.hpp"

namespace neurotool::train {
namespace {

using Ints = std::vector<std::int64_t>;

/// Takes attributes one after the other.
class Attributes {
 public:
  explicit Attributes(const Ints& all) : all_(all) {}
  std::int64_t one() { return all_.at(next_++); }
  Ints many(std::int64_t count) {
    const auto first = all_.begin() + static_cast<std::ptrdiff_t>(next_);
    next_ += static_cast<std::size_t>(count);
    if (next_ > all_.size()) throw std::out_of_range("a node has too few attributes");
    return Ints(first, first + count);
  }
  bool done() const { return next_ == all_.size(); }

 private:
  const Ints& all_;
  std::size_t next_ = 0;
};

/// Pads the last axes; `ends` and `begins` go by axis.
at::Tensor padded(const at::Tensor& in, const Ints& begins, const Ints& ends, double value) {
  Ints pads;
  bool any = false;
  for (std::size_t i = begins.size(); i-- > 0;) {
    pads.push_back(begins[i]);
    pads.push_back(ends[i]);
    any = any || begins[i] != 0 || ends[i] != 0;
  }
  return any ? at::constant_pad_nd(in, pads, value) : in;
}

at::Tensor convolution(const at::Tensor& in, const at::Tensor& weight, const at::Tensor& bias,
                       const Ints& ints) {
  Attributes attributes(ints);
  const std::int64_t axes = attributes.one();
  const Ints strides = attributes.many(axes), begins = attributes.many(axes);
  const Ints ends = attributes.many(axes), dilations = attributes.many(axes);
  const std::int64_t group = attributes.one();
  const Ints none(begins.size(), 0);
  const bool even = begins == ends;
  return at::convolution(even ? in : padded(in, begins, ends, 0), weight, bias, strides,
                         even ? begins : none, dilations, false, none, group);
}

at::Tensor average_pool(const at::Tensor& in, const Ints& ints) {
  Attributes attributes(ints);
  const std::int64_t axes = attributes.one();
  const Ints kernel = attributes.many(axes), strides = attributes.many(axes);
  const Ints begins = attributes.many(axes), ends = attributes.many(axes);
  const bool counted = attributes.one() != 0;
  const Ints none(begins.size(), 0);
  const at::Tensor from = counted ? padded(in, begins, ends, 0) : in;
  const Ints& pads = counted ? none : begins;
  if (axes == 1) return at::avg_pool1d(from, kernel, strides, pads, false, false);
  if (axes == 2) return at::avg_pool2d(from, kernel, strides, pads, false, false);
  return at::avg_pool3d(from, kernel, strides, pads, false, false);
}

at::Tensor max_pool(const at::Tensor& in, const Ints& ints) {
  Attributes attributes(ints);
  const std::int64_t axes = attributes.one();
  const Ints kernel = attributes.many(axes), strides = attributes.many(axes);
  const Ints begins = attributes.many(axes), ends = attributes.many(axes);
  const Ints dilations = attributes.many(axes);
  const Ints none(begins.size(), 0);
  const at::Tensor from = padded(in, begins, ends, -std::numeric_limits<double>::infinity());
  if (axes == 1) return at::max_pool1d(from, kernel, strides, none, dilations);
  if (axes == 2) return at::max_pool2d(from, kernel, strides, none, dilations);
  return at::max_pool3d(from, kernel, strides, none, dilations);
}

at::Tensor sliced(at::Tensor in, const Ints& ints) {
  for (Attributes attributes(ints); !attributes.done();) {
    const Ints cut = attributes.many(4);
    in = in.slice(cut[0], cut[1], cut[2], cut[3]);
  }
  return in;
}

at::Tensor padded_everywhere(const at::Tensor& in, const Ints& ints, double value) {
  const auto middle = ints.begin() + static_cast<std::ptrdiff_t>(ints.size() / 2);
  return padded(in, Ints(ints.begin(), middle), Ints(middle, ints.end()), value);
}

}  // namespace

Network::Network(const NetworkView& view, const Recipe& recipe)
    : recipe_(recipe),
      sample_shape_(view.sample_shape, view.sample_shape + view.sample_rank),
      output_(view.output) {
  for (std::size_t i = 0; i < view.parameter_count; ++i) {
    const ParameterView& given = view.parameters[i];
    const at::IntArrayRef shape(given.shape, given.rank);
    parameters_.push_back({given.role, at::empty(shape, at::kFloat)});
    set(i, at::from_blob(const_cast<float*>(given.data), shape, at::kFloat));
    const bool fixed = given.role == ParameterRole::kStatistic ||
                       (given.role == ParameterRole::kThreshold && recipe.threshold_rate == 0);
    parameters_.back().stored.set_requires_grad(!fixed);
  }
  std::vector<bool> held{true};
  for (std::size_t i = 0; i < view.node_count; ++i) {
    const NodeView& given = view.nodes[i];
    Node node{.kind = given.kind,
              .values = {given.values, given.values + given.value_count},
              .parameters = {given.parameters, given.parameters + given.parameter_count},
              .ints = {given.ints, given.ints + given.int_count},
              .reals = {given.reals, given.reals + given.real_count},
              .held = given.kind != NodeKind::kActivation};
    for (const std::int32_t value : node.values) {
      node.held = node.held && held.at(static_cast<std::size_t>(value));
    }
    held.push_back(node.held);
    nodes_.push_back(std::move(node));
  }
  membranes_.resize(nodes_.size());
}

at::Tensor Network::samples_of(const BatchView& batch) const {
  std::vector<std::int64_t> shape{batch.count};
  shape.insert(shape.end(), sample_shape_.begin(), sample_shape_.end());
  return at::from_blob(const_cast<float*>(batch.samples), shape, at::kFloat);
}

at::Tensor Network::value_of(std::size_t parameter) const {
  const Parameter& wanted = parameters_.at(parameter);
  if (wanted.role != ParameterRole::kThreshold) return wanted.stored;
  // softplus without its linear part beyond 20: the same curve everywhere.
  return recipe_.activation == Activation::kSpiking ? wanted.stored.exp()
                                                    : at::softplus(wanted.stored, 1, 20);
}

void Network::set(std::size_t parameter, const at::Tensor& values) {
  const at::NoGradGuard guard;
  Parameter& wanted = parameters_.at(parameter);
  if (wanted.role != ParameterRole::kThreshold) {
    wanted.stored.copy_(values);
  } else if (recipe_.activation == Activation::kSpiking) {
    wanted.stored.copy_(values.log());
  } else {
    // The inverse of softplus, written so that a large value does not overflow.
    const at::Tensor wide = values.to(at::kDouble);
    wanted.stored.copy_(wide + (-wide).expm1().neg().log());
  }
}

at::Tensor Network::parameter_of(const Node& node, std::size_t place) const {
  if (place >= node.parameters.size()) return {};
  return value_of(static_cast<std::size_t>(node.parameters[place]));
}

at::Tensor Network::linear(const Node& node, const at::Tensor& in) const {
  const at::Tensor weight = parameter_of(node, 0), bias = parameter_of(node, 1);
  at::Tensor out = at::matmul(in, node.ints.at(0) != 0 ? weight.t() : weight);
  if (node.reals.at(0) != 1) out = out * node.reals[0];
  if (!bias.defined()) return out;
  return out + (node.reals.at(1) != 1 ? bias * node.reals[1] : bias);
}

at::Tensor Network::activation(std::size_t index, const at::Tensor& in) {
  const at::Tensor threshold = parameter_of(nodes_[index], 0).contiguous();
  if (recipe_.activation == Activation::kFloorShift) {
    return FloorShift::apply(in, threshold, std::int64_t{recipe_.levels});
  }
  at::Tensor& membrane = membranes_[index];
  if (!membrane.defined()) {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(in.dim()), 1);
    shape.at(1) = threshold.numel();
    membrane = (threshold / 2).view(shape).expand_as(in);
  }
  const auto step = FireStep::apply(membrane, in, threshold, recipe_.surrogate_width);
  membrane = step[1];
  return step[0];
}

at::Tensor Network::compute(std::size_t index, const std::vector<at::Tensor>& values, bool follow) {
  const Node& node = nodes_[index];
  const auto in = [&](std::size_t place) -> const at::Tensor& {
    return values.at(static_cast<std::size_t>(node.values.at(place)));
  };
  switch (node.kind) {
    case NodeKind::kConv:
      return convolution(in(0), parameter_of(node, 0), parameter_of(node, 1), node.ints);
    case NodeKind::kLinear:
      return linear(node, in(0));
    case NodeKind::kBatchNorm: {
      constexpr double kFollow = 0.1;  // how fast the statistics move towards a batch's
      const bool by_batch = follow && recipe_.batch_statistics;
      return at::batch_norm(in(0), parameter_of(node, 0), parameter_of(node, 1),
                            parameter_of(node, 2), parameter_of(node, 3), by_batch, kFollow,
                            node.reals.at(0), false);
    }
    case NodeKind::kActivation:
      return activation(index, in(0));
    case NodeKind::kAveragePool:
      return average_pool(in(0), node.ints);
    case NodeKind::kMaxPool:
      return max_pool(in(0), node.ints);
    case NodeKind::kMean:
      return in(0).mean(Ints(node.ints.begin() + 1, node.ints.end()), node.ints.at(0) != 0);
    case NodeKind::kAdd:
      return in(0) + in(1);
    case NodeKind::kAddParameter:
      return in(0) + parameter_of(node, 0);
    case NodeKind::kScaleParameter:
      return in(0) * parameter_of(node, 0);
    case NodeKind::kConcat: {
      std::vector<at::Tensor> parts;
      for (std::size_t i = 0; i < node.values.size(); ++i) parts.push_back(in(i));
      return at::cat(parts, node.ints.at(0));
    }
    case NodeKind::kReshape: {
      Ints shape{in(0).size(0)};
      shape.insert(shape.end(), node.ints.begin(), node.ints.end());
      return in(0).reshape(shape);
    }
    case NodeKind::kTranspose:
      return in(0).permute(node.ints);
    case NodeKind::kPad:
      return padded_everywhere(in(0), node.ints, node.reals.at(0));
    case NodeKind::kSlice:
      return sliced(in(0), node.ints);
  }
  throw std::invalid_argument("a node is of no kind that this trainer knows");
}

at::Tensor Network::run(const at::Tensor& samples, bool follow) {
  const std::int32_t steps = recipe_.activation == Activation::kSpiking ? recipe_.steps : 1;
  for (at::Tensor& membrane : membranes_) membrane.reset();
  std::vector<at::Tensor> values(nodes_.size() + 1);
  values[0] = samples;
  at::Tensor sum;
  for (std::int32_t step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (step == 0 || !nodes_[i].held) values[i + 1] = compute(i, values, follow);
    }
    const at::Tensor& logits = values.at(static_cast<std::size_t>(output_));
    sum = sum.defined() ? sum + logits : logits;
  }
  for (at::Tensor& membrane : membranes_) membrane.reset();
  return steps == 1 ? sum : sum / steps;
}

}  // namespace neurotool::train
