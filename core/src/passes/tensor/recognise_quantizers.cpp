// Finds the chains of operations that exporters write for a quantised activation (QCFS,
// QuantizeLinear and DequantizeLinear, with Clip for odd widths, any order of scaling and clipping)
// and writes each as one QuantizedActivation. Around every Floor and Round the longest chain that
// is one quantiser counts; a rectifier before it is part of it. A rounding that is no quantiser
// stays and is reported.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "passes/tensor/pass_tools.hpp"
#include "passes/tensor/quantizer_chain.hpp"
#include "passes/tensor/tensor_pass.hpp"
#include "passes/tensor/tensor_passes.hpp"

namespace neurotool {
namespace {

using namespace tensor_passes;

constexpr std::size_t kLongest = 12;  // steps on one side; exporters write six at most

std::optional<LevelRounding> rounding_of(const Op& op) {
  const auto* unary = std::get_if<Unary>(&op);
  if (unary != nullptr && unary->kind == UnaryKind::kFloor) return LevelRounding::kFloor;
  if (unary != nullptr && unary->kind == UnaryKind::kRound) return LevelRounding::kHalfEven;
  return {};
}

const std::string& node_name(const OpNode& node) {
  return node.origins.empty() ? node.name : node.origins.front();
}

class Recogniser {
 public:
  Recogniser(TensorGraph& graph, const Model& model, Context& context)
      : graph_(graph), model_(model), context_(context), types_(types_of(graph)) {}

  Changed run() {
    for (const OpId id : graph_.topological_order()) {
      if (graph_[id].removed) continue;
      if (const auto rounding = rounding_of(graph_[id].op)) read(id, *rounding);
    }
    for (const OpId id : graph_.topological_order()) {
      if (std::holds_alternative<QuantizedActivation>(graph_[id].op)) drop_repeated(id);
    }
    return changed_;
  }

 private:
  void read(OpId anchor, LevelRounding rounding);
  std::vector<ChainStep> steps_before(OpId anchor) const;
  std::vector<ChainStep> steps_after(OpId anchor);
  bool merge_equal_readers(ValueId value);
  void replace(OpId anchor, std::span<const ChainStep> before, std::span<const ChainStep> after,
               const FoundQuantizer& found);
  void drop_repeated(OpId id);

