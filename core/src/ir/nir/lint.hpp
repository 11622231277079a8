// What other readers would do to a NIR graph: drop, misread, refuse or hang on. The rules are those
// of docs/nir.md; each finding names the node, the rule and the way out.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/nir/shapes.hpp"

namespace neurotool::nir {

/// From bad to worst: a refusal is seen, a dropped node is not.
enum class Effect { kNote, kRefuses, kHangs, kDrops, kMisreads };
std::string_view effect_word(
    Effect effect);  ///< "notes", "refuses", "hangs on", "drops", "misreads"

struct Finding {
  std::string_view reader;  ///< "norse"
  std::string_view rule;    ///< "recurrent-edge"
  Effect effect = Effect::kNote;
  std::string node;      ///< "" for the whole graph
  std::string message;   ///< what the reader does with it
  std::string help;      ///< the way out
  bool fixable = false;  ///< make_portable() removes the cause
};

struct Reader {
  std::string_view name, summary;
};
/// The readers that there are rules for.
std::vector<Reader> lint_readers();

/// The findings for one reader, in the order of the rules. The graph's shapes may be incomplete.
std::vector<Finding> lint(const Graph& graph, std::string_view reader);

/// What the reader says to what lenient reading of the file passed over, with a warning each: edges
/// that are there twice or lead nowhere, members that no node has. The graph shows none of it.
std::vector<Finding> lint_doubts(std::span<const Diagnostic> doubts, std::string_view reader);

}  // namespace neurotool::nir
