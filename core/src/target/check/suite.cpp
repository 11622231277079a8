// The list of checks and the loop over it: one child per check, its findings as one line of JSON
// through a pipe, and a word for every way in which the child can end.

#include "target/check/suite.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "target/check/trial.hpp"

namespace neurotool::conformance {
namespace {

constexpr std::string_view kFirstCheck = "load.resolve";

const std::vector<Check>& all_checks() {
  static const std::vector<Check> checks = [] {
    std::vector<Check> all;
    for (const auto group : {load_checks(), describe_checks(), lifecycle_checks(), compile_checks(),
                             simulate_checks(), determinism_checks(), growth_checks(),
                             cancel_checks(), results_checks(), behaviour_checks()}) {
      all.insert(all.end(), group.begin(), group.end());
    }
    return all;
  }();
  return checks;
}

/// Runs the check in this process.
void perform(const Check& check, Trial& trial) {
  try {
    if (const Result<> done = check.run(trial); !done) trial.fail(done.error().message);
  } catch (const std::exception& exception) {
    trial.fail(fmt::format("the check itself stopped: {}", exception.what()));
  }
}

std::string to_wire(const Trial& trial) {
  Json answer = Json::object();
  answer["outcome"] = outcome_name(trial.outcome());
  Json findings = Json::array();
  for (const std::string& text : trial.findings()) findings.push_back(escape_control(text));
  answer["findings"] = std::move(findings);
  return answer.dump(0);
}

bool from_wire(const std::string& text, CheckResult& result) {
  const Result<Json> answer = Json::parse(text);
  if (!answer || !answer->is_object()) return false;
  const Json* outcome = answer->find("outcome");
  const Json* findings = answer->find("findings");
  if (outcome == nullptr || findings == nullptr || !findings->is_array()) return false;
  for (const Outcome each : {Outcome::kPass, Outcome::kWarn, Outcome::kSkip, Outcome::kFail})
    if (*outcome == Json(outcome_name(each))) result.outcome = each;
  for (const Json& item : std::get<Json::Array>(findings->value()))
    if (const auto* line = std::get_if<std::string>(&item.value()))
      result.findings.push_back(*line);
  return true;
}

/// What a child that did not end as it should says about the plugin.
std::string describe_end(const ChildEnd& end, double timeout_seconds) {
  std::string text;
  switch (end.how) {
    case ChildEnd::How::kTimedOut:
      text = fmt::format("the plugin had not come back after {} s", number_text(timeout_seconds));
      break;
    case ChildEnd::How::kSignalled:
      text = fmt::format("the plugin ended the process with {}", signal_name(end.code));
      break;
    default:
      text = fmt::format("the plugin ended the process with exit status {}", end.code);
  }
  if (!end.said.empty()) text += fmt::format("; its last words: {}", escape_control(end.said));
  return text;
}

Result<CheckResult> run_in_own_process(const Check& check, const std::filesystem::path& file,
                                       const CheckOptions& options) {
  const auto body = [&] {
    Trial trial(file);
    perform(check, trial);
    return to_wire(trial);
  };
  const ChildEnd end =
      run_in_child(body, {.seconds = options.timeout_seconds}, check.leave, options.cancel);
  if (end.how == ChildEnd::How::kNotStarted) {
    return error("plugin.child", {},
                 fmt::format("a check needs a process of its own, but {}", end.said),
                 "free some memory or raise the limit on processes, or use --in-process");
  }
  CheckResult result{check.info, Outcome::kPass, {}, end.seconds, true};
  const bool answered = from_wire(end.answer, result);
  if (end.how != ChildEnd::How::kReturned || !answered) {
    result.outcome = Outcome::kFail;
    result.findings.insert(result.findings.begin(), describe_end(end, options.timeout_seconds));
  }
  return result;
}

CheckResult run_here(const Check& check, const std::filesystem::path& file) {
  const auto start = std::chrono::steady_clock::now();
  Trial trial(file);
  perform(check, trial);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  return {check.info, trial.outcome(), trial.findings(), taken.count(), true};
}

/// A result for a check that was not run, because the check before it already tells why it would
/// fail. Nothing if it should run.
const CheckResult* obstacle(const Check& check, const std::vector<CheckResult>& results) {
  for (const CheckResult& result : results) {
    const bool needed = result.check.name == check.needs || result.check.name == kFirstCheck;
    const bool broken = result.outcome == Outcome::kFail || !result.ran;
    if (needed && broken) return &result;
  }
  return nullptr;
}

Error no_such_check(const std::string& pattern) {
  std::vector<std::string_view> names;
  for (const Check& check : all_checks()) names.push_back(check.info.name);
  const std::string_view near = nearest_name(pattern, names);
  return error("plugin.no-such-check", {},
               fmt::format("no check is called '{}'", escape_control(pattern)),
               fmt::format("{}--list shows all checks",
                           near.empty() ? "" : fmt::format("did you mean '{}'? ", near)));
}

/// The checks that match a pattern; every pattern must match one.
Result<std::vector<const Check*>> choose(const CheckOptions& options) {
  const auto any = [&](std::string_view name) {
    return std::ranges::any_of(options.only,
                               [&](const std::string& pattern) { return matches(pattern, name); });
  };
  for (const std::string& pattern : options.only) {
    if (std::ranges::none_of(all_checks(),
                             [&](const Check& c) { return matches(pattern, c.info.name); }))
      return no_such_check(pattern);
  }
  std::vector<const Check*> chosen;
  for (const Check& check : all_checks())
    if (any(check.info.name)) chosen.push_back(&check);
  if (options.in_process && chosen.size() != 1) {
    return error(
        "plugin.in-process", {},
        fmt::format("{} checks match, but only one can run in this process", chosen.size()),
        "name one check with --only; --list shows all");
  }
  return chosen;
}

/// A place in the file system that a check in any folder understands.
Result<std::filesystem::path> regular_file(const std::filesystem::path& file) {
  std::error_code problem;
  const std::filesystem::path real = std::filesystem::canonical(file, problem);
  if (problem) {
    return error("file.missing", FilePosition{file.string(), 0, 0}, "there is no such file",
                 "check the path; a plugin is called neurotool_<target>.so");
  }
  if (!std::filesystem::is_regular_file(real)) {
    return error("file.not-regular", FilePosition{file.string(), 0, 0}, "this is not a plain file",
                 "name the plugin itself: neurotool_<target>.so");
  }
  return real;
}

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPass:
      return "pass";
    case Outcome::kWarn:
      return "warn";
    case Outcome::kSkip:
      return "skip";
    case Outcome::kFail:
      return "fail";
  }
  return "fail";
}

