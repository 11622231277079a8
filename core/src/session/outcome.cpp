// The exit class of every diagnostic code: a table of families, the longest match wins.
#include <algorithm>
#include <array>

#include "passes/registry.hpp"
#include "session/session.hpp"

namespace neurotool {
namespace {

struct Family {
  std::string_view prefix;  ///< a whole code, or a family when it ends in a dot
  Outcome outcome;
};

constexpr std::array kFamilies{
    Family{"cli.", Outcome::kConfig},
    Family{"config.", Outcome::kConfig},
    Family{"pass.", Outcome::kConfig},
    Family{"doctor.", Outcome::kConfig},
    Family{"run.", Outcome::kConfig},
    Family{"run.expect", Outcome::kNo},
    Family{"run.reference", Outcome::kNo},
    Family{"run.out-of-memory", Outcome::kNo},
    Family{"run.interrupted", Outcome::kInterrupted},
    Family{"run.no-labels", Outcome::kInput},
    Family{"run.no-samples", Outcome::kInput},
    Family{"run.label-range", Outcome::kInput},
    Family{"run.input-range", Outcome::kInput},
    Family{"run.input-shape", Outcome::kInput},
    Family{"run.inputs", Outcome::kInput},
    Family{"run.outputs", Outcome::kInput},
    Family{"file.", Outcome::kInput},
    Family{"file.unwritable", Outcome::kConfig},
    Family{"file.not-folder", Outcome::kConfig},
    Family{"model.", Outcome::kInput},
    Family{"onnx.", Outcome::kInput},
    Family{"nir.", Outcome::kInput},
    Family{"nir.fidelity", Outcome::kNo},
    Family{"nir.option", Outcome::kConfig},
    Family{"hdf5.", Outcome::kInput},
    Family{"netx.", Outcome::kInput},
    Family{"ir.", Outcome::kInput},
    Family{"data.", Outcome::kInput},
    Family{"snapshot.", Outcome::kInput},
    Family{"json.", Outcome::kInput},
    Family{"eval.", Outcome::kInput},
    Family{"lowering.", Outcome::kInput},
    Family{"eval.overflow", Outcome::kNo},
    Family{"target.", Outcome::kPlugin},
    Family{"target.model", Outcome::kNo},
    Family{"target.kind", Outcome::kNo},
    Family{"target.unsupported", Outcome::kNo},
    Family{"target.no-room", Outcome::kNo},
    Family{"target.no-simulate", Outcome::kConfig},
    Family{"target.no-format", Outcome::kConfig},
    Family{"target.no-folder", Outcome::kConfig},
    Family{"target.cancelled", Outcome::kInterrupted},
    Family{"plugin.", Outcome::kPlugin},
    Family{"verify.", Outcome::kBug},
    Family{"internal.", Outcome::kBug},
};

bool matches(const Family& family, std::string_view code) {
  return family.prefix.ends_with('.') ? code.starts_with(family.prefix) : code == family.prefix;
}

/// "rate.few-steps" belongs to the pass 'rate': a network that it cannot convert.
bool names_a_pass(std::string_view code) {
  const std::size_t dot = code.find('.');
  return dot != code.npos && find_pass(code.substr(0, dot)) != nullptr;
}

}  // namespace

Outcome outcome_of(std::string_view code) {
  const Family* best = nullptr;
  for (const Family& family : kFamilies) {
    if (!matches(family, code)) continue;
    if (best == nullptr || family.prefix.size() > best->prefix.size()) best = &family;
  }
  if (best != nullptr) return best->outcome;
  return names_a_pass(code) ? Outcome::kInput : Outcome::kNo;
}

}  // namespace neurotool
