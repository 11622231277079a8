// Whole graphs: inputs and outputs, errors with their node, and that results depend neither on the
// batch nor on threads.
#include "eval/tensor_eval.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <ostream>
#include <thread>

#include "base/parallel.hpp"
#include "eval/reference.hpp"

namespace neurotool::test {
namespace {

using testing::ElementsAre;

std::vector<Tensor> run(const TensorGraph& graph, const std::vector<Tensor>& inputs) {
  auto outputs = TensorEvaluator(graph).run(inputs);
  if (!outputs) {
    ADD_FAILURE() << to_string(outputs.error());
    return {};
  }
  return *std::move(outputs);
}

Error refused(const TensorGraph& graph, const std::vector<Tensor>& inputs) {
  auto outputs = TensorEvaluator(graph).run(inputs);
  EXPECT_FALSE(outputs.has_value());
  return outputs ? Error{} : outputs.error();
}

/// x[?,4] -> neg -> relu, neg is an output as well.
struct Small {
  TensorGraph graph;
  ValueId x, neg, relu;

  Small() {
    x = graph.add_input("x", DType::kFloat32, {kFreeDim, 4});
    neg = graph.add_op("neg", Unary{UnaryKind::kNeg}, {x});
    relu = graph.add_op("relu", Unary{UnaryKind::kRelu}, {neg});
    graph.outputs = {relu};
  }
};

TEST(TensorEvaluation, ReturnsTheOutputsInTheirOrder) {
  Small small;
  const ValueId five = small.graph.add_constant("five", floats({5}));
  small.graph.outputs = {small.relu, small.x, small.neg, five, small.relu};
  const Tensor x = Tensor::from<float>({1, 4}, {1, -2, 3, -4});
  const auto outputs = run(small.graph, {x});
  ASSERT_EQ(outputs.size(), 5u);
  EXPECT_EQ(outputs[0], Tensor::from<float>({1, 4}, {0, 2, 0, 4}));
  EXPECT_EQ(outputs[1], x);
  EXPECT_EQ(outputs[2], Tensor::from<float>({1, 4}, {-1, 2, -3, 4}));
  EXPECT_EQ(outputs[3], floats({5}));
  EXPECT_EQ(outputs[4], outputs[0]);
}

TEST(TensorEvaluation, ShowsWatchedValuesAsSoonAsTheyAreThere) {
  const Small small;
  const TensorEvaluator evaluator(small.graph);
  const Tensor x = Tensor::from<float>({1, 4}, {1, -2, 3, -4});
  std::vector<std::string> seen;
  const std::vector<ValueId> watch{small.relu, small.x};
  const auto outputs = evaluator.run(std::vector{x}, watch, [&](ValueId id, const Tensor& value) {
    seen.push_back(small.graph[id].name + "=" + std::to_string(value.at(1)));
  });
  ASSERT_TRUE(outputs.has_value());
  EXPECT_THAT(seen, ElementsAre("x=-2.000000", "relu=2.000000"));
}

TEST(TensorEvaluation, RunsOpsInTheOrderOfTheirInputsWhateverTheOrderOfTheList) {
  Small small;
  std::swap(small.graph.ops[0], small.graph.ops[1]);
  small.graph[small.neg].producer = OpId{1};
  small.graph[small.relu].producer = OpId{0};
  const auto outputs = run(small.graph, {Tensor::from<float>({1, 4}, {1, -2, 3, -4})});
  EXPECT_EQ(outputs.at(0), Tensor::from<float>({1, 4}, {0, 2, 0, 4}));
}

TEST(TensorEvaluation, OnePreparedGraphTakesBatchesOfAnySize) {
  const Small small;
  const TensorEvaluator evaluator(small.graph);
  for (const std::int64_t batch : {3, 1, 0, 7}) {
    const auto outputs = evaluator.run(std::vector{random_tensor({batch, 4})});
    ASSERT_TRUE(outputs.has_value());
    EXPECT_EQ(outputs->at(0).shape(), (Shape{batch, 4}));
  }
}

// ---- refusals ----------------------------------------------------------------------------------

TEST(TensorEvaluationRefusals, NameTheInputThatDoesNotFit) {
  const Small small;
  Error found = refused(small.graph, {random_tensor({1, 5})});
  EXPECT_EQ(found.code, "eval.shape");
  EXPECT_EQ(found.message, "input 'x' takes [?,4], got [1,5]");
  EXPECT_EQ(found.at, Location(ModelNode{.path = {}, .node = "x"}));
  EXPECT_EQ(refused(small.graph, {random_tensor({4})}).message, "input 'x' takes [?,4], got [4]");
  EXPECT_EQ(refused(small.graph, {integers({1, 2, 3, 4})}).message, "input 'x' takes f32, got i64");
  EXPECT_EQ(refused(small.graph, {Tensor()}).message, "input 'x' takes f32, got nothing");
}

TEST(TensorEvaluationRefusals, SayHowManyInputsThereAre) {
  const Small small;
  const Error found = refused(small.graph, {});
  EXPECT_EQ(found.code, "eval.shape");
  EXPECT_EQ(found.message, "the graph takes 1 inputs, got 0");
}

TEST(TensorEvaluationRefusals, NameTheNodeTheOpAndWhatIsWrong) {
  Small small;
  const ValueId three = small.graph.add_constant("three", floats({1, 2, 3}));
  const ValueId bad = small.graph.add_op("bad", Binary{BinaryKind::kAdd}, {small.relu, three});
  small.graph.outputs = {bad};
  const Error found = refused(small.graph, {random_tensor({2, 4})});
  EXPECT_EQ(found.code, "eval.shape");
  EXPECT_EQ(found.at, Location(ModelNode{.path = {}, .node = "bad"}));
  EXPECT_EQ(found.message, "add: [2,4] and [3] do not broadcast to one shape");
}

TEST(TensorEvaluationRefusals, NameTheNodeThatWouldNotFitIntoMemory) {
  Small small;
  const ValueId many = small.graph.add_constant("many", integers({1 << 20, 1 << 20}));
  small.graph.outputs = {small.graph.add_op("fill", ConstantOfShape{floats({1})}, {many})};
  const Error found = refused(small.graph, {random_tensor({2, 4})});
  EXPECT_EQ(found.code, "eval.size");
  EXPECT_EQ(found.at, Location(ModelNode{.path = {}, .node = "fill"}));
  EXPECT_EQ(found.help, "use a smaller batch");
}

TEST(TensorEvaluationRefusals, LeaveTheEvaluatorUsable) {
  const Small small;
  const TensorEvaluator evaluator(small.graph);
  EXPECT_FALSE(evaluator.run(std::vector{random_tensor({1, 5})}).has_value());
  EXPECT_TRUE(evaluator.run(std::vector{random_tensor({1, 4})}).has_value());
}

// ---- independence of batch and threads ---------------------------------------------------------

/// A graph over x[?,…] and the shape of one sample.
struct Subject {
  std::string name;
  Shape sample;
  void (*build)(TensorGraph&, ValueId);
};

void PrintTo(const Subject& subject, std::ostream* out) { *out << subject.name; }

TensorGraph graph_of(const Subject& subject) {
  TensorGraph graph;
  Shape shape{kFreeDim};
  shape.insert(shape.end(), subject.sample.begin(), subject.sample.end());
  const ValueId x = graph.add_input("x", DType::kFloat32, shape);
  subject.build(graph, x);
  graph.outputs = {graph.ops.back().outputs[0]};
  return graph;
}

ValueId weight(TensorGraph& graph, Shape shape) {
  const auto seed = static_cast<std::uint64_t>(graph.values.size() + 10);
  return graph.add_constant("w", random_tensor(std::move(shape), seed));
}

/// `count` samples from the batch, from `first` on.
Tensor part(const Tensor& batch, std::int64_t first, std::int64_t count) {
  return run_op(Slice{}, {batch, integers({first}), integers({first + count}), integers({0})});
}

class Independence : public testing::TestWithParam<Subject> {
 protected:
  void TearDown() override { set_thread_count(0); }

