// remove_identity: what changes nothing goes, every rectifier is called relu, names stay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <ostream>

#include "passes/tensor_tools.hpp"

namespace neurotool::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::int64_t kToTheEnd = std::numeric_limits<std::int64_t>::max();

/// One op on x[?,2,4,4], between two functions so that it is neither input nor output.
struct Case {
  std::string name;
  void (*build)(Network&);
};

void PrintTo(const Case& made, std::ostream* out) { *out << made.name; }

Model between(const Case& made) {
  Network net({2, 4, 4});
  net.add("exp", Unary{UnaryKind::kExp});
  made.build(net);
  return net.add("neg", Unary{UnaryKind::kNeg}).finish("net");
}

class RemovedOp : public testing::TestWithParam<Case> {};

TEST_P(RemovedOp, GoesAndLeavesTheFunction) {
  Model model = between(GetParam());
  const Model before = model;
  EXPECT_TRUE(run_pass(model, "remove_identity").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("exp:exp", "neg:neg"));
  expect_same_function(before, model, 0);
  EXPECT_FALSE(run_pass(model, "remove_identity").did_change());
}

const Case kRemoved[] = {
    {"Identity", [](Network& net) { net.add("op", Identity{}); }},
    {"CastToItsOwnType", [](Network& net) { net.add("op", Cast{DType::kFloat32}); }},
    {"PadByZero",
     [](Network& net) {
       net.add("op", Pad{}, {net.integers({0, 0, 0, 0, 0, 0, 0, 0})});
     }},
    {"ReshapeToTheSame",
     [](Network& net) {
       net.add("op", Reshape{}, {net.integers({-1, 2, 4, 4})});
     }},
    {"ReshapeThatCopies",
     [](Network& net) {
       net.add("op", Reshape{}, {net.integers({0, 0, 0, 0})});
     }},
    {"SqueezeOfNothing", [](Network& net) { net.add("op", Squeeze{}, {net.integers({})}); }},
    {"UnsqueezeByNothing", [](Network& net) { net.add("op", Unsqueeze{}, {net.integers({})}); }},
    {"TransposeInOrder",
     [](Network& net) {
       net.add("op", Transpose{.perm = {0, 1, 2, 3}});
     }},
    {"TransposeInOrderFromTheEnd",
     [](Network& net) {
       net.add("op", Transpose{.perm = {0, -3, 2, -1}});
     }},
    {"SliceOfAll",
     [](Network& net) {
       net.add("op", Slice{},
               {net.integers({0, 0}), net.integers({kToTheEnd, 4}), net.integers({0, 2})});
     }},
    {"ConcatOfOne", [](Network& net) { net.add("op", Concat{.axis = 1}); }},
    {"ClipWithoutBounds", [](Network& net) { net.add("op", Clip{}); }},
    {"ClipByInfinities",
     [](Network& net) {
       net.add("op", Clip{}, {net.constant({}, {-kInfinity}), net.constant({}, {kInfinity})});
     }},
    {"MaxPoolOfOne",
     [](Network& net) {
       net.add("op", MaxPool{.kernel = {1, 1}, .strides = {1, 1}, .dilations = {}, .pads = {}});
     }},
    {"AveragePoolOfOne",
     [](Network& net) {
       net.add("op", AveragePool{.kernel = {1, 1},
                                 .strides = {},
                                 .dilations = {},
                                 .pads = {0, 0, 0, 0},
                                 .ceil_mode = true});
     }},
};

INSTANTIATE_TEST_SUITE_P(Ops, RemovedOp, testing::ValuesIn(kRemoved),
                         [](const auto& param) { return param.param.name; });

class KeptOp : public testing::TestWithParam<Case> {};

TEST_P(KeptOp, Stays) {
  Model model = between(GetParam());
  const Model before = model;
  EXPECT_FALSE(run_pass(model, "remove_identity").did_change());
  EXPECT_EQ(ops_of(model), ops_of(before));
}

