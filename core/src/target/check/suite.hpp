// The conformance suite: what `neurotool plugin check` runs, as data. "It passes" is what "conforms
// to the plugin ABI" means. docs/plugin/conformance.md has a section per check.
//
// Every check runs in a child process of its own with a time limit, so that a plugin that crashes,
// hangs or calls exit() costs one line of the table. Nothing here prints.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.hpp"
#include "base/result.hpp"

namespace neurotool::conformance {

enum class Outcome { kPass, kWarn, kSkip, kFail };
/// "pass", "warn", "skip", "fail".
std::string_view outcome_name(Outcome outcome);

struct CheckInfo {
  std::string_view group;    ///< "load", "describe", … in the order of a plugin's life
  std::string_view name;     ///< "load.exports": unique, and the section of the documentation
  std::string_view summary;  ///< what holds when it passes: one sentence
};

/// Every check, in the order in which they run.
std::vector<CheckInfo> list_checks();

struct CheckResult {
  CheckInfo check;
  Outcome outcome = Outcome::kPass;
  /// Why it is not a pass: one sentence each, the first one the most telling.
  std::vector<std::string> findings;
  double seconds = 0;
  bool ran = true;  ///< false: skipped, because a check that it needs does not pass
};

struct CheckOptions {
  /// Which checks: those whose name matches one of these. '*' stands for any text, '?' for one
  /// character.
  std::vector<std::string> only = {"*"};
  /// Runs in this process, for a debugger. One check at a time, because a plugin is initialised
  /// once per process; `only` must then name one.
  bool in_process = false;
  /// The longest that one check may take.
  double timeout_seconds = 30;
  /// Set from outside: the running check is ended, and no other is begun.
  const CancelFlag* cancel = nullptr;
};

struct CheckReport {
  bool loads = true;  ///< false: nothing but the load group could be looked at
  bool cancelled = false;
  std::vector<CheckResult> results;
  std::size_t count(Outcome outcome) const;
};

using OnResult = std::function<void(const CheckResult&)>;

/// Checks one plugin file and tells `on_result` about each check as it ends. Call it while the
/// process has one thread: it forks. Errors: file.missing, file.not-regular, plugin.no-such-check,
/// plugin.in-process.
Result<CheckReport> run_checks(const std::filesystem::path& file, const CheckOptions& options,
                               const OnResult& on_result = {});

/// True if `text` matches a pattern of '*' and '?'.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace neurotool::conformance
