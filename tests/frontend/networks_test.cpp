// The trained networks: what they compute, straight from the file and after the tensor passes,
// against the numbers that their training framework gave for the first 256 test images.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "eval/tensor_eval.hpp"
#include "frontend/frontend.hpp"
#include "io/dataset.hpp"
#include "io/npy.hpp"
#include "ir/verify.hpp"
#include "passes/tensor/tensor_passes.hpp"
#include "support/test_data.hpp"

namespace neurotool::test {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kImages = 256;
struct Network {
  std::string name;
  /// Images that may come out differently: networks that round, where a last bit tips a step.
  int ties = 0;
};

void PrintTo(const Network& network, std::ostream* out) { *out << network.name; }

std::vector<double> numbers_at(const Json& object, std::string_view key) {
  std::vector<double> numbers;
  const Json* const list = object.find(key);
  if (!list) return numbers;
  for (const Json& item : std::get<Json::Array>(list->value())) {
    if (const auto* real = std::get_if<double>(&item.value())) numbers.push_back(*real);
    if (const auto* whole = std::get_if<std::int64_t>(&item.value())) {
      numbers.push_back(static_cast<double>(*whole));
    }
  }
  return numbers;
}

/// The first images of the network's test set, as its JSON says to prepare them.
Result<Tensor> first_images(const Json& about, const Shape& sample) {
  const std::string name = std::get<std::string>(about.find("dataset")->value());
  const fs::path folder = test_data() / "data" / (name == "cifar" ? "cifar10" : name);
  DatasetSpec spec;
  spec.images = folder / (name == "cifar" ? "test_batch_jpeg.bin.gz" : "t10k-images-idx3-ubyte.gz");
  if (name != "cifar") spec.labels = folder / "t10k-labels-idx1-ubyte.gz";
  const Json& input = *about.find("input");
  spec.preprocess = {
      .divide = 255, .mean = numbers_at(input, "mean"), .std = numbers_at(input, "std")};
  spec.count = kImages;
  NT_TRY(const auto samples, open_dataset(spec, sample));
  return samples->batch(0, kImages);
}

class TrainedNetwork : public ::testing::TestWithParam<Network> {
 protected:
  void SetUp() override {
    const fs::path stem = test_data() / "models" / GetParam().name;
    NT_NEEDS_DATA(stem.string() + ".onnx");
    Diagnostics diagnostics;
    auto model = load_model(stem.string() + ".onnx", diagnostics);
    ASSERT_TRUE(model.has_value()) << to_string(model.error());
    model_ = *std::move(model);
    const auto text = read_file(stem.string() + ".json");
    ASSERT_TRUE(text.has_value());
    const auto about = Json::parse(*text);
    ASSERT_TRUE(about.has_value());
    const TensorGraph& graph = model_.tensor();
    const Shape& shape = *graph[graph.inputs[0]].shape;
    auto images = first_images(*about, Shape(shape.begin() + 1, shape.end()));
    ASSERT_TRUE(images.has_value()) << to_string(images.error());
    images_ = *std::move(images);
    auto wanted = read_npy(stem.string() + ".logits256.npy");
    ASSERT_TRUE(wanted.has_value());
    wanted_ = *std::move(wanted);
  }

  /// Images whose outputs are off by more than 1e-4.
  int images_off() const {
    const TensorEvaluator evaluator(model_.tensor());
    const std::vector<Tensor> inputs{images_};
    const auto outputs = evaluator.run(inputs);
    if (!outputs || (*outputs)[0].shape() != wanted_.shape()) {
      ADD_FAILURE() << (outputs ? "shapes differ" : to_string(outputs.error()));
      return -1;
    }
    int off = 0;
    for (std::int64_t image = 0; image < kImages; ++image) {
      double most = 0;
      for (std::int64_t i = image * 10; i < (image + 1) * 10; ++i) {
        most = std::max(most, std::abs((*outputs)[0].at(i) - wanted_.at(i)));
      }
      off += most > 1e-4 ? 1 : 0;
    }
    return off;
  }

  /// Runs the passes; true if any of them changed something.
  bool run_passes() {
    Diagnostics diagnostics;
    NoProgress progress;
    Context context{.diagnostics = diagnostics, .progress = progress, .limits = {}, .facts = {}};
    bool changed = false;
    for (const PassEntry& entry :
         {infer_shapes_entry(), fold_constants_entry(), remove_identity_entry(),
          fold_batch_norm_entry(), infer_shapes_entry()}) {
      const auto pass = entry.create({}, entry.info.name, diagnostics);
      const auto result = pass->run(model_, context);
      if (!result) ADD_FAILURE() << to_string(result.error());
      changed = changed || (result && *result == Changed::kYes);
      model_.tensor().compact();
      verify(model_, diagnostics);
    }
    for (const Diagnostic& finding : diagnostics.all()) ADD_FAILURE() << to_string(finding);
    return changed;
  }

  template <class T>
  bool has_op() const {
    return std::ranges::any_of(
        model_.tensor().ops, [](const OpNode& node) { return std::holds_alternative<T>(node.op); });
  }

  Model model_;
  Tensor images_, wanted_;
};

TEST_P(TrainedNetwork, ComputesWhatItsFrameworkDoesBeforeAndAfterThePasses) {
  EXPECT_LE(images_off(), GetParam().ties);
  run_passes();
  EXPECT_LE(images_off(), GetParam().ties);
  EXPECT_FALSE(has_op<BatchNorm>());
  EXPECT_FALSE(has_op<ShapeOf>());
  for (const Value& value : model_.tensor().values) {
    ASSERT_TRUE(value.shape.has_value()) << value.name;
    EXPECT_EQ(std::count(value.shape->begin() + (value.shape->empty() ? 0 : 1), value.shape->end(),
                         kFreeDim),
              0)
        << value.name << " has more free extents than the batch";
  }
}

TEST_P(TrainedNetwork, IsNotChangedByTheSamePassesAgain) {
  run_passes();
  EXPECT_FALSE(run_passes());
}

INSTANTIATE_TEST_SUITE_P(
    Networks, TrainedNetwork,
    ::testing::Values(Network{"mnist_mlp_784_64_10"}, Network{"mnist_mlp_784_128_10"},
                      Network{"mnist_cnn_avg_bn"}, Network{"mnist_cnn_avg_bn_opset17"},
                      Network{"mnist_cnn_max"}, Network{"mnist_loihi_cnn"},
                      Network{"mnist_cnn_avg_qdq_int8", 3}, Network{"mnist_cnn_qcfs_L8", 3},
                      Network{"mnist_vit_tiny"}, Network{"mnist_vit_tiny_opset13"},
                      Network{"fashion_cnn_avg_bn"}, Network{"fashion_spikformer_like"},
                      Network{"cifar_resnet20"}, Network{"cifar_resnet20_opset17_fused"},
                      Network{"cifar_resnet20_qcfs_L8", 12}, Network{"cifar_resnet56"},
                      Network{"cifar_resnet56_opset17_fused"}),
    [](const testing::TestParamInfo<Network>& network) { return network.param.name; });

}  // namespace
}  // namespace neurotool::test
