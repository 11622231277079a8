// How findings become an outcome.

#include "target/check/trial.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace neurotool::conformance {

Outcome Trial::outcome() const {
  const auto has = [&](Outcome wanted) {
    return std::ranges::any_of(findings_, [&](const auto& f) { return f.first == wanted; });
  };
  if (has(Outcome::kFail)) return Outcome::kFail;
  if (has(Outcome::kWarn)) return Outcome::kWarn;
  if (has(Outcome::kSkip) && !looked_) return Outcome::kSkip;
  return Outcome::kPass;
}

std::vector<std::string> Trial::findings() const {
  const Outcome wanted = outcome();
  std::vector<std::string> result;
  std::size_t left_out = 0;
  for (const auto& [kind, text] : findings_) {
    if (kind != wanted || std::ranges::find(result, text) != result.end()) continue;
    if (result.size() < kMaxFindings)
      result.push_back(text);
    else
      ++left_out;
  }
  if (left_out > 0) result.push_back(fmt::format("and {} more", left_out));
  return result;
}

}  // namespace neurotool::conformance
