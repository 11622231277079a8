// What spyx 1.0 does: it follows the first edge of every node from 'input' on, and computes with
// the channels last.
#include <map>
#include <set>

#include "ir/nir/lint_checks.hpp"
#include "ir/nir/shapes.hpp"

namespace neurotool::nir::lint_checks {
namespace {

constexpr const char* kOther = "choose another reader";

bool is_image(const Tensor& input_type) {
  if (input_type.size() != 3 || input_type.at(0) == 1) return false;
  return input_type.at(1) * input_type.at(2) > 1;
}

/// A LIF or CubaLIF and the matrix that leads from it back to it are one layer: their edges are
/// taken out before the walk.
bool is_inside_layer(const Graph& graph, const Edge& edge) {
  const Edge back{edge.target, edge.source};
  if (std::ranges::find(graph.edges, back) == graph.edges.end()) return false;
  const auto is = [&](const std::string& name, auto&& test) {
    const Node* node = graph.find(name);
    return node != nullptr && test(node->primitive);
  };
  const auto fires = [](const Primitive& p) {
    return std::holds_alternative<LIF>(p) || std::holds_alternative<CubaLIF>(p);
  };
  const auto matrix = [](const Primitive& p) {
    return std::holds_alternative<Affine>(p) || std::holds_alternative<Linear>(p);
  };
  return (is(edge.source, fires) && is(edge.target, matrix)) ||
         (is(edge.source, matrix) && is(edge.target, fires));
}

void pair_of_li(const Graph& graph, std::vector<Finding>& into) {
  std::set<std::string> folded;
  for (const Edge& edge : graph.edges) {
    const Node *source = graph.find(edge.source), *target = graph.find(edge.target);
    if (source != nullptr && target != nullptr && std::holds_alternative<LI>(source->primitive) &&
        std::holds_alternative<Threshold>(target->primitive)) {
      folded.insert(edge.source);
      folded.insert(edge.target);
    }
  }
  for (const Node& node : graph.nodes) {
    if (folded.contains(node.name)) continue;
    if (std::holds_alternative<LI>(node.primitive)) {
      add(into, node, "unknown-type", Effect::kRefuses,
          "an LI is read in front of a Threshold only", kOther);
    } else if (std::holds_alternative<Threshold>(node.primitive)) {
      add(into, node, "unknown-type", Effect::kDrops,
          "a Threshold is read behind an LI only, and passes on what it gets", kOther);
    }
  }
}

}  // namespace

void spyx(const Node& node, std::vector<Finding>& into) {
  torch_layers(node, into);  // of JAX as well
  if_one_of<IF>(node, [&](const IF& neuron) {
    if (is_all(neuron.r, 1)) return;
    add(into, node, "r", Effect::kMisreads, "r is not read, as if it were 1",
        "multiply the incoming weights by r and make r 1");
  });
  reset_is_ignored(node, into, "is reset by subtraction, one step later");
  if_one_of<LIF, CubaLIF>(node, [&](const auto& neuron) {
    if (is_zero(neuron.v_leak)) return;
    add(into, node, "v-leak", Effect::kMisreads, "v_leak is not read, as if it were 0",
        "move it into the bias");
  });
  if_one_of<CubaLIF>(node, [&](const CubaLIF& neuron) {
    if (neuron.v_threshold.rank() <= 1) return;
    add(into, node, "cuba-image", Effect::kRefuses,
        "the state of a CubaLIF behind a convolution gets twice the rows and columns",
        "write a LIF, or choose another reader");
  });
  if_one_of<Flatten>(node, [&](const Flatten& flatten) {
    if (!is_image(flatten.input_type)) return;
    add(into, node, "flatten-order", Effect::kMisreads,
        "an image is flattened with its channels last, and the weights behind take them first",
        kOther);
  });
  if_one_of<Conv2d>(node, [&](const Conv2d& conv) {
    if (conv.groups.defined() && !is_all(conv.groups, 1)) {
      into.push_back({"", "groups", Effect::kRefuses, node.name,
                      "a convolution with groups is not read",
                      "write the weights among zeros: neurotool nir lint --fix", true});
    }
    if (conv.dilation.defined() && !is_all(conv.dilation, 1)) {
      add(into, node, "dilation", Effect::kMisreads, "dilation is not read, as if it were 1",
          "write the kernel with zeros between its taps");
    }
  });
  if_one_of<SumPool2d>(node, [&](const SumPool2d& pool) {
    if (is_zero(pool.padding)) return;
    add(into, node, "pool-padding", Effect::kMisreads,
        "any padding of a pooling is read as the one that gives an output as large as the input",
        "pad in the convolution before it");
  });
}

void spyx_graph(const Graph& graph, std::vector<Finding>& into) {
  pair_of_li(graph, into);
  std::map<std::string, std::string> next;
  for (const Edge& edge : graph.edges)
    if (!is_inside_layer(graph, edge)) next.emplace(edge.source, edge.target);
  std::set<std::string> seen;
  std::string at = "input";
  while (at != "output" && next.contains(at) && seen.insert(at).second) at = next.at(at);
  if (seen.contains(at)) {
    return into.push_back({"", "no-chain", Effect::kHangs, at,
                           "the walk along the first edge of every node comes back here and never "
                           "ends",
                           kOther, false});
  }
  seen.insert(at);
  if (graph.find("input") == nullptr) {
    return into.push_back({"", "name", Effect::kDrops, "",
                           "the chain must begin at a node 'input': all nodes are left out",
                           "rename it: neurotool nir lint --fix", true});
  }
  for (const Edge& edge : graph.edges) {
    if (is_inside_layer(graph, edge) ||
        (seen.contains(edge.source) && next[edge.source] == edge.target))
      continue;
    return into.push_back({"", "no-chain", Effect::kDrops, edge.source,
                           "only the first edge of every node is followed, and the one to '" +
                               edge.target + "' is left out",
                           kOther, false});
  }
}

}  // namespace neurotool::nir::lint_checks
