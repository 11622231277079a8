// Small graphs that many tests need. Names and numbers are chosen to be easy to follow by hand.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/diagnostic.hpp"
#include "ir/builder.hpp"
#include "ir/model.hpp"
#include "ir/verify.hpp"

namespace neurotool::test {

inline Model spike_model(SpikeGraph graph) {
  std::string name = graph.name;
  return {.name = std::move(name), .path = "", .graph = std::move(graph)};
}

inline Model tensor_model(TensorGraph graph) {
  std::string name = graph.name;
  return {.name = std::move(name), .path = "", .graph = std::move(graph)};
}

/// image[2] -> hidden: if[3] -> readout: li[2], float weights.
inline SpikeGraph small_mlp() {
  SpikeGraph graph;
  graph.name = "small_mlp";
  graph.steps = 4;
  const PopulationId image = graph.add(build::input_population("image", {2}));
  const PopulationId hidden = graph.add(build::if_population("hidden", {3}, 1.0f, 0.5f));
  const PopulationId readout = graph.add(build::readout_population("readout", {2}));
  graph.connect(image, hidden,
                build::dense(3, 2, std::vector<float>{0.5f, 0.25f, -0.5f, 1, 0.75f, 0}));
  graph.connect(hidden, readout,
                build::dense(2, 3, std::vector<float>{1, -1, 0.5f, 0, 0.5f, 0.25f}));
  return graph;
}

/// The same structure in integer arithmetic: i8 weights with a scale, int32 thresholds.
inline SpikeGraph small_integer_mlp() {
  SpikeGraph graph;
  graph.name = "small_integer_mlp";
  graph.arithmetic = Arithmetic::kInteger;
  graph.steps = 4;
  const PopulationId image = graph.add(build::input_population("image", {2}));
  const PopulationId hidden = graph.add(build::if_population("hidden", {3}, 64, 32));
  const PopulationId readout = graph.add(build::readout_population("readout", {2}));
  Dense first = build::dense(3, 2, std::vector<std::int8_t>{32, 16, -32, 64, 48, 0});
  first.weight = first.weight.with_quantization({.scales = {0.015625}, .zero_point = 0, .bits = 8});
  graph.connect(image, hidden, std::move(first));
  graph.connect(hidden, readout, build::dense(2, 3, std::vector<std::int8_t>{4, -4, 2, 0, 2, 1}));
  return graph;
}

/// image[1,4,4] -> conv: if[2,2,2] -> pool: relay[2,1,1] -> readout: li[3], and conv -> conv
/// delayed.
inline SpikeGraph small_cnn() {
  SpikeGraph graph;
  graph.name = "small_cnn";
  const PopulationId image = graph.add(build::input_population("image", {1, 4, 4}));
  Population conv_population = build::if_population("conv", {2, 2, 2}, 1.0f, 0.5f);
  firing_of(conv_population.neuron)->threshold = Tensor::from<float>({2}, {0.5f, 1.25f});
  conv_population.bias = Tensor::from<float>({2}, {0.125f, -0.25f});
  conv_population.origins = {"/features/0/Conv", "Relu_1"};
  const PopulationId conv = graph.add(std::move(conv_population));
  const PopulationId pool = graph.add(build::relay_population("pool", {2, 1, 1}));
  const PopulationId readout = graph.add(build::readout_population("readout", {3}));
  Conv2d kernel;
  kernel.weight = Tensor::from<float>({2, 1, 2, 2}, {1, 0.5f, -0.5f, 0.25f, 0, 1, 1, -1});
  kernel.stride = {2, 2};
  graph.connect(image, conv, std::move(kernel));
  SumPool2d window;
  window.kernel = {2, 2};
  window.stride = {2, 2};
  window.weight = Tensor::scalar(0.25f);
  graph.connect(conv, pool, std::move(window));
  graph.connect(pool, readout, build::dense(3, 2, std::vector<float>{1, 0, 0, 1, -1, 1}));
  graph.connect(conv, conv, OneToOne{Tensor::scalar(-0.5f)}, 2);
  return graph;
}

/// x[?,1,4,4] -> conv -> batch_norm -> relu -> flatten -> gemm -> logits[?,3].
inline TensorGraph small_tensor_cnn() {
  TensorGraph graph;
  graph.name = "small_tensor_cnn";
  const auto constant = [&](std::string name, Shape shape, std::vector<float> values) {
    return graph.add_constant(std::move(name),
                              Tensor::from<float>(std::move(shape), std::move(values)));
  };
  const ValueId x = graph.add_input("x", DType::kFloat32, {kFreeDim, 1, 4, 4});
  const ValueId weight = constant("conv.weight", {2, 1, 2, 2}, {1, 0.5f, -0.5f, 0, 0, 1, 1, -1});
  Conv conv;
  conv.strides = {2, 2};
  conv.dilations = {1, 1};
  conv.pads = {0, 0, 0, 0};
  const ValueId image = graph.add_op("conv", conv, {x, weight}, {"/features/0/Conv"});
  const ValueId normal = graph.add_op(
      "norm", BatchNorm{},
      {image, constant("norm.scale", {2}, {1, 2}), constant("norm.bias", {2}, {0, 0.5f}),
       constant("norm.mean", {2}, {0.5f, 0}), constant("norm.variance", {2}, {1, 4})},
      {"/features/1/BatchNormalization"});
  const ValueId relu = graph.add_op("relu", Unary{UnaryKind::kRelu}, {normal});
  const ValueId flat = graph.add_op("flatten", Flatten{}, {relu});
  Gemm gemm;
  gemm.trans_b = true;
  const ValueId logits =
      graph.add_op("logits", gemm,
                   {flat, constant("fc.weight", {3, 8}, std::vector<float>(24, 0.125f)),
                    constant("fc.bias", {3}, {0.5f, 0, -0.5f})},
                   {"/fc/Gemm"});
  graph.outputs = {logits};
  return graph;
}

/// The codes of what verify finds, in order.
inline std::vector<std::string> violations(const Model& model) {
  Diagnostics diagnostics;
  verify(model, diagnostics);
  std::vector<std::string> codes;
  for (const Diagnostic& found : diagnostics.all()) codes.push_back(found.code);
  return codes;
}

}  // namespace neurotool::test
