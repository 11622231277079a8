#include <gtest/gtest.h>

#include "config/pipeline.hpp"
#include "config/support.hpp"

namespace neurotool {
namespace {

using test::node;

constexpr std::string_view kDocument =
    "run: {steps: 8}\n"
    "data: {preprocess: {mean: [1, 2, 3]}}\n"
    "passes:\n"
    "  - fold_batch_norm\n"
    "  - qcfs: {steps: 8}\n"
    "  - quantize:\n"
    "  - qcfs: {steps: 16}\n"
    "target: cpu\n";

std::vector<Override> overrides(std::initializer_list<const char*> texts) {
  std::vector<Override> made;
  for (const char* const text : texts) {
    auto parsed = parse_override(text, static_cast<std::uint32_t>(made.size() + 1));
    EXPECT_TRUE(parsed.has_value()) << to_string(parsed.error());
    if (parsed) made.push_back(*parsed);
  }
  return made;
}

yaml::Node changed(std::initializer_list<const char*> texts) {
  yaml::Node document = node(kDocument);
  const auto applied = apply_overrides(document, overrides(texts));
  EXPECT_TRUE(applied.has_value()) << to_string(applied.error());
  return document;
}

Error refused(const char* text) {
  yaml::Node document = node(kDocument);
  const auto applied = apply_overrides(document, overrides({text}));
  EXPECT_FALSE(applied.has_value()) << text;
  return applied ? Error{} : applied.error();
}

std::string passes_after(std::initializer_list<const char*> texts) {
  return yaml::dump(*changed(texts).find("passes"));
}

TEST(Override, SplitsAtTheFirstEqualsSign) {
  const Override parsed = *parse_override("report.expect.accuracy=>= 0.97", 3);
  EXPECT_EQ(parsed.number, 3u);
  EXPECT_EQ(parsed.path, "report.expect.accuracy");
  EXPECT_EQ(parsed.value, ">= 0.97");
}

TEST(Override, RefusesWhatIsNoPathAndValue) {
  for (const char* const text :
       {"", "run.steps", "=5", ".=5", "run.=5", ".run=5", "run..steps=5", "a[=5", "a[]=5", "a[x]=5",
        "a[1=5", "a]=5", "[1]=5", "a[1]b=5", "a[-1]=5", "a[99999999999999999999]=5", "a=\xFF"}) {
    const auto parsed = parse_override(text, 1);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, "config.set-syntax") << text;
    EXPECT_TRUE(std::holds_alternative<OverrideArgument>(parsed.error().at));
  }
  std::string deep = "a";
  for (int i = 0; i < 100; ++i) deep += ".a";
  EXPECT_FALSE(parse_override(deep + "=1", 1).has_value());
}

TEST(Override, SetsAValueAndSaysWhereItCameFrom) {
  const yaml::Node document = changed({"run.steps=16", "run.seed=3"});
  EXPECT_EQ(document.find("run")->find("steps")->scalar, "16");
  EXPECT_EQ(to_string(document.find("run")->find("steps")->at), "--set #1 (run.steps=16)");
  EXPECT_EQ(to_string(document.find("run")->find_entry("seed")->key_at), "--set #2 (run.seed=3)");
}

TEST(Override, MakesMissingSections) {
  const yaml::Node document = changed({"a.b.c=1"});
  EXPECT_EQ(document.find("a")->find("b")->find("c")->scalar, "1");
  yaml::Node empty;
  ASSERT_TRUE(apply_overrides(empty, overrides({"run.steps=1"})).has_value());
  EXPECT_EQ(empty.find("run")->find("steps")->scalar, "1");
}

TEST(Override, TheLastOneWins) {
  EXPECT_EQ(changed({"run.steps=1", "run.steps=2"}).find("run")->find("steps")->scalar, "2");
}

TEST(Override, ReadsValuesAsYaml) {
  const yaml::Node document =
      changed({"a=5", "b=\"5\"", "c=[1, x]", "d={k: v}", "e=", "f=null", "g= 7 ", "h=a: b #c",
               "i='"
               "'"});
  EXPECT_FALSE(document.find("a")->quoted);
  EXPECT_TRUE(document.find("b")->quoted);
  EXPECT_EQ(document.find("c")->items[1].scalar, "x");
  EXPECT_EQ(document.find("d")->find("k")->scalar, "v");
  EXPECT_EQ(to_string(document.find("d")->find("k")->at), "--set #4 (d={k: v})");
  EXPECT_EQ(document.find("e")->kind, yaml::Kind::kNull);
  EXPECT_EQ(document.find("f")->kind, yaml::Kind::kNull);
  EXPECT_EQ(document.find("g")->scalar, "7");
  EXPECT_EQ(document.find("h")->scalar, "a: b #c");
  EXPECT_EQ(document.find("i")->scalar, "");
}

TEST(Override, RefusesValuesThatAreNoYaml) {
  for (const char* const text : {"a=[1", "a={b", "a=\"x", "a=[1] 2", "a='x' y", "a=[!t 1]"}) {
    const Error found = refused(text);
    EXPECT_EQ(found.code, "config.set-syntax") << text;
    EXPECT_TRUE(std::holds_alternative<OverrideArgument>(found.at)) << text;
  }
}

TEST(Override, ReachesAPassByName) {
  EXPECT_EQ(passes_after({"passes.qcfs.steps=1", "passes.qcfs[1].steps=2", "passes.quantize.bits=4",
                          "passes.fold_batch_norm.x=true"}),
            "- fold_batch_norm:\n    x: true\n- qcfs:\n    steps: 1\n- quantize:\n    bits: 4\n"
            "- qcfs:\n    steps: 2\n");
}

TEST(Override, ReachesAPassByNumber) {
  const std::string expected =
      "- fold_batch_norm\n- qcfs:\n    steps: 8\n- quantize: null\n- qcfs:\n    steps: 2\n";
  EXPECT_EQ(passes_after({"passes[3].steps=2"}), expected);
  EXPECT_EQ(passes_after({"passes.3.steps=2"}), expected);
  EXPECT_EQ(passes_after({"passes[3].qcfs.steps=2"}), expected) << "as messages print the place";
  EXPECT_EQ(passes_after({"passes.3.qcfs.steps=2"}), expected);
}

TEST(Override, ReplacesOptionsPassesAndTheWholeList) {
  EXPECT_EQ(passes_after({"passes.qcfs={a: 1}", "passes[3].qcfs={b: 2}", "passes[0]=readout",
                          "passes.2={prune: {sparsity: 1}}"}),
            "- readout\n- qcfs:\n    a: 1\n- prune:\n    sparsity: 1\n- qcfs:\n    b: 2\n");
  EXPECT_EQ(passes_after({"passes=[a, b]"}), "[a, b]\n");
}

TEST(Override, ReachesItemsOfLists) {
  const yaml::Node document =
      changed({"data.preprocess.mean[1]=0.5", "data.preprocess.mean.2=0.25"});
  EXPECT_EQ(yaml::dump(*document.find("data")), "preprocess:\n  mean: [1, 0.5, 0.25]\n");
}

TEST(Override, GrowsTheShortFormOfTarget) {
  EXPECT_EQ(yaml::dump(*changed({"target.options.threads=2"}).find("target")),
            "name: cpu\noptions:\n  threads: 2\n");
  EXPECT_EQ(changed({"target=loihi2"}).find("target")->scalar, "loihi2");
}

TEST(Override, NamesThePassThatWasMeant) {
  const Error found = refused("passes.qcsf.steps=1");
  EXPECT_EQ(found.code, "config.set-path");
  EXPECT_EQ(found.message, "'passes' has no 'qcsf'");
  EXPECT_EQ(found.help, "did you mean 'qcfs'?");
}

TEST(Override, SaysWhyAPathLeadsNowhere) {
  EXPECT_EQ(refused("passes.qcfs[2].steps=1").message,
            "'passes' has 2 qcfs, so qcfs[2] is none of them");
  EXPECT_EQ(refused("passes[9].steps=1").message, "'passes' has 4 items, so [9] is not there");
  EXPECT_EQ(refused("run[0]=1").message, "'run' is not a list, so [0] is not there");
  EXPECT_EQ(refused("run.steps.x=1").message,
            "'run.steps' is a value, so nothing below it can be set");
  EXPECT_EQ(refused("data.preprocess.mean.x=1").message, "'data.preprocess.mean' has no 'x'");
}

TEST(Override, LeavesADocumentThatIsNoMappingToTheSchema) {
  yaml::Node list = node("- a\n");
  EXPECT_TRUE(apply_overrides(list, overrides({"run.steps=1"})).has_value());
  EXPECT_EQ(yaml::dump(list), "[a]\n");
}

}  // namespace
}  // namespace neurotool
