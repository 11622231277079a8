// What is known of each reader, and which versions of it: docs/nir.md has the sources. A rule
// speaks only where a file shows the cause; what a reader does to every file is in the table of
// docs/nir.md.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <type_traits>

#include "ir/nir/lint_rules.hpp"

namespace neurotool::nir {
namespace {

constexpr double kDefaultStep = 1e-4;  ///< of snnTorch and spikingjelly, in seconds

void add(std::vector<Finding>& into, const Node& node, std::string_view rule, Effect effect,
         std::string message, std::string help) {
  into.push_back({"", rule, effect, node.name, std::move(message), std::move(help), false});
}

/// Calls f with the primitive where it is one of the neurons that spike or leak.
template <class... Neurons, class F>
void if_one_of(const Node& node, F&& f) {
  std::visit(
      [&](const auto& primitive) {
        if constexpr ((std::is_same_v<std::decay_t<decltype(primitive)>, Neurons> || ...))
          f(primitive);
      },
      node.primitive);
}

bool near(const Tensor& tensor, const Tensor& other, double factor) {
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    const double wanted = other.at(other.size() == 1 ? 0 : std::min(i, other.size() - 1)) * factor;
    if (std::abs(tensor.at(i) - wanted) > 1e-8 + 1e-5 * std::abs(wanted)) return false;
  }
  return true;
}

void reset_is_ignored(const Node& node, std::vector<Finding>& into, std::string_view does) {
  if_one_of<IF, LIF, CubaLIF>(node, [&](const auto& neuron) {
    if (is_zero(neuron.v_reset)) return;
    add(into, node, "v-reset", Effect::kMisreads,
        fmt::format("v_reset is not read; the membrane {}", does), "make v_reset zero");
  });
}

void r_is_ignored(const Node& node, std::vector<Finding>& into) {
  if_one_of<IF, LI, LIF>(node, [&](const auto& neuron) {
    if (is_all(neuron.r, 1)) return;
    add(into, node, "r", Effect::kMisreads, "r is not read, as if it were 1",
        "multiply the incoming weights by r and make r 1");
  });
}

template <class Neuron>
void same_everywhere(const Node& node, const Neuron& neuron, std::vector<Finding>& into,
                     std::initializer_list<std::string_view> names) {
  each_parameter(neuron, [&](std::string_view name, const Tensor& field, Presence) {
    if (std::ranges::find(names, name) == names.end() || !field.defined() || uniform(field)) return;
    add(into, node, "unequal-parameters", Effect::kRefuses,
        fmt::format("{} has several values, and one for the whole layer is taken", name),
        "scale the weights so that all neurons share one value");
  });
}

void norse(const Node& node, std::vector<Finding>& into) {
  r_is_ignored(node, into);
  reset_is_ignored(node, into, "is reset to 0");
  if_one_of<CubaLIF>(node, [&](const CubaLIF& neuron) {
    if (!is_zero(neuron.v_leak)) {
      add(into, node, "v-leak", Effect::kMisreads,
          "v_leak drives the synaptic current as well as the membrane",
          "make v_leak zero, or rely on it as the profile 'norse' does");
    }
  });
}

void snntorch(const Node& node, std::vector<Finding>& into) {
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
      add(into, node, "r", Effect::kNote,
          "r must be tau_mem / dt of the importer's step, and is not for 1e-4 s",
          "pass the step that the file was made for");
    }
  });
}

void spikingjelly(const Node& node, std::vector<Finding>& into) {
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
      add(into, node, "r", Effect::kMisreads,
          "any r but 1 is read as if it were tau / dt: the input is not scaled",
          "make r 1, or tau / dt of the importer's step");
    }
  });
  if_one_of<Conv1d, Conv2d>(node, [&](const auto& conv) {
    if (std::holds_alternative<std::string>(conv.padding)) {
      into.push_back({"", "padding-word", Effect::kRefuses, node.name,
                      "padding as a word is not read", "write numbers: neurotool nir lint --fix",
                      true});
    }
  });
}

