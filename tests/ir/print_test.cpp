#include "ir/print.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/golden.hpp"
#include "support/graphs.hpp"

namespace neurotool {
namespace {

using test::expect_golden;
using test::spike_model;
using test::tensor_model;
using ::testing::HasSubstr;

/// One population or projection for every word that the text form has.
SpikeGraph full_vocabulary() {
  SpikeGraph graph = test::small_integer_mlp();
  graph.name = "vocabulary";
  graph.dt_seconds = 0.001;
  std::get<Input>(graph.populations[0].neuron) = {.held = false, .bits = 4, .is_signed = true};

  Lif lif;
  lif.firing = *firing_of(graph.populations[1].neuron);
  lif.firing.threshold = Tensor::from<std::int32_t>({3}, {10, 20, 15});
  lif.firing.reset = Reset::kToValue;
  lif.firing.reset_value = Tensor::scalar(std::int32_t{-1});
  lif.firing.emission = {.max_per_step = 4, .min_per_step = -1, .max_total = 8, .min_total = -2};
  lif.firing.window = {.integrate_begin = 0, .integrate_end = 8, .fire_begin = 8, .fire_end = 12};
  lif.firing.radix_bits = 4;
  lif.decay = Tensor::scalar(std::int32_t{3686});
  lif.decay_shift = 12;
  lif.rounding = Rounding::kTowardZero;
  Population& hidden = graph.populations[1];
  hidden.neuron = lif;
  hidden.bias = Tensor::scalar(std::int32_t{2});
  hidden.bias_timing = BiasTiming::kLastStep;
  hidden.payload_value = Tensor::scalar(0.125f);
  hidden.chip = 1;
  hidden.provisional = true;
  hidden.origins = {"Gemm_0"};

  CubaLif cuba;
  cuba.firing.threshold = Tensor::scalar(std::int32_t{5});
  cuba.decay = Tensor::scalar(std::int32_t{1});
  cuba.current_decay = Tensor::scalar(std::int32_t{7});
  cuba.current_decay_shift = 3;
  Population extra = build::relay_population("extra", {3});
  extra.neuron = cuba;
  const PopulationId id = graph.add(std::move(extra));
  Sparse sparse;
  sparse.row_begin = Tensor::from<std::int64_t>({4}, {0, 1, 2, 2});
  sparse.targets = Tensor::from<std::int32_t>({2}, {0, 1});
  sparse.weight = Tensor::from<std::int16_t>({2}, {3, 4});
  const ProjectionId projection = graph.connect({1}, id, std::move(sparse), 3);
  graph[projection].shift = 2;
  graph[projection].origins = {"Loop_1"};
  return graph;
}

TEST(PrintText, ShowsASpikingNetwork) {
  expect_golden("ir", "small_cnn", print_text(spike_model(test::small_cnn())));
}

TEST(PrintText, ShowsIntegerArithmetic) {
  expect_golden("ir", "small_integer_mlp", print_text(spike_model(test::small_integer_mlp())));
}

TEST(PrintText, ShowsWhateverIsNotTheDefault) {
  const SpikeGraph graph = full_vocabulary();
  EXPECT_EQ(test::violations(spike_model(graph)), std::vector<std::string>{});
  expect_golden("ir", "vocabulary", print_text(spike_model(graph)));
}

TEST(PrintText, ShowsATensorGraph) {
  expect_golden("ir", "small_tensor_cnn", print_text(tensor_model(test::small_tensor_cnn())));
}

TEST(PrintText, ShowsAbsentOperandsSmallConstantsAndTypes) {
  TensorGraph graph;
  graph.name = "details";
  const ValueId x = graph.add_input("x", DType::kFloat32, {kFreeDim, 4});
  const ValueId most = graph.add_constant("most", Tensor::scalar(6.0f));
  const ValueId clip = graph.add_op("clip", Clip{}, {x, ValueId{}, most}, {"Clip_3"});
  const ValueId shape = graph.add_constant("shape", Tensor::from<std::int64_t>({2}, {0, -1}));
  const ValueId flat = graph.add_op("reshape", Reshape{.allow_zero = true}, {clip, shape});
  const ValueId half = graph.add_op("cast", Cast{DType::kFloat16}, {flat});
  graph[flat].shape = Shape{kFreeDim, 4};
  graph.outputs = {half};
  expect_golden("ir", "tensor_details", print_text(tensor_model(graph)));
}

TEST(PrintText, EscapesWhatATerminalWouldObey) {
  TensorGraph graph;
  graph.outputs = {graph.add_input("evil\x1b[2J", DType::kFloat32, {1})};
  EXPECT_THAT(print_text(tensor_model(graph)), HasSubstr("%evil\\x1b[2J"));
}

TEST(PrintText, ShowsABrokenGraphToo) {
  SpikeGraph graph = test::small_mlp();
  graph.projections[0].target = {42};
  EXPECT_THAT(print_text(spike_model(graph)), HasSubstr("%image  -> %?42"));
}

TEST(PrintDot, ShowsBoxesAndArrows) {
  expect_golden("ir", "small_cnn.dot", print_dot(spike_model(test::small_cnn())));
  expect_golden("ir", "small_tensor_cnn.dot", print_dot(tensor_model(test::small_tensor_cnn())));
}

TEST(PrintDot, QuotesNames) {
  TensorGraph graph;
  graph.outputs = {graph.add_input("a\"b\\c", DType::kFloat32, {1})};
  EXPECT_THAT(print_dot(tensor_model(graph)), HasSubstr(R"(label="a\"b\\c\nf32[1]")"));
}

TEST(PrintJson, ShowsEverything) {
  expect_golden("ir", "small_cnn.json", print_json(spike_model(test::small_cnn())).dump() + "\n");
  expect_golden("ir", "small_tensor_cnn.json",
                print_json(tensor_model(test::small_tensor_cnn())).dump() + "\n");
}

TEST(PrintJson, TellsLargeTensorsApart) {
  const auto json = [](float last) {
    SpikeGraph graph = test::small_mlp();
    std::vector<float> weight(100 * 2, 1.0f);
    weight.back() = last;
    graph.populations[1].shape = {100};
    std::get<Dense>(graph.projections[0].connectivity) = build::dense(100, 2, weight);
    return print_json(spike_model(graph)).dump();
  };
  EXPECT_EQ(json(1), json(1));
  EXPECT_NE(json(1), json(2));
  EXPECT_THAT(json(1), HasSubstr("sha256"));
}

}  // namespace
}  // namespace neurotool