std::vector<CheckInfo> list_checks() {
  std::vector<CheckInfo> infos;
  for (const Check& check : all_checks()) infos.push_back(check.info);
  return infos;
}

std::size_t CheckReport::count(Outcome outcome) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      results, [&](const CheckResult& result) { return result.outcome == outcome; }));
}

Result<CheckReport> run_checks(const std::filesystem::path& file, const CheckOptions& options,
                               const OnResult& on_result) {
  NT_TRY(std::vector<const Check*> chosen, choose(options));
  if (chosen.empty()) return CheckReport();
  NT_TRY(const std::filesystem::path real, regular_file(file));
  // Asked or not: a file that does not open would only make every other check say the same.
  const bool wants_first = chosen.front()->info.name == kFirstCheck;
  if (!wants_first && !options.in_process) chosen.insert(chosen.begin(), &all_checks().front());

  CheckReport report;
  for (const Check* check : chosen) {
    if (options.cancel != nullptr && options.cancel->cancelled()) break;
    CheckResult result{check->info, Outcome::kSkip, {}, 0, false};
    if (const CheckResult* reason = obstacle(*check, report.results)) {
      result.findings = {fmt::format("needs {}, which does not pass", reason->check.name)};
    } else if (options.in_process) {
      result = run_here(*check, real);
    } else {
      NT_TRY(result, run_in_own_process(*check, real, options));
    }
    const bool is_first = check->info.name == kFirstCheck;
    if (is_first) report.loads = result.outcome != Outcome::kFail;
    if (is_first && !wants_first && report.loads) continue;
    report.results.push_back(result);
    if (on_result) on_result(report.results.back());
  }
  report.cancelled = options.cancel != nullptr && options.cancel->cancelled();
  return report;
}

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    for (std::size_t taken = 0; taken <= text.size(); ++taken)
      if (matches(pattern.substr(1), text.substr(taken))) return true;
    return false;
  }
  if (text.empty() || (pattern.front() != '?' && pattern.front() != text.front())) return false;
  return matches(pattern.substr(1), text.substr(1));
}

}  // namespace neurotool::conformance
