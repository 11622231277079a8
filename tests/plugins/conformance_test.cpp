// The suite against plugins that break the contract on purpose: which check must find which
// fixture, and that no other check blames it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "support/temp_folder.hpp"
#include "target/check/suite.hpp"

namespace neurotool::conformance {
namespace {

using test::TempFolder;
using testing::HasSubstr;

using Names = std::set<std::string>;

/// What the suite says of one plugin.
struct Verdict {
  Names fails, warns, not_run;
  bool loads = true;
  std::string text;  ///< every finding, for messages of the test

  bool finds(std::string_view words) const { return text.find(words) != std::string::npos; }
};

Verdict verdict_of(const std::filesystem::path& file, CheckOptions options) {
  options.timeout_seconds = 20;
  const auto report = run_checks(file, options);
  Verdict verdict;
  if (!report) {
    ADD_FAILURE() << to_string(report.error());
    return verdict;
  }
  verdict.loads = report->loads;
  for (const CheckResult& result : report->results) {
    const std::string name(result.check.name);
    if (result.outcome == Outcome::kFail) verdict.fails.insert(name);
    if (result.outcome == Outcome::kWarn) verdict.warns.insert(name);
    if (!result.ran) verdict.not_run.insert(name);
    for (const std::string& finding : result.findings) verdict.text += name + ": " + finding + "\n";
  }
  return verdict;
}

/// All but cancel.pace, which has to wait for long runs.
CheckOptions quick_checks() {
  CheckOptions options;
  options.only = {"load.*",      "describe.*",     "lifecycle.*", "compile.*",
                  "simulate.*",  "determinism.*",  "growth.*",    "results.*",
                  "behaviour.*", "cancel.compile", "cancel.run",  "cancel.again"};
  return options;
}

/// The library of fixtures under another's name, which is how it knows whom to play.
class Played {
 public:
  explicit Played(const std::string& fixture, const std::string& library = NEUROTOOL_FIXTURES)
      : file_(folder_ / ("neurotool_" + fixture + ".so")) {
    std::filesystem::copy_file(library, file_);
  }
  const std::filesystem::path& file() const { return file_; }