const Case kKept[] = {
    {"CastToAnotherType",
     [](Network& net) { net.add("op", Cast{DType::kFloat64}).add("back", Cast{DType::kFloat32}); }},
    {"PadOfOneAxis",
     [](Network& net) {
       net.add("op", Pad{}, {net.integers({0, 0, 1, 0, 0, 0, 0, 0})});
     }},
    {"ReshapeToAnotherShape",
     [](Network& net) {
       net.add("op", Reshape{}, {net.integers({-1, 4, 2, 4})});
     }},
    {"TransposeOfEqualExtents",
     [](Network& net) {
       net.add("op", Transpose{.perm = {0, 1, 3, 2}});
     }},
    {"TransposeByDefaultReverses", [](Network& net) { net.add("op", Transpose{}); }},
    {"SliceBackwards",
     [](Network& net) {
       net.add("op", Slice{},
               {net.integers({-1}), net.integers({-9}), net.integers({2}), net.integers({-1})});
     }},
    {"SliceThatDropsABatchElement",
     [](Network& net) {
       net.add("op", Slice{}, {net.integers({1}), net.integers({kToTheEnd}), net.integers({0})});
     }},
    {"ClipAtOne",
     [](Network& net) {
       net.add("op", Clip{}, {net.constant({}, {0}), net.constant({}, {1})});
     }},
    {"MaxPoolOfOneWithAStride",
     [](Network& net) {
       net.add("op", MaxPool{.kernel = {1, 1}, .strides = {2, 2}, .dilations = {}, .pads = {}});
     }},
    {"AddOfZero",
     [](Network& net) { net.add("op", Binary{BinaryKind::kAdd}, {net.constant({}, {0})}); }},
    {"MaxWithOne",
     [](Network& net) { net.add("op", Binary{BinaryKind::kMax}, {net.constant({}, {1})}); }},
    {"MaxWithZerosThatRepeat",
     [](Network& net) {
       net.add("first", Slice{}, {net.integers({0}), net.integers({1}), net.integers({1})});
       net.add("op", Binary{BinaryKind::kMax}, {net.constant({2, 1, 1}, {0, 0})});
     }},
    {"MinWithZero",
     [](Network& net) { net.add("op", Binary{BinaryKind::kMin}, {net.constant({}, {0})}); }},
};

INSTANTIATE_TEST_SUITE_P(Ops, KeptOp, testing::ValuesIn(kKept),
                         [](const auto& param) { return param.param.name; });

class Rectifier : public testing::TestWithParam<Case> {};

TEST_P(Rectifier, IsWrittenAsRelu) {
  Model model = between(GetParam());
  // Both signs must reach it.
  std::get<Unary>(model.tensor().ops[0].op).kind = UnaryKind::kNeg;
  const Model before = model;
  EXPECT_TRUE(run_pass(model, "remove_identity").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("exp:neg", "op:relu", "neg:neg"));
  EXPECT_THAT(op_named(model, "op").inputs, testing::SizeIs(1));
  EXPECT_THAT(op_named(model, "op").origins, ElementsAre("op"));
  expect_same_function(before, model, 0);
}

const Case kRectifiers[] = {
    {"ClipFromZero", [](Network& net) { net.add("op", Clip{}, {net.constant({}, {0})}); }},
    {"ClipFromZeroToInfinity",
     [](Network& net) {
       net.add("op", Clip{}, {net.constant({}, {0}), net.constant({}, {kInfinity})});
     }},
    {"ClipFromZeroToTheLargestFloat",
     [](Network& net) {
       const float most = std::numeric_limits<float>::max();
       net.add("op", Clip{}, {net.constant({1}, {0}), net.constant({1}, {most})});
     }},
    {"MaxWithZero",
     [](Network& net) { net.add("op", Binary{BinaryKind::kMax}, {net.constant({}, {0})}); }},
    {"ZeroAndMax",
     [](Network& net) {
       const ValueId x = net.value();
       net.at(net.constant({}, {0})).add("op", Binary{BinaryKind::kMax}, {x});
     }},
    {"WhereAboveZero",
     [](Network& net) {
       const ValueId x = net.value(), zero = net.constant({}, {0});
       net.at(zero).add("above", Binary{BinaryKind::kLess}, {x});
       net.graph()[net.value()].dtype = DType::kBool;
       net.add("op", Where{}, {x, zero});
     }},
    {"WhereNotBelowZero",
     [](Network& net) {
       const ValueId x = net.value(), zero = net.constant({}, {0});
       net.add("below", Binary{BinaryKind::kLessOrEqual}, {zero});
       net.graph()[net.value()].dtype = DType::kBool;
       net.add("op", Where{}, {zero, x});
     }},
};

INSTANTIATE_TEST_SUITE_P(Ops, Rectifier, testing::ValuesIn(kRectifiers),
                         [](const auto& param) { return param.param.name; });

