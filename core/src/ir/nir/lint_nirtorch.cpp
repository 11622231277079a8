// What snnTorch 1.0 and spikingjelly 2.0 do, both with nirtorch.nir_to_torch; tests/interop/run_nir
// asks them.
#include "ir/nir/lint_checks.hpp"

namespace neurotool::nir::lint_checks {
namespace {

void spikingjelly_cuba(const Node& node, const CubaLIF& neuron, std::vector<Finding>& into) {
  same_everywhere(node, neuron, into,
                  {"tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "w_in", "v_reset"});
  const double rate = 1 / kDefaultStep;
  if (!near(neuron.r, neuron.tau_mem, rate)) {
    add(into, node, "r", Effect::kRefuses,
        "r of a CubaLIF must be tau_mem / dt, where dt is 1e-4 s by default",
        "import with the dt that gives r");
  }
  const Tensor one = Tensor::scalar(1.0F);
  if (!near(neuron.w_in.defined() ? neuron.w_in : one, neuron.tau_syn, rate)) {
    add(into, node, "w-in", Effect::kRefuses,
        "w_in of a CubaLIF must be tau_syn / dt, where dt is 1e-4 s by default",
        "import with the dt that gives w_in");
  }
  if (!is_zero(neuron.v_leak)) {
    add(into, node, "v-leak", Effect::kRefuses, "v_leak must be 0", "move it into the bias");
  }
}

/// Up to snnTorch 1.0 an IF sends spikes and membrane as a pair, which only an Output passes on;
/// `last` says whether that of this graph is the last node.
void pairs_of_if(const Graph& graph, const std::string& prefix, bool last,
                 std::vector<Finding>& into) {
  for (const Node& node : graph.nodes) {
    bool ends = true;
    for (const Edge& edge : graph.edges) {
      const Node* target = graph.find(edge.target);
      if (edge.source != node.name || target == nullptr) continue;
      ends = ends && last && std::holds_alternative<Output>(target->primitive);
    }
    if (const auto* inner = std::get_if<Graph>(&node.primitive))
      pairs_of_if(*inner, prefix + node.name + "/", ends, into);
    if (!std::holds_alternative<IF>(node.primitive) || ends) continue;
    into.push_back({"", "if-pair", Effect::kRefuses, prefix + node.name,
                    "snnTorch 1.0 sends spikes and membrane of an IF as a pair, which the node "
                    "behind it does not take",
                    "write a LIF that does not leak: the export profile 'hard'", false});
  }
}

}  // namespace

void snntorch(const Node& node, std::vector<Finding>& into) {
  torch_layers(node, into);
  if_one_of<AvgPool2d>(node, [&](const AvgPool2d& pool) {
    if (pool.kernel_size.rank() > 0 && pool.stride.rank() > 0 && pool.padding.rank() > 0) return;
    into.push_back({"", "pool-pair", Effect::kRefuses, node.name,
                    "kernel_size, stride and padding must be pairs, and one of them is a number",
                    "write pairs: neurotool nir lint --fix", true});
  });
  reset_is_ignored(node, into, "is reset as snnTorch does by default");
  if_one_of<IF, LIF, CubaLIF>(
      node, [&](const auto& neuron) { same_everywhere(node, neuron, into, {"v_threshold"}); });
  if_one_of<LIF>(node, [&](const auto& neuron) {
    if (!is_zero(neuron.v_leak)) {
      add(into, node, "v-leak", Effect::kRefuses, "v_leak must be 0", "move it into the bias");
    }
  });
  if_one_of<IF>(node, [&](const IF& neuron) {
    if (!is_all(neuron.r, 1)) {
      add(into, node, "r", Effect::kRefuses, "r of an IF must be 1",
          "multiply the incoming weights by r and make r 1");
    }
    add(into, node, "if-generations", Effect::kNote,
        "releases before May 2026 read an IF as a leak of 0.9, from May on as 0, and only since "
        "September 2026 as an integrator, which then resets by subtraction",
        "pin a version of snnTorch");
  });
  if_one_of<CubaLIF>(node, [&](const CubaLIF& neuron) {
    if (!near(neuron.r, neuron.tau_mem, 1 / kDefaultStep)) {
      add(into, node, "r", Effect::kRefuses,
          "r must be tau_mem / dt, where dt is 1e-4 s up to snnTorch 1.0",
          "write r for that step, or pass the step to a newer snnTorch");
    }
  });
}

void snntorch_graph(const Graph& graph, std::vector<Finding>& into) {
  pairs_of_if(graph, "", true, into);
}

void spikingjelly(const Node& node, std::vector<Finding>& into) {
  torch_layers(node, into);
  if_one_of<IF, LIF>(node, [&](const auto& neuron) {
    same_everywhere(node, neuron, into, {"v_threshold", "v_reset", "tau", "r"});
  });
  if_one_of<IF>(node, [&](const IF& neuron) {
    const auto r = uniform(neuron.r);
    if (r && std::abs(*r - 1 / kDefaultStep) > 1e-5 / kDefaultStep) {
      add(into, node, "r", Effect::kRefuses,
          fmt::format("r of an IF must be 1 / dt, and is {} where the default step wants 10000",
                      *r),
          *r == 1 ? "import with dt=1.0" : "import with the dt that gives r");
    }
  });
  if_one_of<LIF>(node, [&](const LIF& neuron) {
    const bool same =
        neuron.v_reset.defined() ? near(neuron.v_leak, neuron.v_reset, 1) : is_zero(neuron.v_leak);
    if (!same) {
      add(into, node, "v-leak", Effect::kRefuses, "v_leak must equal v_reset", "make them equal");
    }
    if (!is_all(neuron.r, 1) && !near(neuron.r, neuron.tau, 1 / kDefaultStep)) {
      add(into, node, "r", Effect::kRefuses,
          "r of a LIF must be 1 or tau / dt, where dt is 1e-4 s by default; before spikingjelly "
          "2.0 any other was read as if it were tau / dt",
          "make r 1, or tau / dt of the importer's step");
    }
    const auto tau = uniform(neuron.tau);
    if (tau && *tau <= kDefaultStep) {
      add(into, node, "tau", Effect::kRefuses,
          fmt::format("tau must be more than a step of 1e-4 s, and is {}", *tau),
          "import with a shorter step");
    }
  });
  if_one_of<CubaLIF>(node, [&](const CubaLIF& neuron) { spikingjelly_cuba(node, neuron, into); });
  if_one_of<Conv1d, Conv2d>(node, [&](const auto& conv) {
    if (conv.groups.defined() && !is_all(conv.groups, 1)) {
      into.push_back({"", "groups", Effect::kRefuses, node.name,
                      "a convolution with groups is not read",
                      "write the weights among zeros: neurotool nir lint --fix", true});
    }
    if (std::holds_alternative<std::string>(conv.padding)) {
      into.push_back({"", "padding-word", Effect::kNote, node.name,
                      "before spikingjelly 2.0 padding as a word is not read",
                      "write numbers: neurotool nir lint --fix", true});
    }
  });
}

}  // namespace neurotool::nir::lint_checks
