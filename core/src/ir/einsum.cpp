// Letters are labels; an ellipsis stands for the axes that have no letter, aligned at their ends,
// and becomes labels of its own.
#include "ir/einsum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace neurotool {
namespace {

constexpr std::string_view kEllipsis = "...";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Error wrong(std::string message) { return error("ir.shape", {}, std::move(message)); }

/// One term: its letters before and behind the ellipsis.
struct Term {
  std::string before, behind;
  bool has_ellipsis = false;
  std::size_t letters() const { return before.size() + behind.size(); }
};

Result<Term> term_of(std::string_view text) {
  Term term;
  const std::size_t dots = text.find(kEllipsis);
  term.has_ellipsis = dots != std::string_view::npos;
  term.before = text.substr(0, dots);
  if (term.has_ellipsis) term.behind = text.substr(dots + kEllipsis.size());
  for (const std::string* part : {&term.before, &term.behind}) {
    if (std::ranges::all_of(*part, is_letter)) continue;
    return wrong(fmt::format("the term '{}' has more than letters and one ellipsis", text));
  }
  return term;
}

struct Equation {
  std::vector<Term> operands;
  Term result;
};

Result<Equation> parse(std::string_view equation) {
  const std::size_t arrow = equation.find("->");
  if (arrow == std::string_view::npos) {
    return wrong(fmt::format("the equation '{}' names no result", equation));
  }
  Equation parsed;
  std::string_view rest = equation.substr(0, arrow);
  while (true) {
    const std::size_t comma = rest.find(',');
    NT_TRY(Term term, term_of(rest.substr(0, comma)));
    parsed.operands.push_back(std::move(term));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  NT_TRY(parsed.result, term_of(equation.substr(arrow + 2)));
  const std::string letters = parsed.result.before + parsed.result.behind;
  for (const char letter : letters) {
    const bool known = std::ranges::any_of(parsed.operands, [=](const Term& term) {
      return (term.before + term.behind).find(letter) != std::string::npos;
    });
    if (!known) return wrong(fmt::format("the result has '{}', which no operand has", letter));
    if (std::ranges::count(letters, letter) > 1) {
      return wrong(fmt::format("the result has '{}' twice", letter));
    }
  }
  return parsed;
}

/// Gives labels their numbers and extents.
class Labels {
 public:
  std::size_t letter(char c) {
    auto& slot = letters_[static_cast<unsigned char>(c)];
    if (!slot) slot = fresh();
    return *slot;
  }
  /// Of an ellipsis' axes, counted from the last.
  std::size_t dot(std::size_t from_end) {
    while (dots_.size() <= from_end) dots_.push_back(fresh());
    return dots_[from_end];
  }
  std::size_t dots() const { return dots_.size(); }

  Result<> meet(std::size_t label, std::int64_t extent) {
    std::int64_t& known = extents_[label];
    if (known == kUnseen || known == 1 || known == kFreeDim) {
      if (extent != 1 || known == kUnseen) known = extent;
    } else if (extent != 1 && extent != kFreeDim && extent != known) {
      return wrong(fmt::format("extents {} and {} have the same label", known, extent));
    }
    return {};
  }
  std::vector<std::int64_t> take() && {
    std::ranges::replace(extents_, kUnseen, std::int64_t{1});
    return std::move(extents_);
  }

 private:
  static constexpr std::int64_t kUnseen = -2;
  std::size_t fresh() {
    extents_.push_back(kUnseen);
    return extents_.size() - 1;
  }
  std::array<std::optional<std::size_t>, 128> letters_{};
  std::vector<std::size_t> dots_;
  std::vector<std::int64_t> extents_;
};

std::vector<std::size_t> labels_of(const Term& term, std::size_t dots, Labels& labels) {
  std::vector<std::size_t> result;
  for (const char c : term.before) result.push_back(labels.letter(c));
  for (std::size_t i = dots; i-- > 0;) result.push_back(labels.dot(i));
  for (const char c : term.behind) result.push_back(labels.letter(c));
  return result;
}

}  // namespace

Result<> check_equation(std::string_view equation, std::size_t operands) {
  NT_TRY(const Equation parsed, parse(equation));
  if (parsed.operands.size() == operands) return {};
  return wrong(fmt::format("the equation '{}' has {} operands, {} are given", equation,
                           parsed.operands.size(), operands));
}

Result<EinsumPlan> plan_einsum(std::string_view equation, std::span<const Shape> operands) {
  NT_TRY_VOID(check_equation(equation, operands.size()));
  NT_TRY(const Equation parsed, parse(equation));
  EinsumPlan plan;
  Labels labels;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Term& term = parsed.operands[i];
    const std::size_t rank = operands[i].size();
    if (rank < term.letters() || (!term.has_ellipsis && rank != term.letters())) {
      return wrong(fmt::format("operand {} of shape {} has {} labels in '{}'", i + 1,
                               to_string(operands[i]), term.letters(), equation));
    }
    plan.operands.push_back(labels_of(term, rank - term.letters(), labels));
    for (std::size_t axis = 0; axis < rank; ++axis) {
      NT_TRY_VOID(labels.meet(plan.operands[i][axis], operands[i][axis]));
    }
  }
  plan.result = labels_of(parsed.result, parsed.result.has_ellipsis ? labels.dots() : 0, labels);
  plan.extents = std::move(labels).take();
  return plan;
}

std::string explicit_equation(std::string_view equation) {
  std::string text;
  for (const char c : equation) {
    if (c != ' ') text += c;
  }
  if (text.find("->") != std::string::npos) return text;
  // Every letter that occurs once, in alphabetical order, behind the ellipsis.
  std::string result = text.find(kEllipsis) != std::string::npos ? std::string(kEllipsis) : "";
  std::array<int, 128> count{};
  for (const char c : text) {
    if (is_letter(c)) ++count[static_cast<unsigned char>(c)];
  }
  for (std::size_t c = 0; c < count.size(); ++c) {
    if (count[c] == 1) result += static_cast<char>(c);
  }
  return text + "->" + result;
}

}  // namespace neurotool