void sinabs(const Node& node, std::vector<Finding>& into) {
  reset_is_ignored(node, into, "is reset by subtraction");
  if_one_of<IF, LIF>(node, [&](const auto& neuron) {
    if (!is_all(neuron.r, 1)) {
      add(into, node, "r", Effect::kMisreads, "r is not read, as if it were 1",
          "multiply the incoming weights by r and make r 1");
    }
    add(into, node, "multi-spike", Effect::kNote,
        "a neuron sends as many spikes in a step as thresholds fit into its membrane",
        "use the adapter of docs/howto/export-to-a-simulator.md for one spike in a step");
  });
  if_one_of<LIF>(node, [&](const LIF& neuron) {
    if (!is_zero(neuron.v_leak)) {
      add(into, node, "v-leak", Effect::kRefuses, "v_leak must be 0", "move it into the bias");
    }
  });
  if_one_of<LI>(node, [&](const LI& neuron) {
    if (!is_all(neuron.r, 1)) {
      add(into, node, "r", Effect::kRefuses, "r of an LI must be 1",
          "multiply the incoming weights by r and make r 1");
    }
  });
  if_one_of<LI, LIF>(node, [&](const auto& neuron) {
    const auto tau = uniform(neuron.tau);
    if (tau && *tau < 0.5) {
      add(into, node, "time-unit", Effect::kMisreads,
          fmt::format("tau is taken as a number of steps, and is {}, which looks like seconds",
                      *tau),
          "divide tau by the step");
    }
  });
  if_one_of<SumPool2d>(node, [&](const SumPool2d& pool) {
    if (!is_zero(pool.padding)) {
      add(into, node, "pool-padding", Effect::kMisreads, "the padding of a pooling is not read",
          "pad in the convolution before it");
    }
  });
}

void rockpool(const Node& node, std::vector<Finding>& into) {
  reset_is_ignored(node, into, "is reset by subtraction");
  if_one_of<CubaLIF>(node, [&](const CubaLIF& neuron) {
    if (neuron.w_in.defined() && !is_all(neuron.w_in, 1)) {
      add(into, node, "w-in", Effect::kMisreads, "w_in is not read, as if it were 1",
          "multiply the incoming weights by w_in and make w_in 1");
    }
  });
  if_one_of<LI>(node, [&](const LI& neuron) {
    for (std::int64_t i = 0; i < neuron.tau.size(); ++i) {
      if (neuron.tau.at(i) == std::floor(neuron.tau.at(i))) continue;
      return add(
          into, node, "tau", Effect::kMisreads,
          fmt::format("tau is cut to a whole number, and {} loses its fraction", neuron.tau.at(i)),
          "there is no way around in rockpool; choose another reader");
    }
  });
}

void spyx(const Node& node, std::vector<Finding>& into) {
  r_is_ignored(node, into);
  reset_is_ignored(node, into, "is reset by subtraction, one step later");
}

void spyx_graph(const Graph& graph, std::vector<Finding>& into) {
  const auto* input = graph.find("input");
  const auto* output = graph.find("output");
  if (input == nullptr || output == nullptr) {
    into.push_back({"", "name", Effect::kRefuses, "",
                    "the chain must begin at a node 'input' and end at a node 'output'",
                    "rename them: neurotool nir lint --fix", true});
  }
  for (const Node& node : graph.nodes) {
    const auto sources = std::ranges::count(graph.edges, node.name, &Edge::target);
    const auto targets = std::ranges::count(graph.edges, node.name, &Edge::source);
    if (sources > 1 || targets > 1) {
      into.push_back({"", "no-chain", Effect::kRefuses, node.name,
                      "only a chain of nodes is read, and here it branches or meets",
                      "choose another reader", false});
    }
  }
}

void lava(const Node& node, std::vector<Finding>& into) {
  if_one_of<Affine, Conv2d>(node, [&](const auto& layer) {
    if (!is_zero(layer.bias)) {
      add(into, node, "bias", Effect::kDrops, "there is no bias on this path",
          "train without bias");
    }
  });
  if_one_of<IF, LIF, CubaLIF>(node, [&](const auto& neuron) {
    same_everywhere(node, neuron, into, {"v_threshold"});
    reset_is_ignored(node, into, "is reset to 0");
  });
}

/// The versions of the nir package itself.
void nir_package(const Node& node, std::vector<Finding>& into) {
  if_one_of<IF, LIF, CubaLIF>(node, [&](const auto& neuron) {
    if (neuron.v_reset.defined()) {
      add(into, node, "v-reset", Effect::kNote, "nir 1.0.2 to 1.0.5 refuse a file with v_reset",
          is_zero(neuron.v_reset) ? "leave it out, which means zero: neurotool nir lint --fix"
                                  : "these versions have no way to say it");
      into.back().fixable = is_zero(neuron.v_reset);
    }
  });
  if_one_of<SumPool2d, AvgPool2d>(node, [&](const auto&) {
    add(into, node, "pooling", Effect::kNote, "nir 1.0.5 reads no graph with pooling",
        "other versions do");
  });
  if (!node.metadata.empty()) {
    add(into, node, "metadata", Effect::kNote,
        "nir 1.0.2 to 1.0.4 refuse metadata on some nodes, later versions take it",
        "put it into the graph's metadata");
  }
}

