// What the checks of readers are written with. Private to ir/nir.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "ir/nir/lint_rules.hpp"

namespace neurotool::nir::lint_checks {

inline constexpr double kDefaultStep = 1e-4;  ///< of snnTorch and spikingjelly, in seconds

inline void add(std::vector<Finding>& into, const Node& node, std::string_view rule, Effect effect,
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

inline bool near(const Tensor& tensor, const Tensor& other, double factor) {
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    const double wanted = other.at(other.size() == 1 ? 0 : std::min(i, other.size() - 1)) * factor;
    if (std::abs(tensor.at(i) - wanted) > 1e-8 + 1e-5 * std::abs(wanted)) return false;
  }
  return true;
}

inline void reset_is_ignored(const Node& node, std::vector<Finding>& into, std::string_view does) {
  if_one_of<IF, LIF, CubaLIF>(node, [&](const auto& neuron) {
    if (is_zero(neuron.v_reset)) return;
    add(into, node, "v-reset", Effect::kMisreads,
        fmt::format("v_reset is not read; the membrane {}", does), "make v_reset zero");
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

/// Layers of PyTorch have matrices, and their poolings pairs.
inline void torch_layers(const Node& node, std::vector<Finding>& into) {
  if_one_of<Affine, Linear>(node, [&](const auto& layer) {
    if (layer.weight.rank() <= 2) return;
    add(into, node, "weight-rank", Effect::kRefuses,
        fmt::format("weights of {} axes are not read", layer.weight.rank()),
        "write one node for each matrix");
  });
  if_one_of<SumPool2d>(node, [&](const SumPool2d& pool) {
    if (pool.kernel_size.rank() > 0 && pool.stride.rank() > 0) return;
    into.push_back({"", "pool-pair", Effect::kRefuses, node.name,
                    "kernel_size and stride must be pairs, and one of them is a number",
                    "write pairs: neurotool nir lint --fix", true});
  });
}

// Readers on nirtorch.nir_to_torch: lint_nirtorch.cpp.
void snntorch(const Node& node, std::vector<Finding>& into);
void snntorch_graph(const Graph& graph, std::vector<Finding>& into);
void spikingjelly(const Node& node, std::vector<Finding>& into);

// A reader of its own: lint_spyx.cpp.
void spyx(const Node& node, std::vector<Finding>& into);
void spyx_graph(const Graph& graph, std::vector<Finding>& into);

}  // namespace neurotool::nir::lint_checks