  static constexpr std::int64_t kSamples = 70;
  TensorGraph graph_ = graph_of(GetParam());
  Tensor batch_ = [this] {
    Shape shape{kSamples};
    shape.insert(shape.end(), GetParam().sample.begin(), GetParam().sample.end());
    return random_tensor(shape, 5);
  }();
};

TEST_P(Independence, ImagesOneByOneGiveTheSameBitsAsInABatch) {
  const TensorEvaluator evaluator(graph_);
  const Tensor together = run(graph_, {batch_}).at(0);
  for (const std::int64_t size : {1, 3, 32, 33}) {
    std::vector<Tensor> parts;
    for (std::int64_t first = 0; first < kSamples; first += size) {
      const auto result = evaluator.run(std::vector{part(batch_, first, size)});
      ASSERT_TRUE(result.has_value());
      parts.push_back(result->at(0));
    }
    EXPECT_TRUE(run_op(Concat{0}, parts) == together) << "in batches of " << size;
  }
}

TEST_P(Independence, AnyNumberOfThreadsGivesTheSameBits) {
  set_thread_count(1);
  const Tensor alone = run(graph_, {batch_}).at(0);
  for (const std::size_t threads : {2u, 3u, 8u}) {
    set_thread_count(threads);
    EXPECT_TRUE(run(graph_, {batch_}).at(0) == alone) << threads << " threads";
  }
}

TEST_P(Independence, SeveralThreadsMayShareOneEvaluator) {
  const TensorEvaluator evaluator(graph_);
  const Tensor alone = run(graph_, {batch_}).at(0);
  std::vector<int> same(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < same.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto result = evaluator.run(std::vector{batch_});
      same[i] = result.has_value() && result->at(0) == alone ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(same, testing::Each(1));
}

TEST_P(Independence, OneBadSampleDoesNotTouchItsNeighbours) {
  const Tensor wanted = run(graph_, {batch_}).at(0);
  std::vector<float> values(batch_.as<float>().begin(), batch_.as<float>().end());
  const auto size = static_cast<std::ptrdiff_t>(batch_.size() / kSamples);
  std::fill_n(values.begin() + 2 * size, size, std::numeric_limits<float>::quiet_NaN());
  const Tensor damaged = run(graph_, {Tensor::from<float>(batch_.shape(), values)}).at(0);
  EXPECT_TRUE(part(damaged, 0, 2) == part(wanted, 0, 2));
  EXPECT_FALSE(part(damaged, 2, 1) == part(wanted, 2, 1));
  EXPECT_TRUE(part(damaged, 3, kSamples - 3) == part(wanted, 3, kSamples - 3));
}

const Subject kSubjects[] = {
    {"Conv",
     {3, 9, 9},
     [](TensorGraph& graph, ValueId x) {
       graph.add_op("conv", Conv{.strides = {2, 2}, .pads = {1, 1, 1, 1}},
                    {x, weight(graph, {5, 3, 3, 3}), weight(graph, {5})});
     }},
    {"DepthwiseConv",
     {4, 8, 8},
     [](TensorGraph& graph, ValueId x) {
       graph.add_op("conv", Conv{.group = 4}, {x, weight(graph, {4, 1, 3, 3})});
     }},
    {"Gemm",
     {37},
     [](TensorGraph& graph, ValueId x) {
       graph.add_op("fc", Gemm{.alpha = 0.5f, .trans_b = true},
                    {x, weight(graph, {11, 37}), weight(graph, {11})});
     }},
    {"MatMulByOneMatrix",
     {5, 96},
     [](TensorGraph& graph, ValueId x) {
       graph.add_op("product", MatMul{}, {x, weight(graph, {96, 40})});
     }},
    {"MatMulOfTwoBatches",
     {5, 96},
     [](TensorGraph& graph, ValueId x) {
       const ValueId turned = graph.add_op("turn", Transpose{{0, 2, 1}}, {x});
       graph.add_op("product", MatMul{}, {x, turned});
     }},
    {"MatMulByAListOfMatrices",
     {1, 5, 96},
     [](TensorGraph& graph, ValueId x) {
       graph.add_op("product", MatMul{}, {x, weight(graph, {2, 96, 40})});
     }},
    {"MatMulByAListOfOneMatrix",
     {5, 96},
     [](TensorGraph& graph, ValueId x) {
       graph.add_op("product", MatMul{}, {x, weight(graph, {1, 96, 40})});
     }},
    {"Pools",
     {2, 12, 12},
     [](TensorGraph& graph, ValueId x) {
       const ValueId mean =
           graph.add_op("mean", AveragePool{.kernel = {3, 3}, .strides = {2, 2}}, {x});
       const ValueId most = graph.add_op("most", MaxPool{.kernel = {2, 2}}, {mean});
       graph.add_op("all", GlobalAveragePool{}, {most});
     }},
    {"Normalisations",
     {6, 20},
     [](TensorGraph& graph, ValueId x) {
       const ValueId ones = graph.add_constant("ones", floats({1, 1, 1, 1, 1, 1}));
       const ValueId norm = graph.add_op("norm", BatchNorm{},
                                         {x, weight(graph, {6}), weight(graph, {6}), ones, ones});
       const ValueId soft = graph.add_op("soft", Softmax{}, {norm});
       const ValueId axes = graph.add_constant("axes", integers({1}));
       graph.add_op("mean", mean_op(true), {soft, axes});
     }},
    {"Network",
     {1, 8, 8},
     [](TensorGraph& graph, ValueId x) {
       const ValueId conv = graph.add_op("conv", Conv{.pads = {1, 1, 1, 1}},
                                         {x, weight(graph, {4, 1, 3, 3}), weight(graph, {4})});
       const ValueId tanh = graph.add_op("tanh", Unary{UnaryKind::kTanh}, {conv});
       const ValueId sum = graph.add_op("sum", Binary{BinaryKind::kAdd}, {tanh, x});
       const ValueId flat = graph.add_op("flat", Flatten{}, {sum});
       graph.add_op("fc", Gemm{}, {flat, weight(graph, {256, 10})});
     }},
};

INSTANTIATE_TEST_SUITE_P(Graphs, Independence, testing::ValuesIn(kSubjects),
                         [](const auto& param) { return param.param.name; });

// ---- empty tensors -----------------------------------------------------------------------------

class EmptyBatches : public testing::TestWithParam<Subject> {};

TEST_P(EmptyBatches, GiveAnEmptyResultOfTheRightShape) {
  const TensorGraph graph = graph_of(GetParam());
  Shape one{1}, none{0};
  one.insert(one.end(), GetParam().sample.begin(), GetParam().sample.end());
  none.insert(none.end(), GetParam().sample.begin(), GetParam().sample.end());
  Shape wanted = run(graph, {random_tensor(one)}).at(0).shape();
  wanted[0] = 0;
  EXPECT_EQ(run(graph, {random_tensor(none)}).at(0).shape(), wanted);
}

INSTANTIATE_TEST_SUITE_P(Graphs, EmptyBatches, testing::ValuesIn(kSubjects),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace neurotool::test
