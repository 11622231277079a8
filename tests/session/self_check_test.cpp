// Reference values against our evaluation: what agrees, and which value is named when one does not.
#include "session/self_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "session/session.hpp"
#include "support/npz.hpp"
#include "support/temp_folder.hpp"

namespace neurotool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor row(std::vector<float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Tensor::from<float>({1, count}, std::move(values));
}

/// x[?,3] * (1,2,3) -> hidden, relu -> active, * 10 -> y.
Model network() {
  TensorGraph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kFreeDim, 3});
  const ValueId w = graph.add_constant("w", Tensor::from<float>({3}, {1, 2, 3}));
  const ValueId ten = graph.add_constant("ten", Tensor::scalar(10.0f));
  const ValueId hidden = graph.add_op("hidden", Binary{BinaryKind::kMul}, {x, w}, {"/scale"});
  const ValueId active = graph.add_op("active", Unary{UnaryKind::kRelu}, {hidden}, {"/act"});
  graph.outputs = {graph.add_op("y", Binary{BinaryKind::kMul}, {active, ten}, {"/out"})};
  Model model;
  model.graph = std::move(graph);
  return model;
}

using Arrays = std::vector<std::pair<std::string, Tensor>>;

Arrays right() {
  return {{"x", row({1, -1, 2})},
          {"hidden", row({1, -2, 6})},
          {"active", row({1, 0, 6})},
          {"y", row({10, 0, 60})}};
}

Result<SelfCheck> check(const Arrays& arrays, const CheckTolerance& tolerance = {}) {
  const TempFolder folder;
  return check_against(network(), folder.write("ref.npz", npz_bytes(arrays)), tolerance);
}

TEST(SelfCheck, FindsNothingInARightReference) {
  const auto found = check(right());
  ASSERT_TRUE(found.has_value()) << to_string(found.error());
  EXPECT_EQ(found->compared, 3u);
  EXPECT_FALSE(found->first.has_value());
  EXPECT_THAT(to_string(*found), HasSubstr("3 values agree with the reference"));
}

TEST(SelfCheck, NamesTheFirstValueThatDiffersNotTheWorst) {
  Arrays arrays = right();
  arrays[2].second = row({1, 0, 6.5});
  arrays[3].second = row({-1000, 0, 65});
  const auto found = check(arrays);
  ASSERT_TRUE(found && found->first);
  EXPECT_EQ(found->differ, 2u);
  EXPECT_EQ(found->first->value, "active");
  EXPECT_EQ(found->first->node, "/act");
  EXPECT_EQ(found->first->index, "[0,2]");
  EXPECT_EQ(found->first->difference, 0.5);
  EXPECT_EQ(found->largest->value, "y");
  EXPECT_EQ(to_string(*found),
            "2 of 3 values differ from the reference, 'active' (relu of node '/act') the first: at "
            "[0,2] it is 6, the reference 6.5, off by 0.5, where 0.0001 + 0.0001 · |reference| is "
            "allowed");
}

TEST(SelfCheck, AllowsAsMuchAsTheToleranceSays) {
  Arrays arrays = right();
  arrays[3].second = row({10.5, 0, 60});
  EXPECT_TRUE(check(arrays)->first.has_value());
  EXPECT_FALSE(check(arrays, {.absolute = 0.5, .relative = 0})->first.has_value());
  EXPECT_FALSE(check(arrays, {.absolute = 0, .relative = 0.05})->first.has_value());
}

TEST(SelfCheck, ANumberThatIsNoneDiffersFromOne) {
  Arrays arrays = right();
  for (const float odd :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    arrays[3].second = row({10, odd, 60});
    const auto found = check(arrays, {.absolute = 1e30, .relative = 0});
    ASSERT_TRUE(found && found->first);
    EXPECT_EQ(found->first->index, "[0,1]");
  }
}

TEST(SelfCheck, AnotherShapeIsADifference) {
  Arrays arrays = right();
  arrays[1].second = Tensor::from<float>({3}, {1, -2, 6});
  const auto found = check(arrays);
  ASSERT_TRUE(found && found->first);
  EXPECT_EQ(found->first->problem, "its shape is [1,3], the reference has [3]");
}

TEST(SelfCheck, TakesInputsOfAnotherFloatTypeAndNamesWhatItDoesNotKnow) {
  Arrays arrays = right();
  arrays[0].second = arrays[0].second.converted(DType::kFloat64);
  arrays.emplace_back("z", row({1}));
  const auto found = check(arrays);
  ASSERT_TRUE(found.has_value());
  EXPECT_FALSE(found->first.has_value());
  EXPECT_THAT(found->unknown, ElementsAre("z"));
}

TEST(SelfCheck, NeedsTheInputsAndSomethingToCompare) {
  const auto no_input = check({{"y", row({1, 2, 3})}});
  ASSERT_FALSE(no_input.has_value());
  EXPECT_EQ(no_input.error().code, "model.reference-data");
  EXPECT_THAT(no_input.error().message, HasSubstr("no array 'x'"));
  const auto nothing = check({{"x", row({1, 2, 3})}});
  ASSERT_FALSE(nothing.has_value());
  EXPECT_EQ(nothing.error().code, "model.reference-data");
  EXPECT_EQ(outcome_of("run.reference"), Outcome::kNo);
  EXPECT_EQ(outcome_of("model.reference-data"), Outcome::kInput);
}

}  // namespace
}  // namespace neurotool::test
