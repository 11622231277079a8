// Kahn's algorithm over value names, after checking that the names make sense. Ties go to the node
// that comes first in the file, so a sorted file keeps its order.
#include "frontend/onnx/order.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <functional>
#include <queue>
#include <set>

namespace neurotool::from_onnx {
namespace {

constexpr int kGiven = -1;  // made by no node: an input or an initializer

/// The node's name with the path to its body.
std::string place_of(const Body& body, int index) {
  return body.prefix + name_of(*body.nodes[static_cast<std::size_t>(index)], index);
}

class Names {
 public:
  Names(const Body& body, Report& report) : body_(body), report_(report) {}

  /// Producer of each name: a node's index, or kGiven.
  std::unordered_map<std::string, int> producers() {
    add_initializers();
    add_inputs();
    for (int i = 0; i < std::ssize(body_.nodes); ++i) add_outputs(i);
    return std::move(producers_);
  }

 private:
  void add_initializers() {
    for (const std::string* name : body_.initializers) {
      if (name->empty()) {
        report_.error("onnx.name", report_.file(), "an initializer has no name");
      } else if (!producers_.emplace(*name, kGiven).second) {
        duplicate(*name, "two initializers");
      }
    }
  }

  /// Before IR version 4 every initializer was listed as an input too; since then it may be.
  void add_inputs() {
    std::unordered_set<std::string> inputs;
    for (const std::string* name : body_.inputs) {
      if (name->empty()) {
        report_.error("onnx.name", report_.file(), "a graph input has no name");
      } else if (!inputs.insert(*name).second) {
        duplicate(*name, "two graph inputs");
      }
      producers_.emplace(*name, kGiven);
    }
  }

  void add_outputs(int index) {
    const auto& node = *body_.nodes[static_cast<std::size_t>(index)];
    bool any = false;
    for (const std::string& output : node.output()) {
      if (output.empty()) continue;
      any = true;
      const auto [at, is_new] = producers_.emplace(output, index);
      if (is_new) continue;
      report_.error(
          "onnx.duplicate-name", report_.node(place_of(body_, index)),
          fmt::format("it writes '{}', which {} already makes", output,
                      at->second == kGiven ? std::string("an input or initializer")
                                           : fmt::format("node '{}'", place_of(body_, at->second))),
          "every value of a graph is made once; export the model again");
    }
    if (!any) {
      report_.error("onnx.output", report_.node(place_of(body_, index)),
                    fmt::format("{} has no output", node.op_type()));
    }
  }

  void duplicate(const std::string& name, const char* what) {
    report_.error("onnx.duplicate-name", report_.node(body_.prefix + name),
                  fmt::format("{} are called '{}'", what, name),
                  "every value of a graph is made once; export the model again");
  }

  const Body& body_;
  Report& report_;
  std::unordered_map<std::string, int> producers_;
};

bool is_outer(const Body& body, const std::string& name) {
  return body.is_outer && body.is_outer(name);
}

void check_outputs(const Body& body, const std::unordered_map<std::string, int>& producers,
                   NodeOrder& order, Report& report) {
  if (body.outputs.empty()) {
    report.error("onnx.output", report.file(), "the graph has no outputs",
                 "name the network's result as a graph output when exporting");
  }
  for (const std::string* name : body.outputs) {
    order.read.insert(*name);
    if (producers.contains(*name) || is_outer(body, *name)) continue;
    report.error("onnx.output", report.node(body.prefix + *name),
                 fmt::format("no node makes the graph output '{}'", *name));
  }
}

void collect_reads(const ::onnx::GraphProto& graph, std::set<std::string>& reads);

/// Names that the subgraphs of a node read and do not make themselves.
void collect_reads(const ::onnx::NodeProto& node, std::set<std::string>& reads) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_g()) collect_reads(attribute.g(), reads);
    for (const auto& graph : attribute.graphs()) collect_reads(graph, reads);
  }
}

