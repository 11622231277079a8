// The tensor passes that every pipeline starts with run on a copy, then the lowering judges what is
// left; the trail of origins leads back to the nodes of the file.
#include "session/partition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "base/progress.hpp"
#include "passes/lower/lowering.hpp"
#include "passes/lower/refusal.hpp"
#include "passes/manager.hpp"

namespace neurotool {
namespace {

/// Without fold_batch_norm, which would make the weights a second time: what it takes is known.
constexpr const char* kUsualPasses = "infer_shapes,fold_constants,remove_identity";

/// The graph as the lowering would find it; as it is where the passes fail.
TensorGraph prepared(const Model& model) {
  Model copy = model;
  Diagnostics ignored;
  NoProgress progress;
  Context context{.diagnostics = ignored,
                  .progress = progress,
                  .seed = 1,
                  .calibration = nullptr,
                  .limits = {},
                  .facts = {}};
  const auto list = parse_pass_list(kUsualPasses);
  NT_CHECK(list.has_value(), "the usual passes are named correctly");
  auto passes = plan_passes(*list, Level::kTensor, ignored);
  NT_CHECK(passes.has_value(), "the usual passes are in order");
  PassManager manager;
  if (!manager.run(*passes, copy, context)) return model.tensor();
  return std::move(copy.tensor());
}

/// What is known of the nodes of the file by the names of their origins.
struct Verdicts {
  std::unordered_map<std::string, bool> remains;
  std::unordered_map<std::string, lower::Refusal> refused;
};

void add(Verdicts& verdicts, const OpNode& node, const std::optional<lower::Refusal>& refusal) {
  for (const std::string& origin : node.origins) {
    verdicts.remains.emplace(origin, true);
    if (refusal) verdicts.refused.emplace(origin, *refusal);
  }
}

/// Whether fold_batch_norm turns the op into weights of its neighbours, or into some of its own.
bool is_foldable_norm(const TensorGraph& graph, const OpNode& node) {
  return std::holds_alternative<BatchNorm>(node.op) &&
         std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                     [&](ValueId id) { return id.valid() && graph[id].constant.defined(); });
}

Verdicts judge_whole(const Model& model) {
  const TensorGraph graph = prepared(model);
  Verdicts verdicts;
  for (const lower::RefusedOp& one : lower::survey(graph, model.path)) {
    if (!is_foldable_norm(graph, graph[one.op])) add(verdicts, graph[one.op], one.refusal);
  }
  for (const OpId id : graph.live_ops()) {
    if (!is_foldable_norm(graph, graph[id])) add(verdicts, graph[id], std::nullopt);
  }
  return verdicts;
}

/// A graph with holes: each op by its kind.
Verdicts judge_parts(const TensorGraph& graph) {
  Verdicts verdicts;
  for (const OpId id : graph.live_ops()) {
    add(verdicts, graph[id], lower::refusal_by_kind(graph, graph[id]));
  }
  return verdicts;
}

PlacedNode place(const FileNode& node, const Verdicts& verdicts) {
  PlacedNode placed{.node = node.name, .op = node.op, .place = {}, .reason = {}, .help = {}};
  const auto refused = verdicts.refused.find(node.name);
  if (!node.problem.empty()) {
    placed.place = NodePlace::kUnsupported;
    placed.reason = node.problem;
    placed.help = node.help;
  } else if (refused != verdicts.refused.end()) {
    placed.place = NodePlace::kHost;
    placed.reason = refused->second.reason;
    placed.help = refused->second.help;
  } else {
    placed.place = verdicts.remains.contains(node.name) ? NodePlace::kSpiking : NodePlace::kFolded;
  }
  return placed;
}

}  // namespace

std::string_view place_name(NodePlace place) {
  switch (place) {
    case NodePlace::kSpiking:
      return "spiking";
    case NodePlace::kFolded:
      return "folded";
    case NodePlace::kHost:
      return "host";
    case NodePlace::kUnsupported:
      return "unsupported";
  }
  return {};
}

std::size_t Partition::count(NodePlace place) const {
  return static_cast<std::size_t>(std::ranges::count(nodes, place, &PlacedNode::place));
}

Partition partition_of(const Model* model, const ImportRecord& record) {
  const Verdicts verdicts = model != nullptr ? judge_whole(*model) : judge_parts(record.graph);
  Partition partition;
  for (const FileNode& node : record.nodes) partition.nodes.push_back(place(node, verdicts));
  return partition;
}

Json to_json(const Partition& partition) {
  Json rows = Json::array();
  for (const PlacedNode& node : partition.nodes) {
    Json row = Json::object();
    row["node"] = node.node;
    row["op"] = node.op;
    row["place"] = place_name(node.place);
    if (!node.reason.empty()) row["reason"] = node.reason;
    if (!node.help.empty()) row["help"] = node.help;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace neurotool