using Types = std::vector<std::string_view>;

const Types kAll{"Input",     "Output",    "Affine",  "Linear",  "Scale",     "Conv1d", "Conv2d",
                 "SumPool2d", "AvgPool2d", "Flatten", "Delay",   "Threshold", "I",      "LI",
                 "IF",        "LIF",       "CubaLI",  "CubaLIF", "NIRGraph"};

std::vector<ReaderRules> all_rules() {
  const Types torch{"Input",     "Output",  "Affine", "Linear", "Conv1d",  "Conv2d",  "SumPool2d",
                    "AvgPool2d", "Flatten", "IF",     "LIF",    "CubaLIF", "NIRGraph"};
  Types with_li = torch;
  with_li.push_back("LI");
  Types with_scale = torch;
  with_scale.push_back("Scale");
  std::vector<ReaderRules> rules;
  rules.push_back({.reader = {"nir", "the reference package, 1.0 to 1.0.8"},
                   .types = kAll,
                   .node = nir_package});
  rules.push_back({.reader = {"norse", "norse with nirtorch 2"},
                   .types = with_li,
                   .splits_at_dots = true,
                   .sums_at_outputs = false,
                   .many_inputs = false,
                   .many_outputs = false,
                   .node = norse});
  rules.push_back({.reader = {"snntorch", "snnTorch with nirtorch 2"},
                   .types = torch,
                   .splits_at_dots = true,
                   .sums_at_outputs = false,
                   .many_inputs = false,
                   .many_outputs = false,
                   .recurrent = false,
                   .recurrent_effect = Effect::kRefuses,
                   .node = snntorch});
  rules.push_back({.reader = {"spikingjelly", "spikingjelly, activation_based"},
                   .types = with_scale,
                   .splits_at_dots = true,
                   .sums_at_outputs = false,
                   .many_inputs = false,
                   .many_outputs = false,
                   .node = spikingjelly});
  rules.push_back({.reader = {"sinabs", "sinabs, also for Speck"},
                   .types = {"Input", "Output", "Affine", "Conv2d", "SumPool2d", "Flatten", "IF",
                             "LIF", "LI", "NIRGraph"},
                   .unknown = Effect::kDrops,
                   .splits_at_dots = true,
                   .sums_at_outputs = false,
                   .output_sum = Effect::kDrops,
                   .recurrent = false,
                   .node = sinabs});
  rules.push_back({.reader = {"rockpool", "rockpool, also for Xylo"},
                   .types = {"Input", "Output", "Affine", "Linear", "CubaLIF", "LI", "NIRGraph"},
                   .splits_at_dots = true,
                   .sums_at_outputs = false,
                   .output_sum = Effect::kDrops,
                   .node = rockpool});
  rules.push_back({.reader = {"spyx", "spyx (JAX)"},
                   .types = {"Input", "Output", "Affine", "Linear", "Conv2d", "SumPool2d",
                             "Flatten", "IF", "LIF", "CubaLIF"},
                   .recurrent = false,
                   .recurrent_effect = Effect::kRefuses,
                   .node = spyx,
                   .graph = spyx_graph});
  rules.push_back({.reader = {"lava", "lava-dl, by the script of the NIR paper"},
                   .types = {"Input", "Output", "Affine", "Linear", "Conv2d", "SumPool2d",
                             "Flatten", "IF", "LIF", "CubaLIF", "NIRGraph"},
                   .node = lava});
  rules.push_back({.reader = {"spinnaker2", "py-spinnaker2"},
                   .types = {"Input", "Output", "Affine", "Linear", "Conv2d", "SumPool2d",
                             "Flatten", "IF", "LIF", "CubaLIF", "NIRGraph"}});
  return rules;
}

}  // namespace

std::span<const ReaderRules> reader_rules() {
  static const std::vector<ReaderRules> rules = all_rules();
  return rules;
}

}  // namespace neurotool::nir
