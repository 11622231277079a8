// The trained networks of the test data, from file to spiking structure and whole numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "frontend/frontend.hpp"
#include "passes/pass_tools.hpp"

namespace neurotool {
namespace {

using testing::ElementsAreArray;

std::filesystem::path data_folder() {
  const char* const given = std::getenv("NEUROTOOL_TEST_DATA");
  if (given != nullptr) return given;
  return std::filesystem::path(NEUROTOOL_TESTS_DIR).parent_path().parent_path() / "shared";
}

struct Network {
  const char* file;
  std::vector<std::string> populations;  ///< "name:model:neurons"
};

std::vector<std::string> residual_populations() {
  std::vector<std::string> wanted{"input:input:3072"};
  for (int i = 1; i <= 19; ++i) {
    const int neurons = i <= 7 ? 16384 : i <= 13 ? 8192 : 4096;
    wanted.push_back("conv" + std::to_string(i) + ":if:" + std::to_string(neurons));
  }
  wanted.insert(wanted.end(), {"pool1:relay:64", "output:li:10"});
  return wanted;
}

std::vector<Network> networks() {
  const std::vector<std::string> mnist_cnn{
      "input:input:784",  "conv1:if:12544", "pool1:relay:3136", "conv2:if:6272",
      "pool2:relay:1568", "fc1:if:64",      "output:li:10"};
  const std::vector<std::string> fashion_cnn{
      "input:input:784",  "conv1:if:18816", "pool1:relay:4704", "conv2:if:9408",
      "pool2:relay:2352", "conv3:if:2352",  "fc1:if:96",        "output:li:10"};
  return {{"mnist_mlp_784_64_10.onnx", {"input:input:784", "fc1:if:64", "output:li:10"}},
          {"mnist_mlp_784_128_10.onnx", {"input:input:784", "fc1:if:128", "output:li:10"}},
          {"mnist_cnn_avg_bn.onnx", mnist_cnn},
          {"mnist_cnn_avg_bn_opset17.onnx", mnist_cnn},
          {"fashion_cnn_avg_bn.onnx", fashion_cnn},
          {"cifar_resnet20.onnx", residual_populations()},
          {"cifar_resnet20_opset17_fused.onnx", residual_populations()}};
}

class TrainedNetworks : public testing::TestWithParam<Network> {};

TEST_P(TrainedNetworks, LowerToTheExpectedPopulations) {
  const auto path = data_folder() / "models" / GetParam().file;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  Diagnostics diagnostics;
  auto model = load_model(path, diagnostics);
  ASSERT_TRUE(model.has_value()) << to_string(model.error());
  const auto run = test::run_passes(
      *model, "infer_shapes,fold_constants,remove_identity,fold_batch_norm,qcfs{steps=32}");
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  std::vector<std::string> found;
  for (const Population& population : model->spike().populations) {
    found.push_back(population.name + ":" + std::string(model_name(population.neuron)) + ":" +
                    std::to_string(population.size()));
  }
  EXPECT_THAT(found, ElementsAreArray(GetParam().populations));
  const auto whole = test::run_passes(*model, "quantize");
  EXPECT_TRUE(whole.result.has_value()) << to_string(whole.result.error());
}

INSTANTIATE_TEST_SUITE_P(Files, TrainedNetworks, testing::ValuesIn(networks()),
                         [](const auto& file) {
                           const std::string name = file.param.file;
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace neurotool
