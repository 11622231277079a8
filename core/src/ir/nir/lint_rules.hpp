// What the rules of lint() see: a graph of one level and the reader they speak for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/nir/lint.hpp"

namespace neurotool::nir {

enum class ResetHabit { kUnknown, kZero, kValue, kSubtract };

/// How a reader runs every neuron, whatever metadata say; held against those of our own files.
struct Habits {
  ResetHabit reset = ResetHabit::kUnknown;  ///< kUnknown: nothing is compared
  bool several = false;                     ///< several spikes in a step
  bool late = false;                        ///< spikes a step after the threshold
  bool starts_at_leak = false;              ///< v(0) is v_leak; otherwise 0 or v_reset
  std::string_view reset_argument = {};     ///< an argument of its importer, for CubaLIF nodes
  std::string_view way_out = {};
};
/// Adds what a file of ours asks for and the reader does not do; for other files nothing.
void lint_own_rules(const Graph& graph, const Habits& habits, std::vector<Finding>& into);

/// One reader as data, and the checks that only it needs.
struct ReaderRules {
  Reader reader;
  /// Types that it computes with. Others: `unknown` says what happens to them.
  std::vector<std::string_view> types;
  Effect unknown = Effect::kRefuses;
  bool checks_types = true;     ///< loads through the nir package with its type check
  bool splits_at_dots = false;  ///< replaces dots in names
  bool depth_first = false;     ///< runs by nirtorch.load: walk.hpp
  bool sums_at_outputs = true;  ///< false: several edges into an Output are refused
  bool many_inputs = true;
  bool many_outputs = true;  ///< false: nirtorch.nir_to_torch never returns
  bool recurrent = true;     ///< false: `recurrent_effect` says what becomes of a cycle
  Effect recurrent_effect = Effect::kDrops;
  /// But neurons with a matrix back are one layer: what becomes of it.
  std::string_view recurrent_layer = {};
  Effect recurrent_layer_effect = Effect::kNote;
  Habits habits = {};
  /// Checks of a single node; they push findings without reader.
  void (*node)(const Node& node, std::vector<Finding>& into) = nullptr;
  void (*graph)(const Graph& graph, std::vector<Finding>& into) = nullptr;
};

std::span<const ReaderRules> reader_rules();

/// A parameter where every element is the same number, that number.
std::optional<double> uniform(const Tensor& tensor);
/// True for a defined tensor in which all are zero, and for an absent one.
bool is_zero(const Tensor& tensor);
/// True where every element is `value`.
bool is_all(const Tensor& tensor, double value);

}  // namespace neurotool::nir
