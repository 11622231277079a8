// For each invariant of a tensor graph, the ways to break it and what verify says then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <set>

#include "ir/verify.hpp"
#include "support/graphs.hpp"

namespace neurotool {
namespace {

struct Case {
  std::string_view invariant;
  std::string_view message;
  std::function<void(TensorGraph&)> change;
};

OpNode& op(TensorGraph& graph, std::string_view name) {
  for (OpNode& node : graph.ops) {
    if (node.name == name) return node;
  }
  throw std::out_of_range(std::string(name));
}

Value& value(TensorGraph& graph, std::string_view name) {
  for (Value& value : graph.values) {
    if (value.name == name) return value;
  }
  throw std::out_of_range(std::string(name));
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"unique-names", "a value named 'x' is there twice",
       [](TensorGraph& g) { value(g, "relu").name = "x"; }},
      {"unique-names", "an operation named 'conv' is there twice",
       [](TensorGraph& g) { op(g, "norm").name = "conv"; }},
      {"unique-names", "a value has no name", [](TensorGraph& g) { value(g, "relu").name = ""; }},
      {"references", "input 0 of 'relu' is value number 99 of",
       [](TensorGraph& g) { op(g, "relu").inputs[0] = {99}; }},
      {"references", "input 0 of 'relu' is the removed value 'norm'",
       [](TensorGraph& g) { value(g, "norm").removed = true; }},
      {"references", "an output of the graph is value number",
       [](TensorGraph& g) { g.outputs.push_back({}); }},
      {"op-order", "'conv' reads 'relu' before anything makes it",
       [](TensorGraph& g) { op(g, "conv").inputs[0] = op(g, "relu").outputs[0]; }},
      {"op-order", "nothing makes the output 'logits'",
       [](TensorGraph& g) {
         op(g, "logits").removed = true;  // without its result
       }},
      {"single-producer", "'relu' makes 'norm', which something else makes too",
       [](TensorGraph& g) { op(g, "relu").outputs = op(g, "norm").outputs; }},
      {"single-producer", "'conv' makes 'x', which something else makes too",
       [](TensorGraph& g) { op(g, "conv").outputs = {g.inputs[0]}; }},
      {"single-producer", "'relu' makes 'relu', which names another producer",
       [](TensorGraph& g) { value(g, "relu").producer = {0}; }},
      {"single-producer", "'x' names a producer that does not make it",
       [](TensorGraph& g) { value(g, "x").producer = {0}; }},
      {"op-arity", "'norm' (batch_norm) has 2 inputs, not 5 to 5",
       [](TensorGraph& g) { op(g, "norm").inputs.resize(2); }},
      {"op-arity", "'conv' (conv) lacks one of its first 2 inputs",
       [](TensorGraph& g) { op(g, "conv").inputs[1] = {}; }},
      {"op-arity", "'relu' (relu) has 0 outputs, not 1",
       [](TensorGraph& g) { op(g, "relu").outputs.clear(); }},
      {"op-arity", "has 0 inputs, not 1 to any number",
       [](TensorGraph& g) {
         op(g, "flatten").op = Concat{};
         op(g, "flatten").inputs.clear();
       }},
      {"constants", "the constant 'fc.bias' is f32[3], but its value says f32[4]",
       [](TensorGraph& g) { value(g, "fc.bias").shape = Shape{4}; }},
      {"constants", "element 1 of the constant 'fc.bias' is not a number",
       [](TensorGraph& g) {
         const float nan = std::numeric_limits<float>::quiet_NaN();
         value(g, "fc.bias").constant = Tensor::from<float>({3}, {0, nan, 0});
       }},
      {"outputs", "the graph has no output", [](TensorGraph& g) { g.outputs.clear(); }},
  };
  return all;
}

TEST(VerifyTensor, AcceptsAGoodGraph) {
  EXPECT_EQ(test::violations(test::tensor_model(test::small_tensor_cnn())),
            std::vector<std::string>{});
}

TEST(VerifyTensor, AcceptsInfiniteConstants) {
  TensorGraph graph = test::small_tensor_cnn();
  value(graph, "fc.bias").constant =
      Tensor::from<float>({3}, {0, -std::numeric_limits<float>::infinity(), 0});
  EXPECT_EQ(test::violations(test::tensor_model(graph)), std::vector<std::string>{});
}

TEST(VerifyTensor, NamesWhatIsBroken) {
  for (const Case& broken : cases()) {
    TensorGraph graph = test::small_tensor_cnn();
    broken.change(graph);
    Diagnostics diagnostics;
    verify(test::tensor_model(graph), diagnostics);
    const std::string code = "verify." + std::string(broken.invariant);
    std::string all;
    bool hit = false;
    for (const Diagnostic& d : diagnostics.all()) {
      hit = hit || (d.code == code && d.message.find(broken.message) != std::string::npos);
      all += to_string(d);
    }
    EXPECT_TRUE(hit) << code << ": " << broken.message << "\nfound:\n" << all;
  }
}

TEST(VerifyTensor, EveryInvariantHasACase) {
  std::set<std::string_view> tested;
  for (const Case& broken : cases()) tested.insert(broken.invariant);
  for (const Invariant& invariant : invariants()) {
    if (invariant.level == Level::kTensor) {
      EXPECT_TRUE(tested.contains(invariant.name)) << invariant.name;
    }
  }
}

}  // namespace
}  // namespace neurotool
