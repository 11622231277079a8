// The rules that hold for every reader, driven by what lint_readers.cpp says of each. Findings name
// nodes inside nested graphs by the path "outer/inner".
#include "ir/nir/lint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "ir/nir/lint_rules.hpp"
#include "ir/nir/lower.hpp"
#include "ir/nir/reference.hpp"
#include "ir/nir/walk.hpp"

namespace neurotool::nir {
namespace {

class Lint {
 public:
  explicit Lint(const ReaderRules& rules) : rules_(rules) {}

  std::vector<Finding> run(const Graph& graph) {
    check_reference(graph);
    level(graph, "");
    std::vector<Finding> own = std::move(found_);
    lint_own_rules(graph, rules_.habits, own);
    for (Finding& each : own) each.reader = rules_.reader.name;
    return own;
  }

 private:
  void add(std::string_view rule, Effect effect, std::string node, std::string message,
           std::string help, bool fixable = false) {
    found_.push_back({rules_.reader.name, rule, effect, std::move(node), std::move(message),
                      std::move(help), fixable});
  }

  void check_reference(const Graph& graph) {
    if (!rules_.checks_types) return;
    const auto verdict = reference_verdict(graph);
    if (verdict) return;
    const auto* at = std::get_if<ModelNode>(&verdict.error().at);
    Graph fixed = graph;
    Diagnostics ignored;
    const bool fixable =
        make_portable(fixed, ignored).has_value() && reference_verdict(fixed).has_value();
    add("type-check", Effect::kRefuses, at == nullptr ? "" : at->node,
        "the nir package refuses the file when it reads it: " + verdict.error().message,
        fixable ? "neurotool nir lint --fix"
                : "read it with nir.read(path, type_check=False), from nir 1.0.7 on",
        fixable);
  }

  void level(const Graph& graph, const std::string& prefix) {
    check_names(graph, prefix);
    check_edges(graph, prefix);
    check_ends(graph, prefix);
    check_cycles(graph, prefix);
    check_walk(graph, prefix);
    const Effect unknown = effect_of_unknown(graph);
    for (const Node& node : graph.nodes) {
      if (const auto* inner = std::get_if<Graph>(&node.primitive)) {
        level(*inner, prefix + node.name + "/");
        continue;
      }
      check_type(node, prefix, unknown);
      if (rules_.node != nullptr) take(node, prefix, rules_.node);
    }
    if (rules_.graph != nullptr && prefix.empty()) {
      std::vector<Finding> own;
      rules_.graph(graph, own);
      adopt(std::move(own), prefix);
    }
  }

  void take(const Node& node, const std::string& prefix,
            void (*rule)(const Node&, std::vector<Finding>&)) {
    std::vector<Finding> own;
    rule(node, own);
    adopt(std::move(own), prefix);
  }

  void adopt(std::vector<Finding> own, const std::string& prefix) {
    for (Finding& each : own) {
      each.reader = rules_.reader.name;
      each.node = prefix + each.node;
      found_.push_back(std::move(each));
    }
  }

  bool is_unknown(const Node& node) const {
    return std::ranges::find(rules_.types, type_name(node.primitive)) == rules_.types.end();
  }

  /// nirtorch.load keeps an unknown node as nothing: the edges at it vanish, and with them what is
  /// behind. Two of them get mixed up, and a graph without any other edges is empty: refused.
  Effect effect_of_unknown(const Graph& graph) const {
    if (!rules_.depth_first) return rules_.unknown;
    std::set<std::string_view> unknown;
    for (const Node& node : graph.nodes)
      if (is_unknown(node)) unknown.insert(node.name);
    bool keeps_an_edge = false;
    for (const Edge& edge : graph.edges) {
      bool kept = true;
      for (const std::string& end : {edge.source, edge.target}) {
        if (!unknown.contains(end)) continue;
        kept = false;
        if (end != *unknown.rbegin()) return Effect::kRefuses;
      }
      keeps_an_edge = keeps_an_edge || kept;
    }
    return keeps_an_edge ? Effect::kDrops : Effect::kRefuses;
  }

  void check_type(const Node& node, const std::string& prefix, Effect effect) {
    if (!is_unknown(node)) return;
    const std::string_view type = type_name(node.primitive);
    const bool linear =
        type == "Linear" && std::ranges::find(rules_.types, "Affine") != rules_.types.end();
    std::string help = linear ? "write an Affine with a bias of zeros: neurotool nir lint --fix"
                       : type == "AvgPool2d"
                           ? "write a SumPool2d and divide the weights that follow by the area"
                           : "express the node by others, or choose another reader";
    add("unknown-type", effect, prefix + node.name,
        effect != Effect::kDrops
            ? fmt::format("{} is not known", type)
            : fmt::format("{} is not known and {}", type,
                          rules_.depth_first
                              ? "is left out with its edges; what is left of the network runs"
                              : "passes on what it gets, as if it were not there"),
        std::move(help), linear);
  }

