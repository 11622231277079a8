#include <gtest/gtest.h>

#include "session/session.hpp"

namespace neurotool {
namespace {

TEST(Outcome, MapsConfigurationMistakesToTwo) {
  for (const char* code :
       {"config.range", "config.unknown-key", "pass.unknown", "pass.level", "cli.usage",
        "run.no-target", "run.calibration", "file.unwritable", "target.no-simulate"}) {
    EXPECT_EQ(outcome_of(code), Outcome::kConfig) << code;
  }
}

TEST(Outcome, MapsModelsAndDataToThree) {
  for (const char* code : {"onnx.unsupported-op", "model.missing", "data.shape", "file.missing",
                           "run.no-labels", "run.input-range", "snapshot.version", "eval.shape"}) {
    EXPECT_EQ(outcome_of(code), Outcome::kInput) << code;
  }
}

TEST(Outcome, MapsPluginsToFour) {
  for (const char* code : {"target.missing", "target.abi", "target.untrusted", "target.failed"}) {
    EXPECT_EQ(outcome_of(code), Outcome::kPlugin) << code;
  }
}

TEST(Outcome, MapsWhatDoesNotFitToOne) {
  for (const char* code : {"run.expect", "target.model", "target.kind", "eval.overflow"}) {
    EXPECT_EQ(outcome_of(code), Outcome::kNo) << code;
  }
}

TEST(Outcome, TakesCodesOfPassesForTheModelsFault) {
  EXPECT_EQ(outcome_of("qcfs.some-finding"), Outcome::kInput);
  EXPECT_EQ(outcome_of("lowering.unsupported-op"), Outcome::kInput);
}

TEST(Outcome, TakesCodesItDoesNotKnowForAPluginThatSaysNo) {
  EXPECT_EQ(outcome_of("acme.core-full"), Outcome::kNo);
  EXPECT_EQ(outcome_of(""), Outcome::kNo);
}

TEST(Outcome, MapsBugsToFive) {
  EXPECT_EQ(outcome_of("internal.check"), Outcome::kBug);
  EXPECT_EQ(outcome_of("verify.unique-names"), Outcome::kBug);
}

}  // namespace
}  // namespace neurotool
