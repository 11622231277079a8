// Planning: names, options and the order of levels, all found before anything runs.
#include "passes/pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/diagnostic.hpp"
#include "passes/registry.hpp"

namespace neurotool {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

/// The passes of a file, one a line, as the pipeline reader hands them over.
std::vector<PassConfig> in_file(std::vector<PassConfig> passes) {
  std::uint32_t line = 3;
  for (PassConfig& pass : passes) pass.at = FilePosition{"net.yaml", ++line, 5};
  return passes;
}

std::vector<PassConfig> list(std::string_view text) {
  auto parsed = parse_pass_list(text);
  EXPECT_TRUE(parsed.has_value()) << to_string(parsed.error());
  return parsed.value_or(std::vector<PassConfig>{});
}

std::vector<std::string> findings(const std::vector<PassConfig>& passes, Level start) {
  Diagnostics out;
  const auto planned = plan_passes(passes, start, out);
  EXPECT_EQ(planned.has_value(), !out.has_errors());
  std::vector<std::string> texts;
  for (const Diagnostic& diagnostic : out.all()) texts.push_back(to_string(diagnostic));
  return texts;
}

TEST(PassRegistry, HasEveryPassOnceAndFindsItByName) {
  for (const PassEntry& entry : pass_registry()) {
    EXPECT_EQ(find_pass(entry.info.name), &entry);
    EXPECT_FALSE(entry.info.summary.empty()) << entry.info.name;
  }
  EXPECT_EQ(find_pass("qfcs"), nullptr);
}

TEST(PlanPasses, AcceptsTheUsualOrder) {
  Diagnostics out;
  const auto planned = plan_passes(
      list("infer_shapes,fold_constants,remove_identity,fold_batch_norm,qcfs{steps=8},readout,"
           "quantize{weight_bits=4}"),
      Level::kTensor, out);
  ASSERT_TRUE(planned.has_value()) << to_string(planned.error());
  EXPECT_THAT(*planned, SizeIs(7));
  for (const PlannedPass& pass : *planned) EXPECT_NE(pass.pass, nullptr);
}

TEST(PlanPasses, NamesTheNearestPassAndItsLine) {
  EXPECT_THAT(findings(in_file({{.name = "fold_batchnorm"}}), Level::kTensor),
              ElementsAre("net.yaml:4:5: error[pass.unknown]: there is no pass 'fold_batchnorm'\n"
                          "  help: did you mean 'fold_batch_norm'?\n"));
}

TEST(PlanPasses, RefusesASpikePassBeforeTheLoweringAndSaysWhatToDo) {
  auto passes = list("quantize,qcfs{steps=4}");
  EXPECT_THAT(findings(in_file(passes), Level::kTensor),
              ElementsAre("net.yaml:4:5: error[pass.level]: 'quantize' works on a spike graph, but "
                          "here the model is a tensor graph\n"
                          "  help: put 'rate' or 'qcfs' or 'exact' before 'quantize'\n"));
}

TEST(PlanPasses, RefusesATensorPassAfterTheLoweringAndSaysWhatToDo) {
  auto passes = list("qcfs{steps=4},fold_batch_norm");
  EXPECT_THAT(findings(in_file(passes), Level::kTensor),
              ElementsAre("net.yaml:5:5: error[pass.level]: 'fold_batch_norm' works on a tensor "
                          "graph, but here the model is a spike graph\n"
                          "  help: put 'fold_batch_norm' before 'qcfs'\n"));
}

TEST(PlanPasses, SaysToRemoveATensorPassWhenTheModelIsSpikingFromTheStart) {
  EXPECT_THAT(findings(in_file({{.name = "fold_constants"}}), Level::kSpike),
              ElementsAre(HasSubstr("help: remove 'fold_constants'")));
}

TEST(PlanPasses, FindsEveryMistakeInOneGo) {
  const auto texts = findings(
      in_file(list("quantise,qcfs{steps=5000,method=mean},fold_batch_norm,quantize{bits=4}")),
      Level::kTensor);
  ASSERT_THAT(texts, SizeIs(5));
  EXPECT_THAT(texts[0], HasSubstr("did you mean 'quantize'?"));
  EXPECT_THAT(texts[1], HasSubstr("passes[1].qcfs.steps"));
  EXPECT_THAT(texts[2], HasSubstr("mean"));
  EXPECT_THAT(texts[3], HasSubstr("error[pass.level]"));
  EXPECT_THAT(texts[4], HasSubstr("error[config.unknown-key]"));
}

TEST(PlanPasses, MissesARequiredOption) {
  EXPECT_THAT(findings(in_file({{.name = "qcfs"}}), Level::kTensor),
              ElementsAre(HasSubstr("error[config.missing-key]")));
}

TEST(PassOptions, AreAllListedForTheLockFile) {
  Diagnostics out;
  const auto planned = plan_passes(list("qcfs{steps=8,method=max}"), Level::kTensor, out);
  ASSERT_TRUE(planned.has_value());
  std::string text;
  for (const auto& [key, value] : planned->at(0).pass->options()) {
    text += key + "=" + value_text(value) + " ";
  }
  EXPECT_EQ(text,
            "steps=8 method=max percentile=0.999 granularity=channel samples=512 initial=half ");
}

TEST(PassList, ReadsNamesOptionsQuotesAndLists) {
  const auto passes = list(" fold_batch_norm , qcfs{ steps = 8, method='max' } ,x{a=[1, 2],b=[]}");
  ASSERT_THAT(passes, SizeIs(3));
  EXPECT_EQ(passes[0].name, "fold_batch_norm");
  EXPECT_EQ(passes[0].options.kind, yaml::Kind::kNull);
  ASSERT_THAT(passes[1].options.entries, SizeIs(2));
  EXPECT_EQ(passes[1].options.find("steps")->scalar, "8");
  EXPECT_FALSE(passes[1].options.find("steps")->quoted);
  EXPECT_EQ(passes[1].options.find("method")->scalar, "max");
  EXPECT_TRUE(passes[1].options.find("method")->quoted);
  EXPECT_THAT(passes[2].options.find("a")->items, SizeIs(2));
  EXPECT_THAT(passes[2].options.find("b")->items, SizeIs(0));
}

TEST(PassList, IsEmptyForEmptyText) { EXPECT_THAT(list("  "), SizeIs(0)); }

TEST(PassList, SaysWhereTheTextIsWrong) {
  const auto fault = [](std::string_view text) {
    const auto parsed = parse_pass_list(text);
    if (parsed) return std::string("accepted");
    EXPECT_EQ(parsed.error().code, "pass.syntax");
    return to_string(parsed.error().at) + ": " + parsed.error().message;
  };
  EXPECT_EQ(fault("a,,b"), "--passes:1:3: found ',' instead of the name of a pass");
  EXPECT_EQ(fault("a,"), "--passes:1:3: found the end instead of the name of a pass");
  EXPECT_EQ(fault("a b"), "--passes:1:3: found 'b' instead of ',' between two passes");
  EXPECT_EQ(fault("a{x}"), "--passes:1:4: found '}' instead of '=' after 'x'");
  EXPECT_EQ(fault("a{x=}"), "--passes:1:5: found '}' instead of a value");
  EXPECT_EQ(fault("a{x=1"), "--passes:1:6: found the end instead of '}' after the options of 'a'");
  EXPECT_EQ(fault("a{x=1,x=2}"), "--passes:1:7: 'x' is given twice for 'a'");
  EXPECT_EQ(fault("a{x='1}"), "--passes:1:5: text that begins with ' has no end");
  EXPECT_EQ(fault("a{x=[1"), "--passes:1:7: found the end instead of ']' at the end of a list");
}

}  // namespace
}  // namespace neurotool
