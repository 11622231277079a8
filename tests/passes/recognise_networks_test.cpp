// recognise_quantizers on trained networks: every quantiser is found, and predictions stay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "frontend/frontend.hpp"
#include "passes/tensor_tools.hpp"
#include "support/test_data.hpp"

namespace neurotool::test {
namespace {

using testing::IsEmpty;

/// Quantisers found in a trained network, whose predictions must stay.
void expect_recognised(const char* file, std::int64_t wanted, const Shape& sample) {
  const auto path = test_data() / "models" / file;
  NT_NEEDS_DATA(path);
  Diagnostics diagnostics;
  auto model = load_model(path, diagnostics);
  ASSERT_TRUE(model.has_value()) << to_string(model.error());
  for (const char* pass : {"infer_shapes", "fold_constants", "remove_identity"}) {
    run_pass(*model, pass);
  }
  const Model before = *model;
  const OnePass done = run_pass(*model, "recognise_quantizers");
  EXPECT_THAT(done.diagnostics, IsEmpty());
  EXPECT_EQ(count_ops<QuantizedActivation>(*model), wanted);
  RandomStream random(3, "test", "image");
  std::vector<float> values;
  for (std::int64_t i = 0; i < 8 * element_count(sample).value(); ++i) {
    values.push_back(static_cast<float>(std::floor(random.uniform() * 256) / 255));
  }
  Shape shape{8};
  shape.insert(shape.end(), sample.begin(), sample.end());
  const std::vector<Tensor> inputs{Tensor::from<float>(shape, std::move(values))};
  expect_near(evaluate(before, inputs), evaluate(*model, inputs), 1e-3);
}

TEST(RecogniseQuantizers, FindsQcfsInTrainedNetworks) {
  expect_recognised("mnist_cnn_qcfs_L8.onnx", 3, {1, 28, 28});
  expect_recognised("cifar_resnet20_qcfs_L8.onnx", 19, {3, 32, 32});
}

TEST(RecogniseQuantizers, FindsQdqInATrainedNetwork) {
  // Input, three rectifiers and two pools; the quantiser behind Flatten has the scale before it.
  expect_recognised("mnist_cnn_avg_qdq_int8.onnx", 6, {1, 28, 28});
}

}  // namespace
}  // namespace neurotool::test
