// What tests of passes share: samples out of memory, a run of a pass list, small networks.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "passes/instruments/instruments.hpp"
#include "passes/manager.hpp"
#include "passes/pipeline.hpp"

namespace neurotool::test {

/// Samples held in memory.
class MemorySamples final : public SampleSource {
 public:
  MemorySamples(Shape shape, std::vector<std::vector<float>> samples,
                std::vector<std::int32_t> labels = {})
      : shape_(std::move(shape)), samples_(std::move(samples)), labels_(std::move(labels)) {}

  std::string name() const override { return "memory"; }
  std::int64_t size() const override { return static_cast<std::int64_t>(samples_.size()); }
  const Shape& sample_shape() const override { return shape_; }
  const std::vector<std::int32_t>& labels() const override { return labels_; }
  Result<Tensor> batch(std::int64_t first, std::int64_t count) const override {
    Shape shape{count};
    shape.insert(shape.end(), shape_.begin(), shape_.end());
    std::vector<float> values;
    for (std::int64_t i = first; i < first + count; ++i) {
      const auto& sample = samples_.at(static_cast<std::size_t>(i));
      values.insert(values.end(), sample.begin(), sample.end());
    }
    return Tensor::from<float>(std::move(shape), std::move(values));
  }

 private:
  Shape shape_;
  std::vector<std::vector<float>> samples_;
  std::vector<std::int32_t> labels_;
};

/// The nearest multiple of `grid`, which makes sums exact on every machine; 0: as it is.
inline float on_grid(double value, double grid) {
  return static_cast<float>(grid == 0 ? value : std::nearbyint(value / grid) * grid);
}

/// `count` samples, uniform in [low, high).
inline MemorySamples random_samples(Shape shape, std::int64_t count, double low, double high,
                                    std::uint64_t seed = 1, double grid = 0) {
  RandomStream random(seed, "test", "samples");
  std::vector<std::vector<float>> samples(static_cast<std::size_t>(count));
  for (auto& sample : samples) {
    for (std::int64_t i = 0; i < element_count(shape).value_or(0); ++i) {
      sample.push_back(on_grid(low + (high - low) * random.uniform(), grid));
    }
  }
  return {std::move(shape), std::move(samples)};
}

struct PassRun {
  Result<> result;
  std::vector<Diagnostic> diagnostics;
  std::vector<PassFact> facts;

  std::vector<std::string> codes() const {
    std::vector<std::string> found;
    for (const Diagnostic& diagnostic : diagnostics) found.push_back(diagnostic.code);
    return found;
  }
  std::optional<double> fact(std::string_view subject, std::string_view name) const {
    for (const PassFact& fact : facts) {
      if (fact.subject == subject && fact.name == name) return fact.value;
    }
    return std::nullopt;
  }
};

/// Runs "a,b{x=1}" on the model, with verify after each pass.
inline PassRun run_passes(Model& model, std::string_view list,
                          const SampleSource* calibration = nullptr,
                          const SampleSource* training = nullptr) {
  Diagnostics diagnostics;
  NoProgress progress;
  Context context{.diagnostics = diagnostics,
                  .progress = progress,
                  .seed = 1,
                  .calibration = calibration,
                  .limits = {},
                  .facts = {},
                  .training = training};
  PassRun run;
  auto parsed = parse_pass_list(list);
  if (!parsed) {
    run.result = parsed.error();
    return run;
  }
  auto planned = plan_passes(*parsed, model.level(), diagnostics);
  if (planned) {
    PassManager manager;
    manager.add(verify_instrument());
    run.result = manager.run(*planned, model, context);
  } else {
    run.result = planned.error();
  }
  run.diagnostics = diagnostics.all();
  run.facts = std::move(context.facts);
  return run;
}

/// Builds tensor graphs, one layer at a time, with weights from a seeded stream.
class Network {
 public:
  explicit Network(Shape sample, std::uint64_t seed = 1, double grid = 0)
      : random_(seed, "test", "weights"), grid_(grid) {
    Shape shape{kFreeDim};
    shape.insert(shape.end(), sample.begin(), sample.end());
    value_ = graph_.add_input("x", DType::kFloat32, std::move(shape));
  }

  ValueId value() const { return value_; }
  Network& at(ValueId value) {
    value_ = value;
    return *this;
  }
  ValueId constant(Shape shape, std::vector<float> values) {
    return graph_.add_constant("c" + std::to_string(constants_++),
                               Tensor::from<float>(std::move(shape), std::move(values)));
  }
  ValueId integers(std::vector<std::int64_t> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return graph_.add_constant("c" + std::to_string(constants_++),
                               Tensor::from<std::int64_t>({count}, std::move(values)));
  }
  /// Normal deviates times `size`.
  std::vector<float> random_values(std::int64_t count, double size) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) {
      values.push_back(on_grid(size * random_.normal(), grid_));
    }
    return values;
  }

  Network& add(std::string name, Op op, std::vector<ValueId> more = {}) {
    std::vector<ValueId> inputs{value_};
    inputs.insert(inputs.end(), more.begin(), more.end());
    value_ = graph_.add_op(name, std::move(op), std::move(inputs), {name});
    return *this;
  }
  Network& relu(std::string name) { return add(std::move(name), Unary{UnaryKind::kRelu}); }
  Network& gemm(std::string name, std::int64_t in, std::int64_t out, double size) {
    Gemm op;
    op.trans_b = true;
    const ValueId weight = constant({out, in}, random_values(out * in, size));
    return add(std::move(name), op, {weight, constant({out}, random_values(out, 0.1))});
  }
  struct ConvForm {
    std::int64_t group = 1;
    std::int64_t extent = 3;  ///< of the kernel, odd; padded so that the image keeps its size
  };
  /// `in`: channels that one kernel reads.
  Network& conv(std::string name, std::int64_t in, std::int64_t out, std::int64_t stride,
                double size, ConvForm form = {1, 3}) {
    Conv op;
    op.strides = {stride, stride};
    op.dilations = {1, 1};
    op.pads.assign(4, form.extent / 2);
    op.group = form.group;
    const Shape kernel{out, in, form.extent, form.extent};
    const ValueId weight =
        constant(kernel, random_values(out * in * form.extent * form.extent, size));
    return add(std::move(name), op, {weight, constant({out}, random_values(out, 0.1))});
  }
  Network& pool(std::string name) {
    AveragePool op;
    op.kernel = {2, 2};
    op.strides = {2, 2};
    return add(std::move(name), op);
  }

  Model finish(std::string name) {
    graph_.name = name;
    graph_.outputs = {value_};
    return {.name = std::move(name), .path = "net.onnx", .graph = std::move(graph_)};
  }
  TensorGraph& graph() { return graph_; }

 private:
  TensorGraph graph_;
  RandomStream random_;
  double grid_;
  ValueId value_;
  int constants_ = 0;
};

}  // namespace neurotool::test
