// tabulate_activations on files that other tools wrote: the activation functions of the ONNX test
// suite, as operators and written out, and the two trained networks of this repository.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "eval/tensor_eval.hpp"
#include "frontend/frontend.hpp"
#include "passes/pass_tools.hpp"
#include "support/test_data.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

/// Values from -6 to 6 for the network's one input.
Tensor spread_input(const TensorGraph& graph) {
  const Shape shape = graph[graph.inputs.at(0)].shape.value();
  const std::int64_t count = element_count(shape).value();
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) {
    values.push_back(
        static_cast<float>(-6 + 12 * (static_cast<double>(i) + 0.37) / static_cast<double>(count)));
  }
  return Tensor::from<float>(shape, std::move(values));
}

class ActivationFiles : public testing::TestWithParam<const char*> {};

TEST_P(ActivationFiles, BecomeTablesWithTheErrorThatWasAskedFor) {
  const fs::path path = test::test_data() / "onnx-corpus" / GetParam() / "model.onnx";
  NT_NEEDS_DATA(path);
  Diagnostics diagnostics;
  auto model = load_model(path, diagnostics);
  ASSERT_TRUE(model.has_value()) << to_string(model.error());
  ASSERT_TRUE(
      test::run_passes(*model, "infer_shapes,fold_constants,remove_identity").result.has_value());
  const Tensor in[] = {spread_input(model->tensor())};
  const Tensor wanted = TensorEvaluator(model->tensor()).run(in).value().at(0);
  const auto run = test::run_passes(*model, "tabulate_activations{error=0.05}");
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  EXPECT_TRUE(run.diagnostics.empty()) << to_string(run.diagnostics.at(0));
  ASSERT_FALSE(run.facts.empty()) << "no function was recognised";
  const Tensor got = TensorEvaluator(model->tensor()).run(in).value().at(0);
  ASSERT_EQ(got.shape(), wanted.shape());
  for (std::int64_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got.at(i), wanted.at(i), 0.05) << "at " << in[0].at(i);
  }
  // All of it can spike now.
  for (const OpNode& node : model->tensor().ops) {
    const auto* unary = std::get_if<Unary>(&node.op);
    const bool known =
        std::holds_alternative<Binary>(node.op) || std::holds_alternative<Clip>(node.op) ||
        (unary != nullptr && (unary->kind == UnaryKind::kRelu || unary->kind == UnaryKind::kNeg));
    EXPECT_TRUE(known) << node.name << " is " << op_name(node.op);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Corpus, ActivationFiles,
    testing::Values("onnx-node/test_celu", "onnx-node/test_elu_default",
                    "onnx-node/test_elu_expanded_ver18", "onnx-node/test_gelu_default_2",
                    "onnx-node/test_gelu_default_2_expanded", "onnx-node/test_gelu_tanh_1_expanded",
                    "onnx-node/test_hardswish", "onnx-node/test_hardswish_expanded",
                    "onnx-node/test_mish", "onnx-node/test_mish_expanded", "onnx-node/test_selu",
                    "onnx-node/test_sigmoid", "onnx-node/test_softplus",
                    "onnx-node/test_softplus_expanded_ver18", "onnx-node/test_softsign_example",
                    "onnx-node/test_tanh", "onnx-node-latest/test_swish",
                    "onnx-node-opset8/test_elu", "onnx-node-opset8/test_selu",
                    "onnx-node-opset8/test_softplus", "onnx-node-opset8/test_tanh"),
    [](const auto& file) {
      std::string name = file.param;
      for (char& c : name) {
        if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
      }
      return name;
    });

TEST(ActivationNetworks, LowerToOnePopulationForEachRamp) {
  for (const char* file : {"mnist_cnn_silu.onnx", "mnist_cnn_gelu.onnx"}) {
    Diagnostics diagnostics;
    auto model = load_model(fs::path(NEUROTOOL_TESTS_DIR).parent_path() / "configs/models" / file,
                            diagnostics);
    ASSERT_TRUE(model.has_value()) << to_string(model.error());
    const auto run = test::run_passes(*model,
                                      "infer_shapes,fold_constants,remove_identity,fold_batch_norm,"
                                      "tabulate_activations,qcfs{steps=32}");
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    std::size_t spiking = 0, relays = 0;
    std::int64_t neurons = 0;
    for (const Population& population : model->spike().populations) {
      if (std::holds_alternative<Relay>(population.neuron)) ++relays;
      if (firing_of(population.neuron) == nullptr) continue;
      ++spiking;
      neurons += population.size();
    }
    // Three layers of 1960, 3920 and 512 neurons, five ramps each.
    EXPECT_EQ(spiking, 15U);
    EXPECT_EQ(neurons, 5 * (1960 + 3920 + 512));
    // One before each layer's ramps; one behind the first two, and the pool.
    EXPECT_EQ(relays, 6U);
  }
}

}  // namespace
}  // namespace neurotool
