#include "base/diagnostic.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "base/check.hpp"
#include "support/golden.hpp"

namespace neurotool {
namespace {

TEST(Location, IsEmptyWhenNowhere) { EXPECT_EQ(to_string(Location{}), ""); }

TEST(Location, LeavesOutUnknownLineAndColumn) {
  EXPECT_EQ(to_string(FilePosition{"a.yaml", 9, 31}), "a.yaml:9:31");
  EXPECT_EQ(to_string(FilePosition{"a.yaml", 9, 0}), "a.yaml:9");
  EXPECT_EQ(to_string(FilePosition{"a.yaml", 0, 0}), "a.yaml");
}

TEST(Location, NamesTheNodeOfAModelFile) {
  EXPECT_EQ(to_string(ModelNode{"net.onnx", "/conv1/Conv"}), "net.onnx: node '/conv1/Conv'");
  EXPECT_EQ(to_string(ModelNode{"", "conv1"}), "node 'conv1'");
}

TEST(Location, NumbersOverrides) {
  EXPECT_EQ(to_string(OverrideArgument{2, "run.steps=x"}), "--set #2 (run.steps=x)");
}

TEST(Diagnostic, PrintsPlaceCodeNotesAndHelp) {
  Error failure =
      error("config.range", FilePosition{"mnist.yaml", 9, 31},
            "passes[2].quantize.weight_bits = 40 is outside 1 to 16", "neurotool passes quantize");
  failure.notes.push_back({{}, "target 'loihi2' stores at most 8 bits per weight"});
  failure.notes.push_back({ModelNode{"", "fc1"}, "the widest layer"});
  std::string text = to_string(failure);
  text += to_string(warning("file.unused", {}, "option 'x' is not used"));
  text += to_string(note("", FilePosition{"a.yaml"}, "read from here"));
  test::expect_golden("base", "diagnostic", text);
}

TEST(Diagnostic, NeverPrintsControlCharactersRaw) {
  Error failure = error("a.b\x1b", FilePosition{"x\x1b[2J.yaml"}, "one\ntwo\x1b[31m", "\x7f");
  failure.notes.push_back({ModelNode{"", "n\r"}, "\xff"});
  EXPECT_EQ(to_string(failure),
            "x\\x1b[2J.yaml: error[a.b\\x1b]: one\\x0atwo\\x1b[31m\n"
            "  note: node 'n\\x0d': \\xff\n"
            "  help: \\x7f\n");
}

TEST(Diagnostics, KeepsTheOrderOfReporting) {
  Diagnostics sink;
  sink.report(warning("a.first", {}, "first"));
  sink.report(error("a.second", {}, "second"));
  sink.report(error("a.third", {}, "third"));
  EXPECT_THAT(sink.all(), testing::ElementsAre(testing::Field(&Diagnostic::code, "a.first"),
                                               testing::Field(&Diagnostic::code, "a.second"),
                                               testing::Field(&Diagnostic::code, "a.third")));
  EXPECT_EQ(sink.first_error().code, "a.second");
}

TEST(Diagnostics, HasNoErrorsWithWarningsAlone) {
  Diagnostics sink;
  sink.report(warning("a.b", {}, "careful"));
  EXPECT_FALSE(sink.has_errors());
  EXPECT_THROW(sink.first_error(), InternalError);
}

TEST(Diagnostics, CountsErrorsPastTheLimitWithoutKeepingThem) {
  Diagnostics sink;
  for (std::size_t i = 0; i < Diagnostics::kMaxErrors + 3; ++i) {
    sink.report(error("a.b", {}, std::to_string(i)));
  }
  sink.report(warning("a.w", {}, "kept"));
  EXPECT_EQ(sink.error_count(), Diagnostics::kMaxErrors);
  EXPECT_EQ(sink.dropped(), 3u);
  EXPECT_EQ(sink.all().size(), Diagnostics::kMaxErrors + 1);
}

TEST(Diagnostics, AcceptsReportsFromSeveralThreads) {
  Diagnostics sink;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 10; ++j) sink.report(error("a.b", {}, "x"));
      });
    }
  }
  EXPECT_EQ(sink.error_count() + sink.dropped(), 40u);
}

}  // namespace
}  // namespace neurotool
