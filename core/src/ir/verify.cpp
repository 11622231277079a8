// The table of invariants, put together from the files that check them, and the walk over it.
#include "ir/verify.hpp"

#include <vector>

#include "ir/verify_checks.hpp"

namespace neurotool {
namespace checks {

void violated(Diagnostics& out, const Model& model, std::string_view invariant, Subject subject,
              std::string message, std::string help) {
  Location at;
  if (!subject.name.empty()) at = ModelNode{"", std::string(subject.name)};
  Error found = error("verify." + std::string(invariant), at, std::move(message), std::move(help));
  for (const std::string& origin : subject.origins) {
    found.notes.push_back({ModelNode{model.path, origin}, "made from this node"});
  }
  out.report(std::move(found));
}

}  // namespace checks

std::span<const Invariant> invariants() {
  static const std::vector<Invariant> all = [] {
    std::vector<Invariant> rows;
    for (const auto part :
         {checks::spike_structure(), checks::spike_parameters(), checks::tensor_level()}) {
      rows.insert(rows.end(), part.begin(), part.end());
    }
    return rows;
  }();
  return all;
}

void verify(const Model& model, Diagnostics& out) {
  for (const Invariant& invariant : invariants()) {
    if (invariant.level == model.level()) invariant.check(model, out);
  }
}

}  // namespace neurotool
