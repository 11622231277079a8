// What each operation makes of the forms of its inputs.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "passes/lower/lowering_walk.hpp"
#include "passes/lower/rearrange.hpp"

namespace neurotool::lower {
namespace {

Outcome refuse_broadcast(const Shape& a, const Shape& b) {
  return refuse(fmt::format("combines {} and {} by broadcasting", to_string(a), to_string(b)),
                "give both operands one shape in the network");
}

/// What the windows of a pool have that no projection has, or nothing.
template <class Pool>
std::optional<Refusal> refused_windows(const Pool& op) {
  const std::size_t axes = op.kernel.size();
  if (axes != 1 && axes != 2) {
    return Refusal{fmt::format("pools over {} axes", axes), "only one or two axes are lowered"};
  }
  return {};
}

template <class Pool>
PoolGeometry geometry_of(const Pool& op) {
  return {pair_of(op.kernel), pair_of(op.strides), padding_of(op.pads)};
}

/// Gives the terms that the node made its name, and keeps the names before it.
LinearForm from_node(LinearForm made, const LinearForm& input, const OpNode& node) {
  for (Term& term : made.terms) std::ranges::copy(node.origins, std::back_inserter(term.origins));
  made.origins = input.origins;
  return made;
}

std::vector<double> moved(const std::vector<double>& values, std::span<const std::int64_t> picks) {
  std::vector<double> found;
  for (const std::int64_t pick : picks) {
    found.push_back(pick == View::kZero ? 0 : values[static_cast<std::size_t>(pick)]);
  }
  return found;
}

}  // namespace

Outcome Lowering::operator()(const Conv& op) {
  const Tensor weight = constant(1);
  if (weight.rank() != 3 && weight.rank() != 4) {
    return refuse(fmt::format("convolves over {} axes", weight.rank() - 2),
                  "only convolutions over one or two axes are lowered");
  }
  const auto [input, bias] = apart(0, &Lowering::as_plain_source);
  LinearForm made = convolve(lowered_.graph, input, op, weight, constant(2), output_);
  add_image(made, op, bias, weight);
  return from_node(std::move(made), input, *node_);
}

Outcome Lowering::matrix(const Op& op, Matrix matrix) {
  if (form(0).shape.size() != 1) {
    return refuse(fmt::format("multiplies along the last axis of a value of shape {}",
                              to_string(form(0).shape)),
                  "flatten the value before the layer");
  }
  const auto [input, bias] = apart(0, &Lowering::as_matrix_source);
  LinearForm made = multiply(lowered_.graph, input, matrix, output_);
  add_image(made, op, bias, matrix.weight);
  return from_node(std::move(made), input, *node_);
}

Outcome Lowering::operator()(const MatMul& op) {
  if (constant(1).rank() != 2) {
    return refuse(fmt::format("multiplies by a constant of rank {}", constant(1).rank()),
                  "use a matrix of rank 2");
  }
  return matrix(op, {constant(1), false, 1});
}

Outcome Lowering::operator()(const Gemm& op) {
  Outcome product = matrix(op, {constant(1), op.trans_b, double{op.alpha}});
  if (!product || !is_constant(2)) return product;
  auto bias = broadcast_constant(constant(2), output_);
  if (!bias) return refuse_broadcast(output_, constant(2).shape());
  for (double& b : *bias) b *= double{op.beta};
  add_bias(*product, *bias);
  return product;
}

Outcome Lowering::pooled(const PoolGeometry& geometry, const Op& op) {
  const auto [input, bias] = apart(0, &Lowering::as_plain_source);
  LinearForm made = average(input, geometry, output_);
  add_image(made, op, bias);
  return from_node(std::move(made), input, *node_);
}

Outcome Lowering::operator()(const MaxPool& op) {
  if (const auto refusal = refused_windows(op)) return tl::unexpected(*refusal);
  PoolGeometry geometry = geometry_of(op);
  // Padding never wins, so that a window that hangs over the end (ceil_mode) may read more of it.
  const Shape before = population_shape(form(0).shape), after = population_shape(output_);
  for (std::size_t a = 0; a < 2; ++a) {
    const std::int64_t reach = (after[a + 1] - 1) * geometry.stride[a] + geometry.kernel[a];
    const std::int64_t hangs_over = reach - before[a + 1] - geometry.padding[a];
    geometry.padding[a + 2] = std::max(geometry.padding[a + 2], hangs_over);
    const std::int64_t most = std::max(geometry.padding[a], geometry.padding[a + 2]);
    if (most < geometry.kernel[a]) continue;
    return refuse(fmt::format("has windows of padding alone: {} beside a kernel of {}", most,
                              geometry.kernel[a]),
                  "pad by less than the kernel's extent");
  }
  if (!values_rise_with_payloads(lowered_.graph, as_plain_source(0))) {
    auto& input = forms_[node_->inputs[0].index];
    input = builder_.relay_of_values(*input);
  }
  const LinearForm input = form(0);
  return from_node(maximum(input, geometry, output_), input, *node_);
}

Outcome Lowering::operator()(const AveragePool& op) {
  if (const auto refusal = refused_windows(op)) return tl::unexpected(*refusal);
  const PoolGeometry geometry = geometry_of(op);
  const bool padded = std::ranges::any_of(op.pads, [](std::int64_t p) { return p != 0; });
  if (padded && !op.count_include_pad) {
    return refuse("divides by fewer values at its border than inside (count_include_pad = 0)",
                  "pool without padding, or with count_include_pad = 1");
  }
  // A window that hangs over the end is divided by what it holds.
  AveragePool floor = op;
  floor.ceil_mode = false;
  const TensorType& input = types_[node_->inputs[0]];
  const TensorType* const inputs[] = {&input};
  const auto whole_windows = infer_type(floor, inputs);
  if (op.ceil_mode && whole_windows && whole_windows->shape != types_[node_->outputs[0]].shape) {
    return refuse("has windows that hang over the end (ceil_mode = 1)",
                  "choose a stride that divides the extent");
  }
  return pooled(geometry, op);
}

Outcome Lowering::operator()(const GlobalAveragePool& op) {
  const Shape& shape = form(0).shape;
  if (shape.size() != 2 && shape.size() != 3) {
    return refuse(fmt::format("pools a value of shape {}", to_string(shape)),
                  "only one or two axes are lowered");
  }
  PoolGeometry geometry;
  geometry.kernel = pair_of(std::span(shape).subspan(1));
  return pooled(geometry, op);
}

Outcome Lowering::operator()(const Reduce&) {
  // A mean over all axes behind the channel is a global pool; only the result's shape may differ.
  const Shape shape = form(0).shape;
  const auto rank = static_cast<std::int64_t>(shape.size()) + 1;
  std::vector<std::int64_t> axes;
  for (std::int64_t i = 0; is_constant(1) && i < constant(1).size(); ++i) {
    const auto axis = static_cast<std::int64_t>(constant(1).at(i));
    axes.push_back(axis < 0 ? axis + rank : axis);
  }
  std::ranges::sort(axes);
  const bool spatial = (rank == 3 && axes == std::vector<std::int64_t>{2}) ||
                       (rank == 4 && axes == std::vector<std::int64_t>{2, 3});
  if (!spatial) {
    return refuse("takes a mean over other axes than all behind the channel",
                  "take the mean over the spatial axes");
  }
  const Shape wanted = output_;
  output_ = Shape(shape.size(), 1);
  output_[0] = shape[0];
  Outcome outcome = (*this)(GlobalAveragePool{});
  if (outcome) outcome->shape = wanted;
  return outcome;
}

NeuronParameters Lowering::next_parameters(const Site& site) const {
  const std::size_t place = lowered_.sites.size();
  if (!parameters_.empty()) return parameters_[place];
  const bool layer = options_.granularity == Granularity::kLayer;
  NeuronParameters provisional;
  const auto channels = static_cast<std::size_t>(site.channels);
  const std::size_t count = !site.largest.empty() ? site.largest.size() : layer ? 1 : channels;
  provisional.threshold.assign(count, 1.0f);
  return provisional;
}

Outcome Lowering::rectified(std::optional<double> cap) {
  const LinearForm& input = form(0);
  if (!cap && is_non_negative(input, lowered_.graph)) return input;
  Site site;
  site.cap = cap;
  return site_neurons(std::move(site));
}

const LinearForm& Lowering::in_channels(std::size_t count) {
  const bool fits = count <= 1 || static_cast<std::int64_t>(count) == form(0).neurons.front();
  // The bias goes on to the neurons: a relay of an integer network has none.
  if (!fits) apart(0, &Lowering::through_relay);
  return form(0);
}

Outcome Lowering::site_neurons(Site site) {
  LinearForm input = in_channels(site.largest.size());
  std::ranges::copy(node_->origins, std::back_inserter(input.origins));
  site.channels = input.neurons.front();
  const NeuronParameters parameters = next_parameters(site);
  const PopulationId id = builder_.neurons(input, parameters, options_);
  lowered_.graph[id].provisional = parameters_.empty() || parameters.provisional;
  site.value = node_->inputs[0];
  site.activation = node_->outputs[0];
  site.population = lowered_.graph[id].name;
  site.node = node_->origins.empty() ? node_->name : node_->origins.front();
  lowered_.sites.push_back(std::move(site));
  return whole(lowered_.graph, id, output_);
}

Outcome Lowering::operator()(const Unary& op) {
  if (op.kind == UnaryKind::kRelu) return rectified(std::nullopt);
  return scaled(0, std::vector<double>(static_cast<std::size_t>(form(0).size()), -1.0));
}

Outcome Lowering::operator()(const Clip&) {
  return rectified(is_constant(2) ? std::optional(constant(2).at(0)) : std::nullopt);
}

Outcome Lowering::operator()(const QuantizedActivation& op) {
  const Tensor scale = constant(1).converted(DType::kFloat32);
  const auto levels = scale.as<float>();
  if (!options_.keeps_levels) return rounded(op, levels);
  LinearForm input = in_channels(levels.size());
  std::ranges::copy(node_->origins, std::back_inserter(input.origins));
  NeuronParameters parameters;
  parameters.threshold.assign(levels.begin(), levels.end());
  LoweringOptions options = options_;
  options.initial = Initial::kZero;
  const PopulationId id = builder_.neurons(input, parameters, options);
  Emission& emission = std::get<If>(lowered_.graph[id].neuron).firing.emission;
  emission.max_total = op.high;
  emission.min_total = op.low;
  emission.min_per_step = op.low < 0 ? -1 : 0;
  const std::string& name = node_->origins.empty() ? node_->name : node_->origins.front();
  lowered_.level_sites.push_back({id, op, name});
  return whole(lowered_.graph, id, output_);
}

// From so many levels on, a quantised activation rounds a network that does not depend on it, finer
// than a rate can tell. With fewer it was trained to, and its thresholds are the best there are.
constexpr std::int64_t kFineLevels = 100;

Outcome Lowering::rounded(const QuantizedActivation& op, std::span<const float> levels) {
  if (op.high - op.low >= kFineLevels) return finely_rounded(op, levels);
  if (op.low != 0 || op.high < 1) {
    return refuse(
        fmt::format("rounds to levels from {} to {}, and a rate begins at 0", op.low, op.high),
        "use the pass 'exact', which keeps every level");
  }
  Site site;
  for (const float level : levels) {
    site.largest.push_back(static_cast<float>(double{level} * static_cast<double>(op.high)));
  }
  site.offset = op.rounding == LevelRounding::kHalfEven ? 0.5 : double{op.offset};
  return site_neurons(std::move(site));
}

Outcome Lowering::finely_rounded(const QuantizedActivation& op, std::span<const float> levels) {
  const bool is_input = std::ranges::all_of(form(0).terms, [&](const Term& term) {
    return std::holds_alternative<View>(term.part) &&
           std::holds_alternative<Input>(lowered_.graph[term.source].neuron);
  });
  const double step = std::ranges::max(levels);
  const double low = step * static_cast<double>(op.low), high = step * static_cast<double>(op.high);
  if (op.low == 0 && !is_input && !is_non_negative(form(0), lowered_.graph)) return rectified(high);
  const std::string& name = node_->origins.empty() ? node_->name : node_->origins.front();
  Diagnostic found =
      note("rate.rounding-dropped", ModelNode{model_path_, name},
           fmt::format("'{}' rounds to {} levels from {:.4g} to {:.4g}, finer than a rate of {} "
                       "steps: its value is taken as it is",
                       name, op.high - op.low + 1, low, high, options_.steps));
  if (op.low < 0 && !is_input) {
    // A sum between layers may reach the bounds, and then they are its activation.
    found.severity = Severity::kWarning;
    found.help =
        "where the network relies on these bounds, as on a hard tanh, use the pass "
        "'exact', which keeps them";
  }
  out_.report(std::move(found));
  return form(0);
}

Outcome Lowering::scaled(std::size_t input, std::vector<double> factor) {
  if (form(input).shape != output_) return refuse_broadcast(form(input).shape, output_);
  LinearForm result = form(input);
  if (scale(result, factor)) return result;
  apart(input, &Lowering::through_relay);
  result = form(input);
  NT_CHECK(scale(result, factor), "any factor can be applied to a plain form");
  return result;
}

Outcome Lowering::added(double sign) {
  if (is_constant(0) || is_constant(1)) {
    const std::size_t dynamic = is_constant(0) ? 1 : 0;
    auto bias = broadcast_constant(constant(1 - dynamic), output_);
    if (!bias) return refuse_broadcast(output_, constant(1 - dynamic).shape());
    const double form_sign = dynamic == 1 ? sign : 1;
    const double bias_sign = dynamic == 1 ? 1 : sign;
    Outcome result = scaled(dynamic, std::vector<double>(bias->size(), form_sign));
    for (double& b : *bias) b *= bias_sign;
    if (result) add_bias(*result, *bias);
    return result;
  }
  if (form(0).shape != form(1).shape) return refuse_broadcast(form(0).shape, form(1).shape);
  Outcome b = scaled(1, std::vector<double>(static_cast<std::size_t>(form(1).size()), sign));
  if (!b) return b;
  const bool clash = needs_shape(form(0)) && needs_shape(*b) && form(0).neurons != b->neurons;
  if (clash) apart(0, &Lowering::through_relay);
  return sum(form(0), *std::move(b));
}

Outcome Lowering::operator()(const Binary& op) {
  if (op.kind == BinaryKind::kAdd) return added(1);
  if (op.kind == BinaryKind::kSub) return added(-1);
  const std::size_t dynamic = is_constant(0) ? 1 : 0;
  auto factor = broadcast_constant(constant(1 - dynamic), output_);
  if (!factor) return refuse_broadcast(output_, constant(1 - dynamic).shape());
  if (op.kind == BinaryKind::kDiv) {
    if (std::ranges::find(*factor, 0.0) != factor->end()) {
      return refuse("divides by 0", "check the constants of the network");
    }
    for (double& f : *factor) f = 1 / f;
  }
  return scaled(dynamic, *std::move(factor));
}

bool Lowering::ends_the_network(ValueId value) const {
  const auto only_renames = [&](OpId id) {
    const Op& op = graph_[id].op;
    const bool renames =
        std::holds_alternative<Flatten>(op) || std::holds_alternative<Reshape>(op) ||
        std::holds_alternative<Squeeze>(op) || std::holds_alternative<Identity>(op);
    return renames && ends_the_network(graph_[id].outputs.at(0));
  };
  const std::vector<OpId> users = graph_.users(value);
  return (graph_.is_output(value) || !users.empty()) && std::ranges::all_of(users, only_renames);
}

Outcome Lowering::operator()(const Softmax& op) {
  const Shape& shape = form(0).shape;
  const auto rank = static_cast<std::int64_t>(shape.size()) + 1;
  const std::int64_t axis = op.axis < 0 ? op.axis + rank : op.axis;
  const bool over_all = axis > 0 && shape[static_cast<std::size_t>(axis - 1)] == form(0).size();
  if (!ends_the_network(node_->outputs[0]) || !over_all) {
    return refuse("divides by a sum over neurons",
                  "only a softmax over all classes at the very end of the network is left out");
  }
  const std::string& name = node_->origins.empty() ? node_->name : node_->origins.front();
  out_.report(
      note("lowering.softmax-dropped", ModelNode{model_path_, name},
           fmt::format("'{}' is left out: it does not change which class is largest", name)));
  return form(0);
}

Outcome Lowering::relabelled() {
  LinearForm result = form(0);
  if (element_count(output_) != result.size()) {
    return refuse("moves elements between the samples of a batch",
                  "keep the batch as first axis of every value");
  }
  result.shape = output_;
  if (!needs_shape(result)) result.neurons = population_shape(output_);
  return result;
}

Outcome Lowering::rearranged() {
  std::vector<Shape> samples;
  for (const ValueId id : node_->inputs) {
    const bool has_form = id.valid() && forms_[id.index].has_value();
    samples.push_back(has_form ? forms_[id.index]->shape : Shape{});
  }
  LinearForm result;
  result.shape = output_;
  result.neurons = population_shape(output_);
  for (std::size_t i = 0; i < node_->inputs.size(); ++i) {
    const ValueId id = node_->inputs[i];
    if (!id.valid() || !forms_[id.index]) {
      const bool moved = std::holds_alternative<Concat>(node_->op);
      const Tensor values = constant(i);
      for (std::int64_t e = 0; moved && e < values.size(); ++e) {
        if (values.at(e) != 0) {
          return refuse("joins a constant other than 0 to an activation",
                        "add the constant as the bias of a layer instead");
        }
      }
      continue;
    }
    const auto picks = picks_of(graph_, *node_, i, samples, batch_ == kFreeDim ? 2 : batch_);
    if (!picks) return refuse(picks.error().message, "keep the batch as first axis of every value");
    const auto [input, bias] = apart(i, &Lowering::as_plain);
    LinearForm part = picked(input, *picks, output_);
    if (!bias.empty()) add_bias(part, moved(bias, *picks));
    result = sum(std::move(result), from_node(std::move(part), form(i), *node_));
  }
  return result;
}

}  // namespace neurotool::lower