 private:
  TempFolder folder_;
  std::filesystem::path file_;
};

struct Expectation {
  const char* fixture;
  Names fails, warns;
  const char* words;  ///< in one of the findings
};

void PrintTo(const Expectation& expectation, std::ostream* out) { *out << expectation.fixture; }

class Fixtures : public testing::TestWithParam<Expectation> {};

/// A sanitizer counts no memory for mallinfo2() and turns a crash into an exit.
bool differs_when_sanitized(const Expectation& expected) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const std::string_view words = expected.words;
  return words.starts_with("SIG") || words.ends_with("bytes behind") ||
         words == "the entry allocates memory";
#else
  static_cast<void>(expected);
  return false;
#endif
}

TEST_P(Fixtures, AreFoundByTheirChecksAndNoOthers) {
  const Expectation& expected = GetParam();
  if (differs_when_sanitized(expected)) GTEST_SKIP() << "looks different to a sanitizer";
  const Played plugin(expected.fixture);
  const Verdict verdict = verdict_of(plugin.file(), quick_checks());
  EXPECT_EQ(verdict.fails, expected.fails) << verdict.text;
  EXPECT_EQ(verdict.warns, expected.warns) << verdict.text;
  EXPECT_THAT(verdict.text, HasSubstr(expected.words));
}

std::string name_of(const testing::TestParamInfo<Expectation>& info) { return info.param.fixture; }

const Expectation kLoadAndDescribe[] = {
    {"any_major", {"load.majors"}, {}, "which does not exist, with a table"},
    {"allocates", {"load.no-allocation"}, {}, "the entry allocates memory"},
    {"two_tables", {"load.same-table"}, {}, "two tables"},
    {"slow_entry", {"load.quick"}, {}, "its limit is 10 ms"},
    {"other_abi", {"load.abi"}, {}, "and no other"},
    {"short_tables", {"describe.tables"}, {}, "shorter than version 0.1's"},
    {"no_compile", {"describe.tables"}, {}, "lacks one of"},
    {"lies", {"describe.options"}, {}, "'999999'"},
    {"no_sentence", {}, {"describe.options"}, "is no sentence"},
    {"rubbish_reserved", {"describe.reserved"}, {}, "is 7, not 0"},
    {"promises", {"describe.extensions", "describe.accepted"}, {}, "lists 'nt.resources/1'"},
    {"hides", {"describe.extensions"}, {}, "answers 'nt.codegen/1', but does not list it"},
    {"answers_all", {"describe.unknown-extension"}, {}, "which nobody defined"},
    {"wrong_name", {"describe.accepted"}, {}, "neurotool_somebody_else.so"},
    {"twins", {}, {}, "target 'twins.small': it takes no graph of integer arithmetic"},
    {"anonymous", {}, {"describe.identity"}, "names no vendor"},
    {"odd_words", {}, {"describe.words"}, "'quantum'"},
};
INSTANTIATE_TEST_SUITE_P(LoadAndDescribe, Fixtures, testing::ValuesIn(kLoadAndDescribe), name_of);

const Expectation kLifecycle[] = {
    {"refuses_init", {"lifecycle.init"}, {}, "init() answers 'failed'"},
    {"exits", {"lifecycle.init"}, {}, "ended the process with exit status 3"},
    {"leaks", {"lifecycle.repeat"}, {}, "bytes behind"},
    {"picky", {"lifecycle.limits"}, {}, "core_size = 65536"},
    {"one_at_a_time", {"lifecycle.two", "lifecycle.order"}, {}, "open() answers 'failed'"},
    {"dies_at_exit", {"lifecycle.exit"}, {}, "SIGABRT"},
};
INSTANTIATE_TEST_SUITE_P(Lifecycle, Fixtures, testing::ValuesIn(kLifecycle), name_of);

const Expectation kCompileAndSimulate[] = {
    {"throws", {"compile.zoo"}, {}, "nobody catches this"},
    {"crashes", {"compile.zoo"}, {}, "SIGSEGV"},
    {"says_nothing", {"compile.zoo"}, {}, "without a diagnostic"},
    {"no_program", {"compile.zoo"}, {}, "gives no program"},
    {"forgets_programs", {"compile.repeat"}, {}, "bytes behind"},
    {"optimist",
     {"compile.agree", "growth.unknown-values"},
     {},
     "check() says 'ok' and compile() 'unsupported'"},
    {"takes_parameters",
     {"compile.parameters", "growth.unknown-values", "simulate.float", "simulate.silence"},
     {},
     "no_such_parameter"},
    {"imprecise", {"simulate.float"}, {}, "instead of"},
    {"tolerant", {}, {}, ""},
    {"hallucinates", {"simulate.float", "simulate.silence"}, {}, "nothing but zeros"},
    {"fails_to_run", {"simulate.runs"}, {}, "run() answers 'failed'"},
    {"talkative", {"simulate.no-probes"}, {}, "was run without probes"},
    {"never_twice_the_same", {"simulate.seed"}, {}, "run twice with seed 7"},
    {"counts_batches", {"simulate.batches"}, {}, "one by one"},
    {"one_run_at_a_time", {"simulate.overlap"}, {}, "run() answers 'failed'"},
};
INSTANTIATE_TEST_SUITE_P(CompileAndSimulate, Fixtures, testing::ValuesIn(kCompileAndSimulate),
                         name_of);

const Expectation kDeterminismGrowthAndCancel[] = {
    {"counts_compiles", {"determinism.compile"}, {}, "compiles.total"},
    {"stamps", {"determinism.emit"}, {}, "stamp.txt"},
    {"depends_on_threads", {"determinism.threads"}, {}, "parallel_for"},
    {"reads_beyond", {"growth.first-lengths", "growth.future-lengths"}, {}, "SIG"},
    {"exact_sizes", {"growth.future-lengths"}, {}, "init() answers 'bad argument'"},
    {"takes_arithmetic", {"growth.unknown-values"}, {}, "arithmetic 9"},
    {"takes_probes", {"growth.unknown-probes"}, {}, "no_such_variable"},
    {"trusts_artifacts", {"growth.bare-host"}, {}, "SIGSEGV"},
    {"deaf", {"cancel.compile", "cancel.run"}, {}, "the function ends with 'ok'"},
    {"remembers", {"cancel.again"}, {}, "after a stopped run"},
};
INSTANTIATE_TEST_SUITE_P(DeterminismGrowthAndCancel, Fixtures,
                         testing::ValuesIn(kDeterminismGrowthAndCancel), name_of);

const Expectation kResults[] = {
    {"dishonest", {"results.metrics"}, {}, "claims to be measured"},
    {"no_unit", {"results.metrics"}, {}, "has no unit"},
    {"pushes_twice", {"results.once"}, {}, "pushed twice"},
    {"places_nobody", {"results.placements"}, {}, "population 99"},
    {"riddles", {"results.diagnostics"}, {}, "codes look like"},
    {"spikes_of_nobody", {"results.spikes"}, {}, "neuron 1000000"},
    {"odd_values", {"results.values"}, {}, "membrane"},
    {"climbs", {"results.artifacts"}, {}, "../../etc/passwd"},
    {"leaves_open", {"results.writers"}, {}, "still open"},
    {"keeps_calls", {"results.calls"}, {}, "had returned"},
};
INSTANTIATE_TEST_SUITE_P(Results, Fixtures, testing::ValuesIn(kResults), name_of);

const Expectation kBehaviour[] = {
    {"prints", {"behaviour.silent"}, {}, "hello from the plugin"},
    {"complains", {"behaviour.silent"}, {}, "'hm'"},
    {"moves", {"behaviour.folder"}, {}, "and is '/'"},
    {"translates", {"behaviour.locale"}, {}, "C.UTF-8"},
    {"masks", {"behaviour.umask"}, {}, "is 177"},
    {"handles_signals", {"behaviour.signals"}, {}, "another handler"},
    {"blocks_signals", {"behaviour.signals"}, {}, "now [12] are"},
    {"sets_variables", {"behaviour.environment"}, {}, "NEUROTOOL_FIXTURE"},
    {"rounds_up", {"behaviour.arithmetic"}, {}, "another direction"},
    {"keeps_threads", {"behaviour.threads"}, {}, "1 thread more"},
    {"keeps_files", {"behaviour.files"}, {}, "'/dev/null' is left open"},
    {"writes", {"behaviour.writes"}, {}, "'fixture.log'"},
};
INSTANTIATE_TEST_SUITE_P(Behaviour, Fixtures, testing::ValuesIn(kBehaviour), name_of);

TEST(Conformance, AGoodPluginPassesEveryCheck) {
  const Played plugin("good");
  const Verdict verdict = verdict_of(plugin.file(), {});
  EXPECT_EQ(verdict.fails, Names());
  EXPECT_EQ(verdict.warns, Names());
  EXPECT_EQ(verdict.not_run, Names());
  EXPECT_TRUE(verdict.loads);
}

TEST(Conformance, TheCpuTargetPassesEveryCheck) {
  const Verdict verdict = verdict_of(NEUROTOOL_CPU_PLUGIN, {});
  EXPECT_EQ(verdict.fails, Names()) << verdict.text;
  EXPECT_EQ(verdict.warns, Names()) << verdict.text;
}

TEST(Conformance, ACompileThatHangsIsEndedByTheClock) {
  const Played plugin("hangs");
  CheckOptions options;
  options.only = {"compile.large"};
  options.timeout_seconds = 1;
  const auto report = run_checks(plugin.file(), options);
  ASSERT_TRUE(report.has_value());
  ASSERT_EQ(report->results.size(), 1u);
  EXPECT_EQ(report->results[0].outcome, Outcome::kFail);
  EXPECT_THAT(report->results[0].findings[0], HasSubstr("had not come back after 1 s"));
}

TEST(Conformance, ARunThatNeverAsksIsTooLongToStop) {
  const Played plugin("never_asks");
  CheckOptions options;
  options.only = {"cancel.*"};
  EXPECT_EQ(verdict_of(plugin.file(), options).fails, Names{"cancel.pace"});
}

TEST(Conformance, SymbolsBesideTheEntryAreWarnedOf) {
  const Played plugin("good", NEUROTOOL_FIXTURE_EXPORTS);
  CheckOptions options;
  options.only = {"load.*"};
  const Verdict verdict = verdict_of(plugin.file(), options);
  EXPECT_EQ(verdict.fails, Names());
  EXPECT_EQ(verdict.warns, Names{"load.exports"});
  EXPECT_THAT(verdict.text, HasSubstr("ANYBODY_CAN_SEE_THIS"));
}

TEST(Conformance, AFileThatIsNoLibraryIsSaidToBeUnloadable) {
  const TempFolder folder;
  const auto file = folder.write("neurotool_text.so", "not a library");
  const Verdict verdict = verdict_of(file, {});
  EXPECT_FALSE(verdict.loads);
  EXPECT_EQ(verdict.fails, Names{"load.resolve"});
  EXPECT_EQ(verdict.not_run.size(), list_checks().size() - 1);
}

TEST(Conformance, ASymbolThatIsMissingIsFoundWhenTheFileOpens) {
  const Played plugin("good", NEUROTOOL_FIXTURE_UNRESOLVED);
  const Verdict verdict = verdict_of(plugin.file(), {});
  EXPECT_FALSE(verdict.loads);
  EXPECT_THAT(verdict.text, HasSubstr("nobody_defines_this"));
}

TEST(Conformance, AFolderThatOthersMayWriteInIsWarnedOf) {
  const Played plugin("good");
  std::filesystem::permissions(plugin.file().parent_path(), std::filesystem::perms::all);
  CheckOptions options;
  options.only = {"load.trusted"};
  EXPECT_EQ(verdict_of(plugin.file(), options).warns, Names{"load.trusted"});
}

TEST(Conformance, AMissingFileIsAnError) {
  const auto report = run_checks("/nowhere/neurotool_x.so", {});
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, "file.missing");
}

