// A network in ONNX's 8-bit form, which rounds halves to even, on images: every count of the exact
// network is what ONNX's integer rule makes of its layer's sum, and what the float evaluator makes
// of the file but for sums beside a tie.
#include <gtest/gtest.h>

#include <cmath>

#include "eval/integer_eval.hpp"
#include "frontend/frontend.hpp"
#include "io/dataset.hpp"
#include "passes/exact/certificate.hpp"
#include "passes/tensor_tools.hpp"
#include "support/test_data.hpp"

namespace neurotool::test {
namespace {

constexpr std::int64_t kImages = 60, kBatch = 20;

/// Counts of the layer "name", whose levels several populations share.
struct SharedLayer {
  PopulationId sum, count;
  std::vector<double> bias, multiplier;  ///< per channel, in units of the sum
};

SharedLayer shared_layer(const SpikeGraph& graph, const std::string& name) {
  SharedLayer layer{graph.find(name + "_sum"), graph.find(name + "_count"), {}, {}};
  const Population &sum = graph[layer.sum], &own = graph[graph.find(name)];
  const std::int64_t channels = own.shape.front();
  const auto at = [](const Tensor& tensor, std::int64_t c) {
    return tensor.at(tensor.size() == 1 ? 0 : c);
  };
  for (std::int64_t c = 0; c < channels; ++c) {
    layer.bias.push_back(at(own.bias, c) * at(own.membrane_value, c) / at(sum.payload_value, c));
    layer.multiplier.push_back(at(sum.payload_value, c) / at(graph[layer.count].payload_value, c));
  }
  return layer;
}

TEST(HalfEvenNetwork, CountsAreThoseOfTheIntegerRuleAndOfTheFile) {
  const auto path = test_data() / "models/mnist_cnn_avg_qdq_int8.onnx";
  NT_NEEDS_DATA(path);
  Diagnostics diagnostics;
  auto model = load_model(path, diagnostics);
  ASSERT_TRUE(model.has_value()) << to_string(model.error());
  ASSERT_TRUE(run_passes(*model, "infer_shapes,fold_constants,remove_identity,recognise_quantizers")
                  .result.has_value());
  const Model tensor = *model;
  const PassRun run = run_passes(*model, "exact{realisation=graded}");
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  const SpikeGraph& graph = model->spike();
  const auto reference = IntegerReference::create(graph);
  ASSERT_TRUE(reference.has_value()) << to_string(reference.error());

  DatasetSpec spec;
  spec.images = std::filesystem::path(NEUROTOOL_TESTS_DIR).parent_path() /
                "configs/data/t10k-images-idx3-ubyte.gz";
  spec.preprocess.divide = 255;
  const auto images = open_dataset(spec, {1, 28, 28});
  ASSERT_TRUE(images.has_value()) << to_string(images.error());

  const PopulationId input = graph.find("input");
  const double pixel = graph[input].payload_value.at(0);
  std::int64_t compared = 0, beside_ties = 0;
  for (std::int64_t first = 0; first < kImages; first += kBatch) {
    const Tensor batch = (*images)->batch(first, kBatch).value();
    std::vector<std::int32_t> whole;
    for (const float x : batch.as<float>()) {
      whole.push_back(static_cast<std::int32_t>(std::nearbyint(x / pixel)));
    }
    const Stimulus stimulus{input, Tensor::from<std::int32_t>({kBatch, 784}, std::move(whole))};
    const auto counts = reference->run({&stimulus, 1}, kBatch);
    ASSERT_TRUE(counts.has_value()) << to_string(counts.error());
    std::vector<std::pair<std::string, const OpNode*>> layers;
    std::vector<ValueId> watched;
    for (const auto& [population, node] :
         {std::pair{"conv1", "/2/Relu"}, {"conv2", "/6/Relu"}, {"fc1", "/10/Relu"}}) {
      for (const OpNode& op : tensor.tensor().ops) {
        const bool found = std::holds_alternative<QuantizedActivation>(op.op) &&
                           std::ranges::find(op.origins, node) != op.origins.end();
        if (!found) continue;
        layers.emplace_back(population, &op);
        watched.push_back(op.outputs[0]);
      }
    }
    ASSERT_EQ(layers.size(), 3U);
    std::vector<Tensor> seen(layers.size());
    const Tensor in[] = {batch};
    ASSERT_TRUE(TensorEvaluator(tensor.tensor())
                    .run(in, watched,
                         [&](ValueId id, const Tensor& values) {
                           for (std::size_t i = 0; i < watched.size(); ++i) {
                             if (watched[i] == id) seen[i] = values;
                           }
                         })
                    .has_value());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const SharedLayer layer = shared_layer(graph, layers[i].first);
      ASSERT_TRUE(layer.sum.valid() && layer.count.valid()) << layers[i].first;
      const auto& sums = (*counts)[layer.sum.index];
      const auto& found = (*counts)[layer.count.index];
      const double level = tensor.tensor()[layers[i].second->inputs[1]].constant.at(0);
      const std::size_t size = found.size() / kBatch, inner = size / layer.bias.size();
      for (std::size_t n = 0; n < found.size(); ++n) {
        const std::size_t c = n % size / inner;
        const auto bias = static_cast<std::int64_t>(std::nearbyint(layer.bias[c]));
        const std::int64_t wanted =
            exact::onnx_count(sums[n] + bias, 0, static_cast<float>(layer.multiplier[c]), 0, 255);
        ASSERT_EQ(found[n], wanted) << layers[i].first << " neuron " << n;
        const double file = seen[i].at(static_cast<std::int64_t>(n)) / level;
        const double away = std::abs(static_cast<double>(found[n]) - file);
        ASSERT_LT(away, 1.01) << layers[i].first << " neuron " << n;
        if (away > 0.5) ++beside_ties;
        ++compared;
      }
    }
  }
  EXPECT_EQ(compared, kImages * (12544 + 6272 + 64));
  EXPECT_LT(beside_ties, compared / 10000);
  RecordProperty("beside_ties", std::to_string(beside_ties));
}

}  // namespace
}  // namespace neurotool::test