  TensorGraph& graph_;
  const Model& model_;
  Context& context_;
  ValueTypes types_;
  Changed changed_ = Changed::kNo;
};

/// In the order of computation; each is read by the next alone.
std::vector<ChainStep> Recogniser::steps_before(OpId anchor) const {
  std::vector<ChainStep> steps;
  ValueId value = graph_[anchor].inputs[0];
  while (steps.size() < kLongest) {
    const OpId producer = graph_[value].producer;
    if (!producer.valid() || graph_.users(value).size() != 1 || graph_.is_output(value)) break;
    auto step = chain_step(graph_, types_, producer);
    // A cast to integers before the rounding would round first.
    const auto* cast = std::get_if<Cast>(&graph_[producer].op);
    if (!step || (cast != nullptr && !is_float(cast->to))) break;
    value = step->input;
    steps.insert(steps.begin(), *std::move(step));
  }
  return steps;
}

/// Readers that do the same become one. Exporters dequantise once for each reader.
bool Recogniser::merge_equal_readers(ValueId value) {
  const std::vector<OpId> users = graph_.users(value);
  if (users.empty() || graph_.is_output(value)) return false;
  const OpNode& first = graph_[users[0]];
  const auto same = [&](OpId id) {
    const OpNode& other = graph_[id];
    const auto* a = std::get_if<Cast>(&first.op);
    const auto* b = std::get_if<Cast>(&other.op);
    if (a != nullptr && b != nullptr) return a->to == b->to;
    const auto* p = std::get_if<Binary>(&first.op);
    const auto* q = std::get_if<Binary>(&other.op);
    if (p == nullptr || q == nullptr || p->kind != q->kind) return false;
    for (std::size_t i = 0; i < 2; ++i) {
      const bool data = first.inputs[i] == value && other.inputs[i] == value;
      const Tensor &x = constant_of(graph_, first, i), &y = constant_of(graph_, other, i);
      if (!data && !(x.defined() && y.defined() && x == y)) return false;
    }
    return true;
  };
  if (!std::all_of(users.begin() + 1, users.end(), same)) return users.size() == 1;
  for (std::size_t i = 1; i < users.size(); ++i) {
    const ValueId twin = graph_[users[i]].outputs[0];
    if (graph_.is_output(twin)) return false;
    graph_.replace_uses(twin, graph_[users[0]].outputs[0]);
    graph_.remove(users[i]);
    changed_ = Changed::kYes;
  }
  return true;
}

std::vector<ChainStep> Recogniser::steps_after(OpId anchor) {
  std::vector<ChainStep> steps;
  ValueId value = graph_[anchor].outputs[0];
  while (steps.size() < kLongest && merge_equal_readers(value)) {
    const OpId user = graph_.users(value).at(0);
    auto step = chain_step(graph_, types_, user);
    if (!step || step->input != value) break;
    value = graph_[user].outputs[0];
    steps.push_back(*std::move(step));
  }
  return steps;
}

void Recogniser::read(OpId anchor, LevelRounding rounding) {
  const std::vector<ChainStep> before = steps_before(anchor), after = steps_after(anchor);
  std::optional<FoundQuantizer> best;
  std::size_t best_before = 0, best_after = 0;
  std::string reason, first_reason;
  for (std::size_t b = before.size() + 1; b-- > 0;) {
    for (std::size_t a = after.size() + 1; a-- > 0;) {
      if (best && a + b <= best_before + best_after) continue;
      const auto found =
          read_chain({before.end() - static_cast<std::ptrdiff_t>(b), before.end()}, rounding,
                     {after.begin(), after.begin() + static_cast<std::ptrdiff_t>(a)}, reason);
      if (first_reason.empty()) first_reason = reason;
      if (!found) continue;
      best = found;
      best_before = b;
      best_after = a;
    }
  }
  if (best) {
    return replace(anchor, std::span(before).last(best_before), std::span(after).first(best_after),
                   *best);
  }
  const std::string& name = node_name(graph_[anchor]);
  context_.diagnostics.report(
      warning("recognise_quantizers.almost", ModelNode{model_.path, name},
              fmt::format("'{}' rounds, but the operations around it are no quantiser: {}", name,
                          first_reason),
              "write the activation as scale * clip(round(x / scale), low, high) in the network"));
}

void Recogniser::replace(OpId anchor, std::span<const ChainStep> before,
                         std::span<const ChainStep> after, const FoundQuantizer& found) {
  std::vector<OpId> chain;
  for (const ChainStep& step : before) chain.push_back(step.op);
  chain.push_back(anchor);
  for (const ChainStep& step : after) chain.push_back(step.op);
  const OpId last = chain.back();
  const ValueId from = graph_[chain.front()].inputs.size() > 0 && !before.empty()
                           ? before.front().input
                           : graph_[anchor].inputs[0];
  std::vector<std::string> origins;
  for (const OpId id : chain) {
    for (const std::string& name : graph_[id].origins) {
      if (std::ranges::find(origins, name) == origins.end()) origins.push_back(name);
    }
  }
  const std::string name = graph_[last].name;
  const ValueId old = graph_[last].outputs[0];
  std::vector<float> scale(found.scale.begin(), found.scale.end());
  const bool one = std::ranges::all_of(scale, [&](float s) { return s == scale[0]; });
  if (one) scale.resize(1);
  const Shape shape = one ? Shape{} : Shape{static_cast<std::int64_t>(scale.size())};
  const ValueId scale_value =
      graph_.add_constant(name + "/scale", Tensor::from<float>(shape, std::move(scale)));
  context_.facts.push_back({"recognise_quantizers", origins.empty() ? name : origins.front(),
                            "levels", static_cast<double>(found.op.high - found.op.low)});
  const ValueId made = graph_.add_op(name, found.op, {from, scale_value}, std::move(origins));
  const Shape old_shape = types_[old].shape.value_or(Shape{});
  graph_[made].dtype = types_[old].dtype;
  if (types_[old].shape) graph_[made].shape = old_shape;
  graph_.replace_uses(old, made);
  std::swap(graph_[old].name, graph_[made].name);
  std::swap(graph_[last].name, graph_[graph_[made].producer].name);
  for (auto id = chain.rbegin(); id != chain.rend(); ++id) graph_.remove(*id);
  changed_ = Changed::kYes;
}

/// Operations that pass on elements as they are.
bool only_moves(const Op& op) {
  const auto* pool = std::get_if<MaxPool>(&op);
  return std::holds_alternative<Flatten>(op) || std::holds_alternative<Reshape>(op) ||
         std::holds_alternative<Transpose>(op) || std::holds_alternative<Squeeze>(op) ||
         std::holds_alternative<Unsqueeze>(op) || std::holds_alternative<Identity>(op) ||
         (pool != nullptr && pool->result == PoolResult::kValue);
}

/// A quantiser whose input already lies on its levels changes nothing.
void Recogniser::drop_repeated(OpId id) {
  const auto& op = std::get<QuantizedActivation>(graph_[id].op);
  const Tensor& scale = constant_of(graph_, graph_[id], 1);
  OpId producer = graph_[graph_[id].inputs[0]].producer;
  while (producer.valid() && only_moves(graph_[producer].op)) {
    producer = graph_[graph_[producer].inputs[0]].producer;
  }
  if (!producer.valid() || scale.size() != 1) return;
  const auto* earlier = std::get_if<QuantizedActivation>(&graph_[producer].op);
  if (earlier == nullptr) return;
  const Tensor& first = constant_of(graph_, graph_[producer], 1);
  // Rounding must leave whole numbers alone.
  const bool keeps = op.rounding == LevelRounding::kFloor ? op.offset > 0.01f && op.offset < 0.99f
                                                          : std::abs(op.offset) < 0.49f;
  const bool holds = op.low <= earlier->low && op.high >= earlier->high;
  const ValueId out = graph_[id].outputs[0];
  if (!keeps || !holds || !(first == scale) || graph_.is_output(out)) return;
  graph_.replace_uses(out, graph_[id].inputs[0]);
  graph_.remove(id);
  changed_ = Changed::kYes;
}

Result<Changed> recognise_quantizers(TensorGraph& graph, const Model& model, Context& context) {
  return Recogniser(graph, model, context).run();
}

}  // namespace

PassEntry recognise_quantizers_entry() {
  return tensor_pass_entry<recognise_quantizers>(
      "recognise_quantizers", "Writes each quantised activation as one operation.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return create_without_options<recognise_quantizers>("recognise_quantizers", section, path,
                                                            out);
      });
}

}  // namespace neurotool