/// Nesting is bounded by the parser.
void collect_reads(const ::onnx::GraphProto& graph, std::set<std::string>& reads) {
  std::set<std::string> own, inner;
  for (const auto& node : graph.node()) {
    own.insert(node.output().begin(), node.output().end());
    inner.insert(node.input().begin(), node.input().end());
    collect_reads(node, inner);
  }
  for (const auto& input : graph.input()) own.insert(input.name());
  for (const auto& tensor : graph.initializer()) own.insert(tensor.name());
  for (const auto& output : graph.output()) inner.insert(output.name());
  for (const std::string& name : inner) {
    if (!name.empty() && !own.contains(name)) reads.insert(name);
  }
}

/// Nodes that make what `index` reads; names that nobody makes are reported.
std::vector<int> producers_of(const Body& body, int index,
                              const std::unordered_map<std::string, int>& producers,
                              NodeOrder& order, Report& report) {
  std::vector<int> result;
  const auto& node = *body.nodes[static_cast<std::size_t>(index)];
  for (const std::string& input : node.input()) {
    if (input.empty()) continue;
    order.read.insert(input);
    const auto found = producers.find(input);
    if (found != producers.end()) {
      if (found->second != kGiven) result.push_back(found->second);
    } else if (!is_outer(body, input)) {
      report.error("onnx.input", report.node(place_of(body, index)),
                   fmt::format("{} reads '{}', which is neither an input, an initializer nor the "
                               "output of a node",
                               node.op_type(), input));
    }
  }
  std::set<std::string> captured;
  collect_reads(node, captured);
  for (const std::string& name : captured) {
    order.read.insert(name);
    const auto found = producers.find(name);
    // What nobody makes is reported if the subgraph is inlined.
    if (found != producers.end() && found->second != kGiven) result.push_back(found->second);
  }
  return result;
}

/// Names some nodes of the cycle: from any node that could not be ordered, producers that could not
/// be ordered either lead into a cycle, and then around it.
void report_cycle(const Body& body, const std::vector<std::vector<int>>& reads,
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
      names += fmt::format("{}'{}'", names.empty() ? "" : ", ", place_of(body, next));
    }
    ++length;
    next = *std::ranges::find_if(reads[static_cast<std::size_t>(next)], is_stuck);
  } while (next != at);
  if (length > kMostNamed) names += ", …";
  report.error("onnx.cycle", report.node(place_of(body, at)),
               length == 1 ? std::string("it reads its own output")
                           : fmt::format("{} nodes read each other's outputs in a circle: {}",
                                         length, names),
               "ONNX graphs have no cycles; unroll the recurrence before exporting");
}

}  // namespace

std::string name_of(const ::onnx::NodeProto& node, int index) {
  return node.name().empty() ? fmt::format("{}_{}", node.op_type(), index) : node.name();
}

Body body_of(const ::onnx::GraphProto& graph) {
  Body body;
  for (const auto& node : graph.node()) body.nodes.push_back(&node);
  for (const auto& sparse : graph.sparse_initializer()) {
    body.initializers.push_back(&sparse.values().name());
  }
  for (const auto& tensor : graph.initializer()) body.initializers.push_back(&tensor.name());
  for (const auto& input : graph.input()) body.inputs.push_back(&input.name());
  for (const auto& output : graph.output()) body.outputs.push_back(&output.name());
  return body;
}

Body body_of(const ::onnx::FunctionProto& function) {
  Body body;
  for (const auto& node : function.node()) body.nodes.push_back(&node);
  for (const std::string& input : function.input()) body.inputs.push_back(&input);
  for (const std::string& output : function.output()) body.outputs.push_back(&output);
  return body;
}

NodeOrder order_nodes(const Body& body, Report& report) {
  NodeOrder order;
  const auto producers = Names(body, report).producers();
  check_outputs(body, producers, order, report);

  const std::size_t count = body.nodes.size();
  std::vector<std::vector<int>> reads(count), readers(count);
  std::vector<int> waiting(count, 0);
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int i = 0; i < std::ssize(body.nodes); ++i) {
    const auto at = static_cast<std::size_t>(i);
    reads[at] = producers_of(body, i, producers, order, report);
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
    report_cycle(body, reads, waiting, report);
  } else if (!std::ranges::is_sorted(order.nodes)) {
    report.warning("onnx.node-order", report.file(),
                   "nodes of the graph come before nodes that they read; they were sorted");
  }
  return order;
}

}  // namespace neurotool::from_onnx
