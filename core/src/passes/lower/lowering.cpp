// Walks the operations that lead to an output, in order, and keeps a linear form for each value.
// Activations become neurons; everything else only changes forms, with a relay where one linear
// operation follows another. What cannot be lowered is reported, all of it in one walk.
#include "passes/lower/lowering.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "eval/tensor_eval.hpp"
#include "passes/lower/lowering_walk.hpp"

namespace neurotool::lower {
namespace {

/// Whether the operation makes neurons of what it reads, or a form that still has a bias. In an
/// integer network others do that too: all but the largest of a window.
bool takes_bias(const Op& op, bool is_integer) {
  return std::holds_alternative<Unary>(op) || std::holds_alternative<Binary>(op) ||
         std::holds_alternative<Clip>(op) || std::holds_alternative<QuantizedActivation>(op) ||
         (is_integer && !std::holds_alternative<MaxPool>(op));
}

/// The refusal in the words of the pass that lowers.
Refusal named(Refusal refusal, std::string_view pass) {
  constexpr std::string_view kPlace = "{pass}";
  const std::size_t at = refusal.help.find(kPlace);
  if (at != std::string::npos) refusal.help.replace(at, kPlace.size(), pass);
  return refusal;
}

}  // namespace

Result<Lowered> Lowering::run() {
  lowered_.graph.name = graph_.name;
  lowered_.graph.steps = options_.steps;
  NT_TRY_VOID(take_input());
  const std::vector<bool> matters = ops_that_matter();
  for (const OpId id : graph_.topological_order()) {
    if (matters[id.index]) lower(id);
  }
  for (const Error& finding : findings_of(refused_, graph_, model_path_)) out_.report(finding);
  if (out_.has_errors()) return out_.first_error();
  for (const ValueId output : graph_.outputs) {
    const auto& form = forms_[output.index];
    if (!form || form->terms.empty()) {
      const Error found =
          error("lowering.constant-output", ModelNode{model_path_, graph_[output].name},
                fmt::format("output '{}' does not depend on the input", graph_[output].name),
                "remove the output from the network");
      out_.report(found);
      return found;
    }
    builder_.readout(*form);
  }
  return std::move(lowered_);
}

Result<> Lowering::take_input() {
  const auto fail = [&](std::string message, std::string help) {
    Error found =
        error("lowering.inputs", ModelNode{model_path_, {}}, std::move(message), std::move(help));
    out_.report(found);
    return found;
  };
  if (graph_.inputs.size() != 1) {
    return fail(fmt::format("the network has {} inputs, and '{}' feeds one", graph_.inputs.size(),
                            options_.pass),
                "export the network with one input");
  }
  const ValueId id = graph_.inputs[0];
  const Value& value = graph_[id];
  const Shape shape = value.shape.value_or(Shape{});
  const Shape sample(shape.begin() + (shape.empty() ? 0 : 1), shape.end());
  const bool known = !sample.empty() && element_count(sample).value_or(0) > 0;
  if (!known || value.dtype != DType::kFloat32) {
    return fail(fmt::format("input '{}' is {}{}, not f32 with a batch axis and known extents",
                            value.name, short_name(value.dtype), to_string(shape)),
                "export the network with a float32 input whose extents but the first are fixed");
  }
  if (shape[0] == 0) {
    return fail(fmt::format("input '{}' is {}{}, batches of no samples", value.name,
                            short_name(value.dtype), to_string(shape)),
                "export the network with a batch that is free, or of 1 sample");
  }
  batch_ = shape[0];
  forms_[id.index] = builder_.input(sample);
  return {};
}

void Lowering::take_from_outside(ValueId id) {
  const Value& value = graph_[id];
  if (!value.shape || value.shape->empty() || value.dtype != DType::kFloat32) return;
  if (value.shape->front() != batch_) return;
  const Shape sample(value.shape->begin() + 1, value.shape->end());
  if (!sample.empty() && element_count(sample).value_or(0) > 0) {
    forms_[id.index] = builder_.input(sample);
  }
}

std::vector<RefusedOp> Lowering::survey() {
  is_survey_ = true;
  for (const ValueId input : graph_.inputs) {
    const auto& shape = graph_[input].shape;
    if (batch_ == kFreeDim && shape && !shape->empty()) batch_ = shape->front();
  }
  for (const ValueId input : graph_.inputs) take_from_outside(input);
  const std::vector<bool> matters = ops_that_matter();
  for (const OpId id : graph_.topological_order()) {
    if (!matters[id.index]) continue;
    lower(id);
    // The verdict is all that is wanted: weights made for one operation go before the next.
    for (const ValueId output : graph_[id].outputs) take_from_outside(output);
    lowered_.graph.projections.clear();
  }
  return std::move(refused_);
}

std::vector<bool> Lowering::ops_that_matter() const {
  std::vector<bool> matters(graph_.ops.size(), false);
  std::vector<ValueId> wanted = graph_.outputs;
  while (!wanted.empty()) {
    const OpId producer = graph_[wanted.back()].producer;
    wanted.pop_back();
    if (!producer.valid() || matters[producer.index]) continue;
    matters[producer.index] = true;
    for (const ValueId input : graph_[producer].inputs) {
      if (input.valid()) wanted.push_back(input);
    }
  }
  return matters;
}

void Lowering::lower(OpId id) {
  node_ = &graph_[id];
  auto outcome = lower_node();
  if (!outcome) {
    // An empty reason: an earlier node was refused, and nothing more is known here.
    if (!outcome.error().reason.empty()) {
      refused_.push_back({id, named(std::move(outcome).error(), options_.pass)});
    }
    for (const ValueId output : node_->outputs) take_from_outside(output);
    return;
  }
  const ValueId output = node_->outputs.at(0);
  forms_[output.index] = *std::move(outcome);
  const std::size_t readers = graph_.users(output).size() + (graph_.is_output(output) ? 1 : 0);
  // Computed once and shared, like in the network.
  if (readers > 1 && !is_plain(*forms_[output.index])) share(output);
}

Refusal Lowering::with_way_out(Refusal refusal) {
  if (!tabulable_) tabulable_ = tensor_passes::ops_with_tables(graph_);
  const auto id = graph_[node_->outputs.at(0)].producer;
  if (!tabulable_->contains(id)) return refusal;
  refusal.reason += "; 'tabulate_activations' has a table for it";
  refusal.help =
      "put 'tabulate_activations' before '{pass}': it writes functions of one value as sums of "
      "clipped rectifiers";
  return refusal;
}

void Lowering::share(ValueId value) {
  LinearForm& form = *forms_[value.index];
  const auto adds_bias = [&](OpId reader) {
    return takes_bias(graph_[reader].op, options_.keeps_levels);
  };
  std::vector<double> bias;
  // Neurons have biases of their own, and a relay that only hands on sums can do without.
  if (std::ranges::all_of(graph_.users(value), adds_bias)) bias = std::exchange(form.bias, {});
  form = builder_.relay(form);
  if (!bias.empty()) add_bias(form, bias);
}

Outcome Lowering::lower_node() {
  if (auto refusal = refusal_by_kind(graph_, *node_)) {
    return tl::unexpected(with_way_out(*std::move(refusal)));
  }
  for (const ValueId input : node_->inputs) {
    const bool known = !input.valid() || graph_[input].constant.defined() || forms_[input.index];
    if (known) continue;
    if (!is_survey_) return refuse({}, {});
    return refuse("works on a value that has no batch axis, no fixed extents or no real numbers",
                  "export the network with the batch as first axis of every value, and give free "
                  "extents a number");
  }
  const bool on_data = std::ranges::any_of(
      node_->inputs, [&](ValueId input) { return input.valid() && forms_[input.index]; });
  if (!on_data) {
    return refuse("works on constants alone",
                  "put 'infer_shapes' and 'fold_constants' before '{pass}'");
  }
  auto shape = output_shape();
  if (!shape) return tl::unexpected(std::move(shape).error());
  output_ = *std::move(shape);
  const auto count_sites = [&] { return lowered_.sites.size() + lowered_.level_sites.size(); };
  const std::size_t sites = count_sites();
  Outcome outcome = std::visit(*this, node_->op);
  // A form carries the names of its operations until a population takes them.
  const bool taken = count_sites() > sites;
  if (outcome && !taken) {
    std::ranges::copy(node_->origins, std::back_inserter(outcome->origins));
  }
  return outcome;
}

tl::expected<Shape, Refusal> Lowering::output_shape() {
  auto type = types_.infer(*node_);
  if (!type) return tl::unexpected(Refusal{type.error().message, "check the network's shapes"});
  const std::optional<Shape> shape = type->shape;
  types_.set(node_->outputs.at(0), *std::move(type));
  const bool has_batch = shape && !shape->empty() && shape->front() == batch_;
  if (!has_batch) {
    return tl::unexpected(
        Refusal{fmt::format("makes {}, whose first axis is not the batch",
                            shape ? to_string(*shape) : std::string("a value of unknown shape")),
                "export the network with the batch as first axis of every value"});
  }
  Shape sample(shape->begin() + 1, shape->end());
  if (!element_count(sample)) {
    return tl::unexpected(
        Refusal{fmt::format("makes {}, with extents that depend on data", to_string(*shape)),
                "export the network with fixed extents"});
  }
  return sample;
}

Tensor Lowering::constant(std::size_t input) const {
  if (input >= node_->inputs.size() || !node_->inputs[input].valid()) return {};
  return graph_[node_->inputs[input]].constant;
}

const LinearForm& Lowering::through_relay(std::size_t input) {
  auto& form = forms_[node_->inputs[input].index];
  form = builder_.relay(*form);
  return *form;
}

const LinearForm& Lowering::as_plain(std::size_t input) {
  return is_plain(form(input)) ? form(input) : through_relay(input);
}

const LinearForm& Lowering::as_matrix_source(std::size_t input) {
  return fits_matrix(form(input), lowered_.graph) ? form(input) : through_relay(input);
}

Lowering::Apart Lowering::apart(std::size_t input,
                                const LinearForm& (Lowering::*read)(std::size_t)) {
  LinearForm& kept = *forms_[node_->inputs[input].index];
  Apart found;
  if (options_.keeps_levels) found.bias = std::exchange(kept.bias, {});
  found.payloads = (this->*read)(input);
  if (!found.bias.empty()) add_bias(kept, found.bias);
  return found;
}

void Lowering::add_image(LinearForm& made, const Op& op, const std::vector<double>& bias,
                         const Tensor& weight) const {
  if (bias.empty()) return;
  Shape shape = form(0).shape;
  shape.insert(shape.begin(), 1);
  std::vector<Tensor> inputs{
      Tensor::from<float>(std::move(shape), std::vector<float>(bias.begin(), bias.end()))};
  if (weight.defined()) inputs.push_back(weight);
  const auto outputs = evaluate_op(op, inputs);
  NT_CHECK(outputs.has_value(), "an operation whose types are known computes");
  const auto values = outputs->at(0).as<float>();
  add_bias(made, std::vector<double>(values.begin(), values.end()));
}

const LinearForm& Lowering::as_plain_source(std::size_t input) {
  const auto fits = [&] { return plain_source(form(input), lowered_.graph).valid(); };
  // Behind a reshape of a convolution the first relay has the shape that its terms need, and the
  // second the one that is read.
  for (int relays = 0; relays < 2 && !fits(); ++relays) through_relay(input);
  NT_CHECK(fits(), "a relay of a relay is a plain source");
  return form(input);
}

std::vector<RefusedOp> survey(const TensorGraph& graph, const std::string& model_path) {
  Diagnostics ignored;
  const LoweringOptions options;
  return Lowering(graph, model_path, options, {}, ignored).survey();
}

Result<Lowered> lower_graph(const TensorGraph& graph, const std::string& model_path,
                            const LoweringOptions& options,
                            std::span<const NeuronParameters> parameters, Diagnostics& out) {
  Diagnostics own;
  auto lowered = Lowering(graph, model_path, options, parameters, own).run();
  for (Diagnostic& diagnostic : own.all()) out.report(std::move(diagnostic));
  return lowered;
}

}  // namespace neurotool::lower