  void check_names(const Graph& graph, const std::string& prefix) {
    std::map<std::string, std::string> modules;
    for (const Node& node : graph.nodes) {
      std::string module = node.name;
      std::ranges::replace(module, '.', '_');
      const auto [other, fresh] = modules.emplace(module, node.name);
      if (rules_.splits_at_dots && !fresh) {
        add("name-collision", Effect::kMisreads, prefix + node.name,
            fmt::format("dots become underscores, so this node and '{}' become one",
                        escape_control(other->second)),
            "rename one: neurotool nir lint --fix", true);
      } else if (rules_.splits_at_dots && !is_portable_name(node.name)) {
        add("name", Effect::kNote, prefix + node.name,
            "the name is no plain identifier, which PyTorch modules must have",
            "rename it: neurotool nir lint --fix", true);
      }
    }
  }

  void check_edges(const Graph& graph, const std::string& prefix) {
    std::set<Edge> seen;
    for (const Edge& edge : graph.edges) {
      if (seen.insert(edge).second) continue;
      add("duplicate-edge", Effect::kRefuses, prefix + edge.target,
          fmt::format("the edge from '{}' is there twice, which nir 1.0.8 refuses; older versions "
                      "count it once",
                      escape_control(edge.source)),
          "drop it: neurotool nir lint --fix", true);
    }
  }

  void check_ends(const Graph& graph, const std::string& prefix) {
    std::size_t inputs = 0, outputs = 0;
    for (const Node& node : graph.nodes) {
      inputs += std::holds_alternative<Input>(node.primitive) ? 1 : 0;
      if (!std::holds_alternative<Output>(node.primitive)) continue;
      ++outputs;
      const auto sources = std::ranges::count(graph.edges, node.name, &Edge::target);
      if (sources > 1 && !rules_.sums_at_outputs) {
        add("output-sum", Effect::kRefuses, prefix + node.name,
            fmt::format("{} edges meet at an Output, where they are refused", sources),
            "let them meet in a node that computes, with one edge to the Output");
      }
    }
    if (inputs > 1 && !rules_.many_inputs) {
      add("several-inputs", rules_.depth_first ? Effect::kDrops : Effect::kRefuses, prefix,
          rules_.depth_first
              ? fmt::format("of {} Inputs one is fed, and which one is left to chance", inputs)
              : fmt::format("nirtorch 2 refuses a graph with {} Inputs", inputs),
          "join them to one Input whose parts the first layer selects");
    }
    if (outputs > 1 && !rules_.many_outputs) {
      add("several-outputs", rules_.depth_first ? Effect::kDrops : Effect::kHangs, prefix,
          rules_.depth_first
              ? fmt::format("of {} Outputs the one that is run last is returned", outputs)
              : fmt::format("nirtorch 2 never returns from a graph with {} Outputs", outputs),
          "keep one Output; read the others as recorded states");
    }
  }

  void check_cycles(const Graph& graph, const std::string& prefix) {
    if (rules_.recurrent) return;
    for (const Edge& edge : cycle_edges(graph)) {
      if (!rules_.recurrent_layer.empty() && is_recurrent_layer(graph, edge)) {
        add("recurrent-edge", rules_.recurrent_layer_effect, prefix + edge.target,
            fmt::format("it and '{}' are read as one recurrent layer, {}",
                        escape_control(edge.source), rules_.recurrent_layer),
            "choose another reader with recurrence: norse, spikingjelly");
        continue;
      }
      add("recurrent-edge", rules_.recurrent_effect, prefix + edge.target,
          fmt::format("the edge from '{}' closes a cycle and is {}", escape_control(edge.source),
                      rules_.recurrent_effect == Effect::kDrops ? "ignored without a word"
                                                                : "not supported"),
          "choose a reader with recurrence: norse, spikingjelly");
    }
  }

  /// Where the order of a depth-first walk is not that of a step.
  void check_walk(const Graph& graph, const std::string& prefix) {
    if (!rules_.depth_first ||
        std::ranges::any_of(graph.nodes, [&](const Node& node) { return is_unknown(node); })) {
      return;
    }
    const auto walk = depth_first_walk(graph);
    if (!walk) return;
    Graph sorted = graph;
    order_edges(sorted);
    const bool fixable = runs_rightly(sorted);
    const std::string help =
        fixable ? "write the edges in the order of a step: neurotool nir lint --fix"
                : "let one of the branches be an edge without a node, or choose a reader on "
                  "nirtorch.nir_to_torch";
    for (const Edge& edge : walk->late) {
      add("walk-order", Effect::kMisreads, prefix + edge.target,
          fmt::format("it runs before '{}', so that what this one sends arrives one step late",
                      escape_control(edge.source)),
          help, fixable);
    }
    const Node* last = graph.find(walk->order.back());
    const bool has_output = std::ranges::any_of(graph.nodes, [](const Node& node) {
      return std::holds_alternative<Output>(node.primitive);
    });
    if (has_output && !std::holds_alternative<Output>(last->primitive)) {
      add("walk-order", Effect::kMisreads, prefix + last->name,
          "it runs last, so that what it sends is returned instead of what reaches the Output",
          help, fixable);
    }
  }

