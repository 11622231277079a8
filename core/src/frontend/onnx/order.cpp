// Kahn's algorithm over value names, after checking that the names make sense. Ties go to the node
// that comes first in the file, so a sorted file keeps its order.
#include "frontend/onnx/order.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <functional>
#include <queue>

namespace neurotool::from_onnx {
namespace {

constexpr int kGiven = -1;  // made by no node: an input or an initializer

class Names {
 public:
  Names(const ::onnx::GraphProto& graph, Report& report) : graph_(graph), report_(report) {}

  /// Producer of each name: a node's index, or kGiven.
  std::unordered_map<std::string, int> producers() {
    add_initializers();
    add_inputs();
    for (int i = 0; i < graph_.node_size(); ++i) add_outputs(i);
    return std::move(producers_);
  }

 private:
  void add_initializers() {
    for (const auto& sparse : graph_.sparse_initializer()) {
      producers_.emplace(sparse.values().name(), kGiven);
    }
    for (const auto& tensor : graph_.initializer()) {
      if (tensor.name().empty()) {
        report_.error("onnx.name", report_.file(), "an initializer has no name");
      } else if (!producers_.emplace(tensor.name(), kGiven).second) {
        duplicate(tensor.name(), "two initializers");
      }
    }
  }

  /// Before IR version 4 every initializer was listed as an input too; since then it may be.
  void add_inputs() {
    std::unordered_set<std::string> inputs;
    for (const auto& input : graph_.input()) {
      if (input.name().empty()) {
        report_.error("onnx.name", report_.file(), "a graph input has no name");
      } else if (!inputs.insert(input.name()).second) {
        duplicate(input.name(), "two graph inputs");
      }
      producers_.emplace(input.name(), kGiven);
    }
  }

  void add_outputs(int index) {
    const auto& node = graph_.node(index);
    bool any = false;
    for (const std::string& output : node.output()) {
      if (output.empty()) continue;
      any = true;
      const auto [at, is_new] = producers_.emplace(output, index);
      if (is_new) continue;
      report_.error(
          "onnx.duplicate-name", report_.node(name_of(node, index)),
          fmt::format("it writes '{}', which {} already makes", output,
                      at->second == kGiven
                          ? std::string("an input or initializer")
                          : fmt::format("node '{}'", name_of(graph_.node(at->second), at->second))),
          "every value of a graph is made once; export the model again");
    }
    if (!any) {
      report_.error("onnx.output", report_.node(name_of(node, index)),
                    fmt::format("{} has no output", node.op_type()));
    }
  }

  void duplicate(const std::string& name, const char* what) {
    report_.error("onnx.duplicate-name", report_.node(name),
                  fmt::format("{} are called '{}'", what, name),
                  "every value of a graph is made once; export the model again");
  }

  const ::onnx::GraphProto& graph_;
  Report& report_;
  std::unordered_map<std::string, int> producers_;
};

void check_outputs(const ::onnx::GraphProto& graph,
                   const std::unordered_map<std::string, int>& producers, NodeOrder& order,
                   Report& report) {
  if (graph.output_size() == 0) {
    report.error("onnx.output", report.file(), "the graph has no outputs",
                 "name the network's result as a graph output when exporting");
  }
  for (const auto& output : graph.output()) {
    order.read.insert(output.name());
    if (producers.contains(output.name())) continue;
    report.error("onnx.output", report.node(output.name()),
                 fmt::format("no node makes the graph output '{}'", output.name()));
  }
}

/// Nodes that make what `index` reads; names that nobody makes are reported.
std::vector<int> producers_of(const ::onnx::GraphProto& graph, int index,
                              const std::unordered_map<std::string, int>& producers,
                              NodeOrder& order, Report& report) {
  std::vector<int> result;
  const auto& node = graph.node(index);
  for (const std::string& input : node.input()) {
    if (input.empty()) continue;
    order.read.insert(input);
    const auto found = producers.find(input);
    if (found == producers.end()) {
      report.error("onnx.input", report.node(name_of(node, index)),
                   fmt::format("{} reads '{}', which is neither an input, an initializer nor the "
                               "output of a node",
                               node.op_type(), input));
    } else if (found->second != kGiven) {
      result.push_back(found->second);
    }
  }
  return result;
}

/// Names some nodes of the cycle: from any node that could not be ordered, producers that could not
/// be ordered either lead into a cycle, and then around it.
void report_cycle(const ::onnx::GraphProto& graph, const std::vector<std::vector<int>>& reads,
                  const std::vector<int>& waiting, Report& report) {
  const auto is_stuck = [&](int index) { return waiting[static_cast<std::size_t>(index)] > 0; };
  int at = 0;
  while (!is_stuck(at)) ++at;
  std::vector<bool> seen(waiting.size(), false);
  while (!seen[static_cast<std::size_t>(at)]) {
    seen[static_cast<std::size_t>(at)] = true;
    at = *std::ranges::find_if(reads[static_cast<std::size_t>(at)], is_stuck);
  }
  constexpr std::size_t kMostNamed = 5;
  std::string names;
  std::size_t length = 0;
  int next = at;
  do {
    if (length < kMostNamed) {
      names += fmt::format("{}'{}'", names.empty() ? "" : ", ", name_of(graph.node(next), next));
    }
    ++length;
    next = *std::ranges::find_if(reads[static_cast<std::size_t>(next)], is_stuck);
  } while (next != at);
  if (length > kMostNamed) names += ", …";
  report.error("onnx.cycle", report.node(name_of(graph.node(at), at)),
               length == 1 ? std::string("it reads its own output")
                           : fmt::format("{} nodes read each other's outputs in a circle: {}",
                                         length, names),
               "ONNX graphs have no cycles; unroll the recurrence before exporting");
}

}  // namespace

std::string name_of(const ::onnx::NodeProto& node, int index) {
  return node.name().empty() ? fmt::format("{}_{}", node.op_type(), index) : node.name();
}

NodeOrder order_nodes(const ::onnx::GraphProto& graph, Report& report) {
  NodeOrder order;
  const auto producers = Names(graph, report).producers();
  check_outputs(graph, producers, order, report);

  const auto count = static_cast<std::size_t>(graph.node_size());
  std::vector<std::vector<int>> reads(count), readers(count);
  std::vector<int> waiting(count, 0);
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int i = 0; i < graph.node_size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    reads[at] = producers_of(graph, i, producers, order, report);
    for (const int producer : reads[at]) readers[static_cast<std::size_t>(producer)].push_back(i);
    waiting[at] = static_cast<int>(reads[at].size());
    if (waiting[at] == 0) ready.push(i);
  }
  while (!ready.empty()) {
    const int index = ready.top();
    ready.pop();
    order.nodes.push_back(index);
    for (const int reader : readers[static_cast<std::size_t>(index)]) {
      if (--waiting[static_cast<std::size_t>(reader)] == 0) ready.push(reader);
    }
  }
  if (order.nodes.size() < count) {
    report_cycle(graph, reads, waiting, report);
  } else if (!std::ranges::is_sorted(order.nodes)) {
    report.warning("onnx.node-order", report.file(),
                   "nodes of the graph come before nodes that they read; they were sorted");
  }
  return order;
}

}  // namespace neurotool::from_onnx
