// What is known of each reader, and which versions of it: docs/nir.md has the sources. A rule
// speaks only where a file shows the cause; what a reader does to every file is in the table of
// docs/nir.md.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ir/nir/lint_checks.hpp"

namespace neurotool::nir {
namespace {

using namespace lint_checks;

void r_is_ignored(const Node& node, std::vector<Finding>& into) {
  if_one_of<IF, LI, LIF>(node, [&](const auto& neuron) {
    if (is_all(neuron.r, 1)) return;
    add(into, node, "r", Effect::kMisreads, "r is not read, as if it were 1",
        "multiply the incoming weights by r and make r 1");
  });
}

void norse(const Node& node, std::vector<Finding>& into) {
  torch_layers(node, into);
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

void sinabs(const Node& node, std::vector<Finding>& into) {
  torch_layers(node, into);
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

constexpr std::string_view kAdapter = "load it with its adapter of tools/nir_adapters";

std::vector<ReaderRules> all_rules() {
  const Types torch{"Input",     "Output",  "Affine", "Linear", "Conv1d",  "Conv2d",  "SumPool2d",
                    "AvgPool2d", "Flatten", "IF",     "LIF",    "CubaLIF", "NIRGraph"};
  std::vector<ReaderRules> rules;
  rules.push_back({.reader = {"nir", "the reference package, 1.0 to 1.0.8"},
                   .types = kAll,
                   .node = nir_package});
  rules.push_back({.reader = {"norse", "norse 1.1.0"},
                   .types = {"Input", "Output", "Affine", "Linear", "Conv2d", "SumPool2d",
                             "Flatten", "IF", "LIF", "CubaLIF", "NIRGraph"},
                   .unknown = Effect::kDrops,
                   .splits_at_dots = true,
                   .depth_first = true,
                   .many_inputs = false,
                   .many_outputs = false,
                   .habits = {.reset = ResetHabit::kZero,
                              .starts_at_leak = true,
                              .reset_argument = "reset_method=reset_subtract, and the dt of "
                                                "metadata/neurotool",
                              .way_out = "export with the profile 'norse'"},
                   .node = norse});
  rules.push_back({.reader = {"snntorch", "snnTorch 1.0 with nirtorch 2"},
                   .types = torch,
                   .splits_at_dots = true,
                   .sums_at_outputs = false,
                   .many_inputs = false,
                   .many_outputs = false,
                   .recurrent = false,
                   .recurrent_effect = Effect::kRefuses,
                   .recurrent_layer = "where what comes in passes the matrix before the neurons",
                   .recurrent_layer_effect = Effect::kMisreads,
                   .habits = {.reset = ResetHabit::kZero,
                              .way_out = "convert to neurons that reset to zero, or choose norse"},
                   .node = snntorch,
                   .graph = snntorch_graph});
  rules.push_back({.reader = {"spikingjelly", "spikingjelly 2.0 with nirtorch 2"},
                   .types = torch,
                   .splits_at_dots = true,
                   .sums_at_outputs = false,
                   .many_inputs = false,
                   .many_outputs = false,
                   .habits = {.reset = ResetHabit::kValue, .way_out = kAdapter},
                   .node = spikingjelly});
  rules.push_back({.reader = {"sinabs", "sinabs 2.0.3, also for Speck"},
                   .types = {"Input", "Output", "Affine", "Conv1d", "Conv2d", "SumPool2d",
                             "Flatten", "IF", "LIF", "LI", "NIRGraph"},
                   .unknown = Effect::kDrops,
                   .splits_at_dots = true,
                   .depth_first = true,
                   .many_inputs = false,
                   .many_outputs = false,
                   .recurrent = false,
                   .habits = {.reset = ResetHabit::kSubtract, .several = true, .way_out = kAdapter},
                   .node = sinabs});
  rules.push_back({.reader = {"rockpool", "rockpool, also for Xylo"},
                   .types = {"Input", "Output", "Affine", "Linear", "CubaLIF", "LI", "NIRGraph"},
                   .splits_at_dots = true,
                   .depth_first = true,
                   .habits = {.reset = ResetHabit::kSubtract,
                              .several = true,
                              .way_out = "there is no way around in rockpool; choose another "
                                         "reader"},
                   .node = rockpool});
  rules.push_back({.reader = {"spyx", "spyx 1.0 (JAX)"},
                   .types = {"Input", "Output", "Affine", "Linear", "Conv2d", "SumPool2d",
                             "Flatten", "LI", "Threshold", "IF", "LIF", "CubaLIF"},
                   .unknown = Effect::kDrops,
                   .habits = {.reset = ResetHabit::kSubtract,
                              .late = true,
                              .way_out = "there is no way around in spyx; choose another reader"},
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
