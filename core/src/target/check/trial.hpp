// One check at work: what its function gets and where it puts what it finds.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/child.hpp"
#include "base/result.hpp"
#include "target/check/suite.hpp"

namespace neurotool::conformance {

/// Collects what one check finds. The worst finding decides the outcome.
class Trial {
 public:
  explicit Trial(std::filesystem::path file) : file_(std::move(file)) {}

  const std::filesystem::path& file() const { return file_; }

  void fail(std::string finding) { add(Outcome::kFail, std::move(finding)); }
  void warn(std::string finding) { add(Outcome::kWarn, std::move(finding)); }
  /// There was nothing to check, or the plugin may legally refuse it.
  void skip(std::string reason) { add(Outcome::kSkip, std::move(reason)); }
  /// The check found something to look at: what was skipped beside it does not count.
  void looked() { looked_ = true; }
  void not_looked() { looked_ = false; }

  /// What every further finding begins with.
  void about(std::string prefix) { prefix_ = std::move(prefix); }

  Outcome outcome() const;
  /// The findings of the outcome's kind, at most kMaxFindings and one that counts the rest.
  std::vector<std::string> findings() const;

  static constexpr std::size_t kMaxFindings = 5;

 private:
  void add(Outcome outcome, std::string finding) {
    findings_.emplace_back(outcome, prefix_ + std::move(finding));
  }

  std::filesystem::path file_;
  std::string prefix_;
  std::vector<std::pair<Outcome, std::string>> findings_;
  bool looked_ = false;
};

struct Check {
  CheckInfo info;
  /// An error is a finding after which the check could not go on.
  Result<> (*run)(Trial&);
  /// The check without whose pass this one tells nothing; empty: none.
  std::string_view needs;
  /// How its process ends.
  Leave leave = Leave::kAtOnce;
};

/// An error for Check::run: only its message is shown.
inline Error finding(std::string message) { return error("plugin.check", {}, std::move(message)); }

/// One table per group, in the file named after it.
std::span<const Check> load_checks();
std::span<const Check> describe_checks();
std::span<const Check> lifecycle_checks();
std::span<const Check> growth_checks();
std::span<const Check> compile_checks();
std::span<const Check> determinism_checks();
std::span<const Check> cancel_checks();
std::span<const Check> simulate_checks();
std::span<const Check> results_checks();
std::span<const Check> behaviour_checks();

}  // namespace neurotool::conformance
