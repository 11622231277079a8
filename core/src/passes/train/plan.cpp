// Walks the graph once. Constants become parameters where a layer reads them, each once however
// many layers share it; shapes and axes become plain numbers, so that the trainer infers nothing.
#include "passes/train/plan.hpp"

#include <fmt/format.h>

#include <utility>

#include "passes/train/plan_walk.hpp"

namespace neurotool::training {

Result<> Planner::take_input() {
  if (graph_.inputs.size() != 1 || graph_.outputs.size() != 1) {
    return error("train.network", ModelNode{model_.path, graph_.name},
                 fmt::format("the network has {} inputs and {} outputs, training needs one of each",
                             graph_.inputs.size(), graph_.outputs.size()),
                 "train the part that classifies");
  }
  const Shape shape = shape_of(graph_.inputs[0]);
  const Shape sample(shape.empty() ? shape.begin() : shape.begin() + 1, shape.end());
  if (shape.empty() || shape[0] != kFreeDim || !element_count(sample)) {
    return error(
        "train.network", ModelNode{model_.path, graph_[graph_.inputs[0]].name},
        fmt::format("input '{}' has shape {}, training needs a free batch and fixed extents",
                    graph_[graph_.inputs[0]].name, to_string(shape)),
        "export the model with a symbolic batch, and run 'infer_shapes' first");
  }
  values_[graph_.inputs[0]] = 0;
  plan_.network.sample_shape = sample;
  return {};
}

std::set<OpId> Planner::ops_that_matter() const {
  std::set<OpId> wanted;
  std::vector<ValueId> open(graph_.outputs.begin(), graph_.outputs.end());
  while (!open.empty()) {
    const ValueId value = open.back();
    open.pop_back();
    if (!value.valid() || !graph_[value].producer.valid()) continue;
    if (!wanted.insert(graph_[value].producer).second) continue;
    const auto& inputs = graph_[graph_[value].producer].inputs;
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
  return wanted;
}

Error Planner::refusal(const OpNode& node, const Refused& refused) const {
  const std::string& name = node.origins.empty() ? node.name : node.origins.front();
  return error("train.unsupported-op", ModelNode{model_.path, name},
               fmt::format("'{}' {}", name, refused.reason), refused.help);
}

Result<> Planner::finish() {
  const Shape logits = shape_of(graph_.outputs[0]);
  if (logits.size() != 2 || logits[0] != kFreeDim || logits[1] < 2) {
    return error("train.network", ModelNode{model_.path, graph_[graph_.outputs[0]].name},
                 fmt::format("the output has shape {}, training needs one logit for each of two "
                             "or more classes",
                             to_string(logits)),
                 "train the part that classifies, and run 'infer_shapes' first");
  }
  if (plan_.sites.empty()) {
    return error("train.network", ModelNode{model_.path, graph_.name},
                 "the network has no rectifier, so there is nothing to become neurons",
                 "a linear network needs no tuning");
  }
  plan_.network.classes = logits[1];
  plan_.network.output = values_.at(graph_.outputs[0]);
  return {};
}

Result<TrainingPlan> Planner::run(Diagnostics& out) {
  NT_TRY_VOID(take_input());
  std::optional<Error> first;
  const std::set<OpId> wanted = ops_that_matter();
  for (const OpId id : graph_.topological_order()) {
    if (!wanted.contains(id)) continue;
    id_ = id;
    node_ = &graph_[id];
    Planned planned =
        types_[node_->outputs[0]].dtype == DType::kFloat32
            ? std::visit(*this, node_->op)
            : refuse(fmt::format("computes with {}", short_name(types_[node_->outputs[0]].dtype)),
                     "training knows float32 alone");
    // A value of a refused operation keeps the count, so that one run names all of them.
    if (!planned) {
      Error refused = refusal(*node_, planned.error());
      out.report(refused);
      if (!first) first = std::move(refused);
      planned = NetworkNode{};
    }
    planned->name = node_->name;
    for (const ValueId input : node_->inputs) {
      if (const auto known = values_.find(input); known != values_.end()) {
        planned->values.push_back(known->second);
      }
    }
    plan_.network.nodes.push_back(*std::move(planned));
    values_[node_->outputs[0]] = static_cast<std::int32_t>(plan_.network.nodes.size());
  }
  if (first) return *std::move(first);
  NT_TRY_VOID(finish());
  return std::move(plan_);
}

Result<TrainingPlan> plan_training(const Model& model, Diagnostics& out) {
  return Planner(model).run(out);
}

}  // namespace neurotool::training