  /// A LIF or CubaLIF and a matrix that leads from it to it alone.
  static bool is_recurrent_layer(const Graph& graph, const Edge& edge) {
    for (const auto& [neurons, matrix] :
         {std::pair(edge.target, edge.source), std::pair(edge.source, edge.target)}) {
      const Node *n = graph.find(neurons), *m = graph.find(matrix);
      if (n == nullptr || m == nullptr) continue;
      const bool types = (std::holds_alternative<LIF>(n->primitive) ||
                          std::holds_alternative<CubaLIF>(n->primitive)) &&
                         (std::holds_alternative<Affine>(m->primitive) ||
                          std::holds_alternative<Linear>(m->primitive));
      if (types && std::ranges::count(graph.edges, matrix, &Edge::source) == 1 &&
          std::ranges::count(graph.edges, matrix, &Edge::target) == 1 &&
          std::ranges::count(graph.edges, Edge{matrix, neurons}) == 1 &&
          std::ranges::count(graph.edges, Edge{neurons, matrix}) == 1) {
        return true;
      }
    }
    return false;
  }

  /// Edges back into a node that is being followed, in a walk by the order of nodes and edges.
  static std::vector<Edge> cycle_edges(const Graph& graph) {
    std::map<std::string, int> state;  // 1: on the way, 2: done
    std::vector<Edge> found;
    struct Step {
      std::string name;
      std::size_t next = 0;
    };
    for (const Node& start : graph.nodes) {
      if (state[start.name] != 0) continue;
      std::vector<Step> way{{start.name, 0}};
      state[start.name] = 1;
      while (!way.empty()) {
        Step& step = way.back();
        if (step.next == graph.edges.size()) {
          state[step.name] = 2;
          way.pop_back();
          continue;
        }
        const Edge& edge = graph.edges[step.next++];
        if (edge.source != step.name) continue;
        int& target = state[edge.target];
        if (target == 1) found.push_back(edge);
        if (target != 0) continue;
        target = 1;
        way.push_back({edge.target, 0});
      }
    }
    return found;
  }

  const ReaderRules& rules_;
  std::vector<Finding> found_;
};

}  // namespace

std::string_view effect_word(Effect effect) {
  switch (effect) {
    case Effect::kNote:
      return "notes";
    case Effect::kRefuses:
      return "refuses";
    case Effect::kHangs:
      return "hangs on";
    case Effect::kDrops:
      return "drops";
    case Effect::kMisreads:
      return "misreads";
  }
  return "notes";
}

std::vector<Reader> lint_readers() {
  std::vector<Reader> readers;
  for (const ReaderRules& rules : reader_rules()) readers.push_back(rules.reader);
  return readers;
}

std::vector<Finding> lint(const Graph& graph, std::string_view reader) {
  for (const ReaderRules& rules : reader_rules()) {
    if (rules.reader.name == reader) return Lint(rules).run(graph);
  }
  NT_CHECK(false, "the reader is one of lint_readers()");
  return {};
}

std::vector<Finding> lint_doubts(std::span<const Diagnostic> doubts, std::string_view reader) {
  struct Rule {
    std::string_view code, rule, message, help;
    bool fixable = true, torch_only = false;
  };
  constexpr std::string_view kFix = "neurotool nir lint --fix writes what was read";
  static constexpr std::array<Rule, 6> kRules{
      {{"nir.edge", "dangling-edge", "from nir 1.0.5 on the file is refused",
        "spell the node as in 'nodes', or drop the edge", false},
       {"nir.duplicate-edge", "duplicate-edge",
        "nir 1.0.8 refuses the file; older versions count the edge once", kFix},
       {"nir.unknown-member", "unknown-member", "the nir package refuses the file", kFix},
       {"nir.type", "type-array", "from nir 1.0.2 on the file is refused", kFix},
       {"nir.no-graph", "no-graph", "from nir 1.0.7 on the file is refused", kFix},
       {"nir.byte-order", "byte-order", "PyTorch refuses the array", kFix, true, true}}};
  std::vector<Finding> found;
  for (const ReaderRules& rules : reader_rules()) {
    if (rules.reader.name != reader || !rules.checks_types) continue;
    for (const Diagnostic& doubt : doubts) {
      const auto rule = std::ranges::find(kRules, doubt.code, &Rule::code);
      if (rule == kRules.end() || (rule->torch_only && !rules.splits_at_dots)) continue;
      const auto* at = std::get_if<ModelNode>(&doubt.at);
      found.push_back({rules.reader.name, rule->rule, Effect::kRefuses, at ? at->node : "",
                       fmt::format("{}: {}", doubt.message, rule->message), std::string(rule->help),
                       rule->fixable});
    }
  }
  return found;
}

std::optional<double> uniform(const Tensor& tensor) {
  if (!tensor.defined() || tensor.size() == 0) return std::nullopt;
  const double first = tensor.at(0);
  return is_all(tensor, first) ? std::optional(first) : std::nullopt;
}

bool is_all(const Tensor& tensor, double value) {
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    if (tensor.at(i) != value) return false;
  }
  return true;
}

bool is_zero(const Tensor& tensor) { return !tensor.defined() || is_all(tensor, 0); }

}  // namespace neurotool::nir
