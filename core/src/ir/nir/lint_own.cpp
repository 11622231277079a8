// A file of ours says under metadata/neurotool how its neurons fire and begin, which no field of
// NIR does. Readers pass over it: here it is held against what each of them does with every neuron.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "ir/nir/lint_rules.hpp"

namespace neurotool::nir {
namespace {

struct Own {
  bool soft = false, single = false, starts = false;
  std::string profile;
};

bool any_nonzero(const Metadata& tree) {
  return std::ranges::any_of(tree.entries, [](const MetadataEntry& entry) {
    const auto* values = std::get_if<Tensor>(&entry.value);
    return values != nullptr && !is_zero(*values);
  });
}

std::optional<Own> own_of(const Graph& graph) {
  const MetadataEntry* entry = graph.metadata.find("neurotool");
  const auto* tree = entry == nullptr ? nullptr : std::get_if<Metadata>(&entry->value);
  if (tree == nullptr) return std::nullopt;
  const auto text = [&](std::string_view key) {
    const MetadataEntry* found = tree->find(key);
    const auto* value = found == nullptr ? nullptr : std::get_if<std::string>(&found->value);
    return value == nullptr ? std::string() : *value;
  };
  const MetadataEntry* starts = tree->find("v_init");
  const auto* by_node = starts == nullptr ? nullptr : std::get_if<Metadata>(&starts->value);
  return Own{.soft = text("reset") == "subtract",
             .single = text("spikes") == "single",
             .starts = by_node != nullptr && any_nonzero(*by_node),
             .profile = text("profile")};
}

/// Of the neurons that spike: whether there are any, and whether all are CubaLIF.
struct Kinds {
  bool any = false, all_cuba = true;
};
Kinds kinds_of(const Graph& graph) {
  Kinds kinds;
  for (const Node& node : graph.nodes) {
    const bool cuba = std::holds_alternative<CubaLIF>(node.primitive);
    if (!cuba && !std::holds_alternative<IF>(node.primitive) &&
        !std::holds_alternative<LIF>(node.primitive)) {
      continue;
    }
    kinds.any = true;
    kinds.all_cuba = kinds.all_cuba && cuba;
  }
  return kinds;
}

void check_reset(const Own& own, const Habits& habits, bool all_cuba, std::vector<Finding>& into) {
  const bool subtracts = habits.reset == ResetHabit::kSubtract;
  if (own.soft == subtracts) return;
  if (own.soft && all_cuba && !habits.reset_argument.empty()) {
    into.push_back({"", "own-reset", Effect::kNote, "",
                    "the network resets by subtraction, which the caller has to say",
                    fmt::format("import with {}", habits.reset_argument), false});
    return;
  }
  const std::string_view does = subtracts                            ? "by subtraction"
                                : habits.reset == ResetHabit::kValue ? "to v_reset"
                                                                     : "to 0";
  into.push_back({"", "own-reset", Effect::kMisreads, "",
                  fmt::format("the network resets {} (metadata/neurotool), and every neuron is "
                              "reset {}",
                              own.soft ? "by subtraction" : "to a value", does),
                  std::string(habits.way_out), false});
}

}  // namespace

void lint_own_rules(const Graph& graph, const Habits& habits, std::vector<Finding>& into) {
  if (habits.reset == ResetHabit::kUnknown) return;
  const auto own = own_of(graph);
  const Kinds kinds = kinds_of(graph);
  if (!own || !kinds.any) return;
  check_reset(*own, habits, kinds.all_cuba, into);
  if (own->single && habits.several) {
    into.push_back({"", "own-spikes", Effect::kMisreads, "",
                    "the network sends one spike in a step at most (metadata/neurotool), and every "
                    "neuron sends as many as thresholds fit into its membrane",
                    std::string(habits.way_out), false});
  }
  if (habits.late) {
    into.push_back({"", "own-step", Effect::kMisreads, "",
                    "a neuron sends its spike one step after its membrane passed the threshold",
                    std::string(habits.way_out), false});
  }
  const bool leak_is_start = habits.starts_at_leak && own->profile == "norse";
  if (own->starts && !leak_is_start) {
    into.push_back({"", "own-start", Effect::kMisreads, "",
                    "neurons begin at v(0) of metadata/neurotool, and every neuron begins at 0",
                    std::string(habits.way_out), false});
  }
  if (!leak_is_start) return;
  for (Finding& finding : into) {
    if (finding.rule != "v-leak") continue;  // it is how this profile says where neurons begin
    finding.effect = Effect::kNote;
    finding.help = "nothing: the profile 'norse' makes up for it in the biases";
  }
}

}  // namespace neurotool::nir