TEST(RemoveIdentity, AChoiceByAnotherValueOrTheOtherWayRoundIsNoRectifier) {
  for (const bool swapped : {false, true}) {
    Network net({3});
    const ValueId x = net.value(), zero = net.constant({}, {0});
    const ValueId other = swapped ? x : net.add("neg", Unary{UnaryKind::kNeg}, {}).value();
    net.at(zero).add("above", Binary{BinaryKind::kLess}, {other});
    net.graph()[net.value()].dtype = DType::kBool;
    net.add("op", Where{}, swapped ? std::vector{zero, x} : std::vector{x, zero});
    Model model = net.finish("net");
    run_pass(model, "remove_identity");
    EXPECT_EQ(op_name(op_named(model, "op").op), "where");
  }
}

TEST(RemoveIdentity, MaxWithAListOfZerosIsARectifierOnceShapesAreKnown) {
  Network net({3});
  net.add("max", Binary{BinaryKind::kMax}, {net.constant({1, 3}, {0, 0, 0})});
  Model model = net.finish("net");
  EXPECT_TRUE(run_pass(model, "remove_identity").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("max:relu"));
}

TEST(RemoveIdentity, AResultKeepsItsNameWhenTheOpThatNamedItGoes) {
  Network net({4});
  net.relu("relu").add("logits", Identity{});
  Model model = net.finish("net");
  const Model before = model;
  EXPECT_TRUE(run_pass(model, "remove_identity").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("relu:relu"));
  EXPECT_THAT(output_names(model), ElementsAre("logits"));
  expect_same_function(before, model, 0);
}

TEST(RemoveIdentity, AnInputIsNeverRenamedIntoAResult) {
  Network net({4});
  Model model = net.add("y", Identity{}).finish("net");
  EXPECT_FALSE(run_pass(model, "remove_identity").did_change());
  EXPECT_THAT(output_names(model), ElementsAre("y"));
  EXPECT_EQ(model.tensor()[model.tensor().inputs[0]].name, "x");
}

TEST(RemoveIdentity, TwoResultsOfOneValueKeepBothNames) {
  Network net({4});
  net.relu("first");
  const ValueId first = net.value();
  Model model = net.add("second", Identity{}).finish("net");
  model.tensor().outputs = {first, model.tensor().outputs[0]};
  EXPECT_FALSE(run_pass(model, "remove_identity").did_change());
  EXPECT_THAT(output_names(model), ElementsAre("first", "second"));
}

TEST(RemoveIdentity, AChainBetweenInputAndResultLeavesOneOp) {
  Network net({4});
  net.add("a", Identity{}).add("b", Identity{}).add("c", Identity{});
  Model model = net.finish("net");
  EXPECT_TRUE(run_pass(model, "remove_identity").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("c:identity"));
  EXPECT_THAT(output_names(model), ElementsAre("c"));
}

TEST(RemoveIdentity, EveryReaderOfARemovedOpReadsWhatWasBeforeIt) {
  Network net({4});
  net.relu("relu").add("drop", Identity{}).add("drop2", Identity{});
  const ValueId dropped = net.value();
  net.add("exp", Unary{UnaryKind::kExp}).add("add", Binary{BinaryKind::kAdd}, {dropped});
  Model model = net.add("mul", Binary{BinaryKind::kMul}, {dropped}).finish("net");
  const Model before = model;
  EXPECT_TRUE(run_pass(model, "remove_identity").did_change());
  EXPECT_EQ(count_ops<Identity>(model), 0);
  const ValueId kept = op_named(model, "relu").outputs[0];
  EXPECT_EQ(op_named(model, "add").inputs[1], kept);
  EXPECT_EQ(op_named(model, "mul").inputs[1], kept);
  expect_same_function(before, model, 0);
}

TEST(RemoveIdentity, WithoutAKnownShapeItRemovesOnlyWhatNeedsNone) {
  Network net({4});
  net.graph().add_input("wanted", DType::kInt64, {kFreeDim});
  net.add("open", Reshape{}, {net.graph().inputs[1]});
  net.add("flatten", Flatten{}).add("drop", Identity{});
  Model model = net.relu("relu").finish("net");
  EXPECT_TRUE(run_pass(model, "remove_identity").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("open:reshape", "flatten:flatten", "relu:relu"));
}

TEST(RemoveIdentity, ReportsNothing) {
  Network net({4});
  Model model = net.add("drop", Identity{}).relu("relu").finish("net");
  EXPECT_THAT(run_pass(model, "remove_identity").diagnostics, IsEmpty());
}

}  // namespace
}  // namespace neurotool::test
