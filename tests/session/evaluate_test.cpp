#include "session/evaluate.hpp"

#include <gtest/gtest.h>

#include "base/parallel.hpp"
#include "support/memory_samples.hpp"

namespace neurotool {
namespace {

using test::MemorySamples;

/// x[?,2] * weight: class 0 when the first value is larger, else 1; equal values tie.
TensorGraph two_class_network() {
  TensorGraph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kFreeDim, 2});
  const ValueId weight = graph.add_constant("w", Tensor::from<float>({2, 2}, {1, 0, 0, 1}));
  graph.outputs = {graph.add_op("gemm", Gemm{}, {x, weight})};
  return graph;
}

MemorySamples pairs(std::vector<float> values, std::vector<std::int32_t> labels) {
  const auto count = static_cast<std::int64_t>(values.size()) / 2;
  return MemorySamples(Tensor::from<float>({count, 2}, std::move(values)), std::move(labels));
}

TEST(FloatPredictions, TakesTheLargestOutputAndTheLowerIndexOnTies) {
  const MemorySamples data = pairs({3, 1, 1, 3, 2, 2}, {0, 1, 0});
  NoProgress progress;
  const auto result = float_predictions(two_class_network(), data, 2, progress);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->classes, (std::vector<std::int32_t>{0, 1, 0}));
  EXPECT_EQ(result->class_count, 2);
}

TEST(FloatPredictions, DoNotDependOnBatchSize) {
  std::vector<float> values;
  for (int i = 0; i < 100; ++i) values.insert(values.end(), {float(i % 7), float(i % 5)});
  const MemorySamples data = pairs(values, std::vector<std::int32_t>(100));
  NoProgress progress;
  const auto one = float_predictions(two_class_network(), data, 1, progress);
  const auto many = float_predictions(two_class_network(), data, 64, progress);
  ASSERT_TRUE(one.has_value() && many.has_value());
  EXPECT_EQ(one->classes, many->classes);
}

class StopAtOnce final : public Progress {
 public:
  void stage(std::string_view) override {}
  bool update(double, std::string_view) override { return false; }
};

TEST(FloatPredictions, StopsWhenAsked) {
  const MemorySamples data = pairs({3, 1, 1, 3}, {0, 1});
  StopAtOnce progress;
  const auto result = float_predictions(two_class_network(), data, 1, progress);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, "run.interrupted");
}

TEST(FloatPredictions, ReportsTheErrorOfTheLowestBatch) {
  const test::BrokenSamples data({2}, 50, 20);  // every sample from number 20 on cannot be read
  NoProgress progress;
  const auto result = float_predictions(two_class_network(), data, 1, progress);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "sample 20 is broken");
}

TEST(Judge, CountsRightAnswers) {
  const MemorySamples data = pairs({0, 0, 0, 0, 0, 0}, {1, 1, 0});
  const auto accuracy = judge({{1, 0, 0}, 2}, data, {});
  ASSERT_TRUE(accuracy.has_value());
  EXPECT_EQ(accuracy->correct, 2);
  EXPECT_EQ(accuracy->samples, 3);
}

TEST(Judge, RefusesLabelsBeyondTheClasses) {
  const auto accuracy = judge({{0, 0}, 2}, pairs({0, 0, 0, 0}, {1, 2}), {});
  ASSERT_FALSE(accuracy.has_value());
  EXPECT_EQ(accuracy.error().code, "run.label-range");
  EXPECT_NE(accuracy.error().message.find("sample 1"), std::string::npos);
}

TEST(CheckLabels, RefusesDataWithoutLabels) {
  const auto checked = check_labels(pairs({0, 0}, {}), {});
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().code, "run.no-labels");
}

TEST(CheckLabels, RefusesEmptyData) {
  const auto checked = check_labels(pairs({}, {}), {});
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().code, "run.no-samples");
}

TEST(CountAgreement, CountsEqualClasses) {
  EXPECT_EQ(count_agreement({{0, 1, 2}, 3}, {{0, 2, 2}, 3}), 2);
}

}  // namespace
}  // namespace neurotool
