// What a plugin may not do, and what becomes of it: a named error, never a crash, nothing left
// behind.
#include <gmock/gmock.h>

#include <filesystem>

#include "support/graphs.hpp"
#include "target/bench.hpp"

namespace neurotool {
namespace {

using test::Bench;
using test::TempFolder;
using ::testing::HasSubstr;

struct Misuse {
  const char* act;
  const char* code;
  const char* message;
};

class MisuseInSimulate : public ::testing::TestWithParam<Misuse> {};

TEST_P(MisuseInSimulate, IsNamed) {
  const TempFolder folder;
  Bench bench(folder / "artifacts");
  Target target = test::must(bench.open("demo", std::string("act: ") + GetParam().act));
  const Program program = test::must(
      target.compile(std::make_shared<const SpikeGraph>(test::small_mlp()), bench.call()));
  const auto run = program.simulate({.samples = 2,
                                     .steps = 3,
                                     .seed = 0,
                                     .stimuli = {{{0}, Tensor::from<float>({2, 2}, {1, 2, 3, 4})}},
                                     .probes = {{{1}, "spikes"}, {{2}, "readout"}}},
                                    bench.call());
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, GetParam().code);
  EXPECT_THAT(run.error().message, HasSubstr(GetParam().message));
  EXPECT_TRUE(bench.diagnostics.has_errors());
}

const Misuse kMisuses[] = {

    Misuse{"failure", "demo.full", "3 cores; the chip has 2"},
    Misuse{"no_memory", "plugin.no-memory", "out of memory"},
    Misuse{"exception", "plugin.exception", "the table has 0 rows"},
    Misuse{"number", "plugin.exception", "unknown type"},
    Misuse{"cancel_unasked", "target.misbehaved", "though nobody had asked"},
    Misuse{"silent_failure", "target.failed", "did not say why"},
    Misuse{"odd_code", "target.misbehaved", "answered code 42"},
    Misuse{"measured", "target.misbehaved", "claims to be measured"},
    Misuse{"no_unit", "target.misbehaved", "has no unit"},
    Misuse{"metric_twice", "target.misbehaved", "'energy.total' was pushed twice"},
    Misuse{"spike_twice", "target.misbehaved", "spikes were pushed twice for sample 0, step 0"},
    Misuse{"spike_range", "target.misbehaved", "of 'hidden', which has 3"},
    Misuse{"unasked", "target.misbehaved", "no probe asked for it"},
    Misuse{"late_step", "target.misbehaved", "for step 3 of a run of 3 steps"},
    Misuse{"wrong_size", "target.misbehaved", "holds 3 elements, not 2"}};

std::string name_of(const ::testing::TestParamInfo<Misuse>& row) { return row.param.act; }

INSTANTIATE_TEST_SUITE_P(Plugin, MisuseInSimulate, ::testing::ValuesIn(kMisuses), name_of);

struct MisuseTest : ::testing::Test {
  TempFolder folder;
  Bench bench{folder / "artifacts"};
  std::shared_ptr<const SpikeGraph> graph = std::make_shared<SpikeGraph>(test::small_mlp());
  Target open(const std::string& act) { return test::must(bench.open("demo", "act: " + act)); }
};

TEST_F(MisuseTest, AnArtifactCannotLeaveItsFolder) {
  Target target = open("escape");
  Program program = test::must(target.compile(graph, bench.call()));
  const auto files = program.emit("asm", bench.call());
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, "target.misbehaved");
  EXPECT_THAT(files.error().message, HasSubstr("'../outside.txt'"));
  EXPECT_FALSE(std::filesystem::exists(folder / "outside.txt"));
}

TEST_F(MisuseTest, AnArtifactLeftOpenIsRemoved) {
  Target target = open("leave_open");
  Program program = test::must(target.compile(graph, bench.call()));
  const auto files = program.emit("asm", bench.call());
  ASSERT_FALSE(files);
  EXPECT_THAT(files.error().message, HasSubstr("'code/asm.txt' was never closed"));
  EXPECT_FALSE(std::filesystem::exists(folder / "artifacts/code/asm.txt"));
}

TEST_F(MisuseTest, AnErrorFailsTheCallEvenWhereTheCodeIsOk) {
  Target target = open("error_but_ok");
  EXPECT_EQ(target.check(*graph, bench.call()).error().code, "demo.odd");
}

TEST_F(MisuseTest, NoFloodOfWarningsHidesAnError) {
  Target target = open("flood");
  EXPECT_EQ(target.check(*graph, bench.call()).error().code, "demo.odd");
  EXPECT_LE(bench.diagnostics.all().size(), 1001u);
}

TEST_F(MisuseTest, CompilingToNothingIsABug) {
  Target target = open("no_program");
  EXPECT_EQ(target.compile(graph, bench.call()).error().code, "plugin.misuse");
}

TEST_F(MisuseTest, AnArtifactFolderThatCannotBeMadeIsReported) {
  folder.write("taken", "a file");
  Target target = open("plain");
  const auto program =
      target.compile(graph, {bench.diagnostics, bench.progress, folder / "taken" / "artifacts"});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, "target.artifact");
}

}  // namespace
}  // namespace neurotool
