// Models that other people's tools wrote: each one loads or is refused with a finding, and those
// that load and come with data give the outputs that lie beside them, before and after the passes.
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "eval/tensor_eval.hpp"
#include "frontend/frontend.hpp"
#include "frontend/onnx/tensors.hpp"
#include "ir/verify.hpp"
#include "passes/registry.hpp"
#include "support/test_data.hpp"

namespace neurotool::test {
namespace {

namespace fs = std::filesystem;

std::optional<Tensor> stored(const fs::path& file) {
  const auto bytes = read_file(file);
  ::onnx::TensorProto proto;
  if (!bytes || !proto.ParseFromString(*bytes)) return std::nullopt;
  auto tensor = from_onnx::read_tensor(proto, from_onnx::ExternalFolder(file.parent_path()));
  if (!tensor) return std::nullopt;
  return is_float(tensor->dtype()) ? tensor->converted(DType::kFloat32) : *tensor;
}

/// The inputs beside the model, or nothing when one is missing or of another type.
std::optional<std::vector<Tensor>> inputs_of(const TensorGraph& graph, const fs::path& data) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    auto tensor = stored(data / ("input_" + std::to_string(i) + ".pb"));
    if (!tensor || tensor->dtype() != graph[graph.inputs[i]].dtype) return std::nullopt;
    inputs.push_back(*std::move(tensor));
  }
  return inputs;
}

bool is_close(double got, double wanted) {
  if (std::isnan(got) || std::isnan(wanted)) return std::isnan(got) && std::isnan(wanted);
  return got == wanted || std::abs(got - wanted) <= 1e-3 * std::max(1.0, std::abs(wanted));
}

/// Runs the graph; false when it has no data to compare with or uses arithmetic that we refuse.
bool compare(const TensorGraph& graph, const std::vector<Tensor>& inputs, const fs::path& data) {
  const auto wanted = stored(data / "output_0.pb");
  const auto outputs = TensorEvaluator(graph).run(inputs);
  if (!outputs) {
    EXPECT_EQ(outputs.error().code, "eval.unsupported") << to_string(outputs.error());
  }
  if (!wanted || !outputs) return false;
  const Tensor& got = (*outputs)[0];
  EXPECT_EQ(got.shape(), wanted->shape());
  for (std::int64_t i = 0; got.shape() == wanted->shape() && i < got.size(); ++i) {
    EXPECT_TRUE(is_close(got.at(i), wanted->at(i)))
        << "element " << i << " is " << got.at(i) << ", not " << wanted->at(i);
  }
  return true;
}

void run_passes(Model& model) {
  for (const char* name :
       {"infer_shapes", "fold_constants", "remove_identity", "fold_batch_norm"}) {
    Diagnostics diagnostics;
    NoProgress progress;
    Context context{.diagnostics = diagnostics, .progress = progress, .limits = {}, .facts = {}};
    const auto result = find_pass(name)->create({}, name, diagnostics)->run(model, context);
    // Single-node tests of BatchNormalization take its statistics as inputs.
    if (!result) {
      EXPECT_EQ(result.error().code, "fold_batch_norm.computed");
    }
    model.tensor().compact();
    verify(model, diagnostics);
    for (const Diagnostic& finding : diagnostics.all()) {
      if (finding.code.starts_with("verify.")) ADD_FAILURE() << name << ": " << to_string(finding);
    }
  }
}

TEST(Corpus, LoadsOrSaysWhyNotAndComputesWhatItsAuthorsStored) {
  const fs::path folder = test_data() / "onnx-corpus";
  NT_NEEDS_DATA(folder);
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".onnx") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  int compared = 0;
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.string());
    Diagnostics diagnostics;
    auto model = load_model(file, diagnostics);
    ASSERT_EQ(model.has_value(), !diagnostics.has_errors());
    if (!model) continue;
    const fs::path data = file.parent_path() / "test_data_set_0";
    // Its stored output is cut to 8 bits where the operator saturates.
    if (file.string().find("qlinearmatmul_2D_int8") != std::string::npos) continue;
    const auto inputs = inputs_of(model->tensor(), data);
    if (inputs && compare(model->tensor(), *inputs, data)) ++compared;
    run_passes(*model);
    if (inputs) compare(model->tensor(), *inputs, data);
  }
  // Fewer would mean that an operator has been lost.
  EXPECT_GE(compared, 540);
}

}  // namespace
}  // namespace neurotool::test