TEST(Conformance, AFileIsCheckedInThisProcessOnlyByOneCheck) {
  const Played plugin("good");
  CheckOptions options;
  options.in_process = true;
  const auto many = run_checks(plugin.file(), options);
  ASSERT_FALSE(many.has_value());
  EXPECT_EQ(many.error().code, "plugin.in-process");
  options.only = {"compile.zoo"};
  const auto one = run_checks(plugin.file(), options);
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(one->results.at(0).outcome, Outcome::kPass);
}

TEST(Conformance, ANameThatMatchesNothingSuggestsOne) {
  CheckOptions options;
  options.only = {"load.export"};
  const auto report = run_checks("/nowhere", options);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, "plugin.no-such-check");
  EXPECT_THAT(report.error().help, HasSubstr("did you mean 'load.exports'?"));
}

TEST(Conformance, AStopEndsTheRunningCheck) {
  const Played plugin("good");
  CancelFlag stop;
  CheckOptions options;
  options.cancel = &stop;
  const auto report =
      run_checks(plugin.file(), options, [&](const CheckResult&) { stop.cancel(); });
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->cancelled);
  EXPECT_EQ(report->results.size(), 1u);
}

TEST(Conformance, NamesAreUniqueAndBeginWithTheirGroup) {
  Names names;
  for (const CheckInfo& check : list_checks()) {
    EXPECT_TRUE(names.insert(std::string(check.name)).second) << check.name;
    EXPECT_TRUE(check.name.starts_with(std::string(check.group) + ".")) << check.name;
    EXPECT_TRUE(check.summary.ends_with('.')) << check.name;
  }
}

TEST(Conformance, EveryCheckHasASectionOfTheDocumentation) {
  const std::string page = test::slurp(std::filesystem::path(NEUROTOOL_TESTS_DIR) / ".." / "docs" /
                                       "plugin" / "conformance.md");
  for (const CheckInfo& check : list_checks())
    EXPECT_THAT(page, HasSubstr("\n### " + std::string(check.name) + "\n"));
}

TEST(Patterns, StarsAndQuestionMarksMatch) {
  EXPECT_TRUE(matches("*", "load.exports"));
  EXPECT_TRUE(matches("load.*", "load.exports"));
  EXPECT_TRUE(matches("*.ex*s", "load.exports"));
  EXPECT_TRUE(matches("load.?xports", "load.exports"));
  EXPECT_FALSE(matches("load", "load.exports"));
  EXPECT_FALSE(matches("load.?", "load.exports"));
  EXPECT_FALSE(matches("", "load.exports"));
}

}  // namespace
}  // namespace neurotool::conformance
