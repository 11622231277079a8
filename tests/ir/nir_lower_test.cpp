// Rewrites keep what is computed: layers against a naive evaluation, graphs against the shapes and
// the verdict of the nir package.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "ir/nir/lower.hpp"
#include "ir/nir/reference.hpp"
#include "support/random_nir.hpp"

namespace neurotool::nir {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<float> ramp(std::size_t count, int salt) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>((static_cast<int>(i) * 7 + salt * 3) % 11 - 5) / 4;
  }
  return values;
}

Tensor numbers(const Shape& shape, int salt = 1) {
  return Tensor::from(shape, ramp(static_cast<std::size_t>(*element_count(shape)), salt));
}

/// Convolution or pooling of [C,H,W], straight from the definition.
std::vector<double> evaluate(const Primitive& primitive, const Tensor& in) {
  const auto window = window_numbers(primitive);
  const auto shape = output_shape(primitive, in.shape());
  EXPECT_TRUE(window && shape);
  const auto* conv = std::get_if<Conv2d>(&primitive);
  const std::int64_t channels = (*shape)[0], height = (*shape)[1], width = (*shape)[2];
  std::vector<double> out;
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        double sum = 0;
        const std::int64_t taps = conv != nullptr ? conv->weight.shape()[1] : 1;
        for (std::int64_t k = 0; k < taps; ++k) {
          const std::int64_t group = conv != nullptr ? c / (channels / window->groups) : 0;
          const std::int64_t source = conv != nullptr ? group * taps + k : c;
          for (std::int64_t i = 0; i < window->kernel[0]; ++i) {
            for (std::int64_t j = 0; j < window->kernel[1]; ++j) {
              const std::int64_t r =
                  y * window->stride[0] + i * window->dilation[0] - window->pad_before[0];
              const std::int64_t q =
                  x * window->stride[1] + j * window->dilation[1] - window->pad_before[1];
              if (r < 0 || q < 0 || r >= in.shape()[1] || q >= in.shape()[2]) continue;
              const double weight =
                  conv == nullptr
                      ? 1
                      : conv->weight.at(
                            ((c * taps + k) * window->kernel[0] + i) * window->kernel[1] + j);
              sum += weight * in.at((source * in.shape()[1] + r) * in.shape()[2] + q);
            }
          }
        }
        if (std::holds_alternative<AvgPool2d>(primitive)) {
          sum /= static_cast<double>(window->kernel[0] * window->kernel[1]);
        }
        out.push_back(sum + (conv != nullptr ? conv->bias.at(c) : 0));
      }
    }
  }
  return out;
}

Graph chain(std::vector<std::pair<std::string, Primitive>> nodes) {
  Graph graph;
  std::string last;
  for (auto& [name, primitive] : nodes) {
    add(graph, name, std::move(primitive));
    if (!last.empty()) connect(graph, last, name);
    last = name;
  }
  return graph;
}

Conv2d conv(Tensor weight, const Shape& extents, Padding padding, std::int64_t groups,
            std::array<std::int64_t, 2> dilation = {1, 1}) {
  const std::int64_t outputs = weight.shape()[0];
  return {shape_tensor(extents),
          std::move(weight),
          int_tensor(1),
          std::move(padding),
          pair_tensor(dilation[0], dilation[1]),
          int_tensor(groups),
          numbers({outputs}, 9)};
}

TEST(NirLower, GroupsAmongZerosComputeTheSame) {
  for (const std::int64_t groups : {1, 2, 4}) {
    Graph graph =
        chain({{"conv", conv(numbers({8, 4 / groups, 3, 2}), {5, 6}, pair_tensor(1, 0), groups)}});
    const Tensor in = numbers({4, 5, 6}, 5);
    const auto before = evaluate(graph.nodes[0].primitive, in);
    EXPECT_EQ(groups_to_dense(graph).size(), groups > 1 ? 1u : 0u);
    EXPECT_EQ(evaluate(graph.nodes[0].primitive, in), before) << groups;
    EXPECT_EQ(std::get<Conv2d>(graph.nodes[0].primitive).weight.shape(), (Shape{8, 4, 3, 2}));
  }
}

TEST(NirLower, SquareKernelsComputeTheSame) {
  struct Case {
    std::int64_t height, width;
    std::array<std::int64_t, 2> dilation;
    std::size_t changes;
  };
  for (const Case& each : {Case{1, 3, {1, 1}, 1}, Case{5, 3, {1, 2}, 1}, Case{3, 3, {1, 1}, 0},
                           Case{2, 3, {1, 1}, 0}}) {
    Graph graph = chain({{"conv", conv(numbers({2, 3, each.height, each.width}), {7, 8},
                                       pair_tensor(0, 1), 1, each.dilation)}});
    const Tensor in = numbers({3, 7, 8}, 2);
    const auto before = evaluate(graph.nodes[0].primitive, in);
    EXPECT_EQ(square_kernels(graph).size(), each.changes) << each.height << " by " << each.width;
    EXPECT_EQ(evaluate(graph.nodes[0].primitive, in), before)
        << each.height << " by " << each.width;
  }
}

TEST(NirLower, PaddingWordsBecomeTheirNumbers) {
  for (const char* word : {"same", "valid"}) {
    Graph graph = chain({{"conv", conv(numbers({2, 3, 3, 5}), {7, 8}, std::string(word), 1)}});
    const Tensor in = numbers({3, 7, 8}, 2);
    const auto before = evaluate(graph.nodes[0].primitive, in);
    ASSERT_EQ(padding_to_numbers(graph).size(), 1u);
    EXPECT_EQ(evaluate(graph.nodes[0].primitive, in), before) << word;
  }
  Graph lopsided = chain({{"conv", conv(numbers({1, 1, 2, 2}), {4, 4}, std::string("same"), 1)}});
  EXPECT_THAT(padding_to_numbers(lopsided), IsEmpty());
}

TEST(NirLower, AveragesMoveIntoTheWeightsBehind) {
  const AvgPool2d pool{pair_tensor(2, 2), pair_tensor(2, 2), pair_tensor(0, 0)};
  Graph graph =
      chain({{"pool", pool}, {"conv", conv(numbers({2, 3, 1, 1}), {2, 2}, int_tensor(0), 1)}});
  const Tensor in = numbers({3, 4, 4}, 4);
  const auto run = [&] {
    const auto middle = evaluate(graph.nodes[0].primitive, in);
    return evaluate(graph.nodes[1].primitive,
                    Tensor::from<double>({3, 2, 2}, std::vector<double>(middle)));
  };
  const auto before = run();
  ASSERT_EQ(average_to_sum(graph).size(), 1u);
  EXPECT_TRUE(std::holds_alternative<SumPool2d>(graph.nodes[0].primitive));
  EXPECT_EQ(run(), before);
}

TEST(NirLower, AveragesStayWhereTheyCannotMoveExactly) {
  const auto pool = [](std::int64_t side) {
    return AvgPool2d{pair_tensor(side, side), pair_tensor(side, side), pair_tensor(0, 0)};
  };
  Graph nine = chain({{"pool", pool(3)}, {"fc", Linear{numbers({2, 3})}}});
  EXPECT_THAT(average_to_sum(nine), IsEmpty());
  Graph neuron = chain({{"pool", pool(2)}, {"if", IF{numbers({3}), numbers({3}), {}}}});
  EXPECT_THAT(average_to_sum(neuron), IsEmpty());
  Graph sum = chain({{"pool", pool(2)}, {"fc", Linear{numbers({2, 3})}}});
  add(sum, "other", Input{shape_tensor({3})});
  connect(sum, "other", "fc");
  EXPECT_THAT(average_to_sum(sum), IsEmpty());
  Graph tiny = chain({{"pool", pool(2)}, {"fc", Linear{filled({2, 3}, 1e-45f)}}});
  EXPECT_THAT(average_to_sum(tiny), IsEmpty());
}

TEST(NirLower, NamesBecomePortableAndEdgesFollow) {
  Graph graph;
  for (const char* name : {"data", "l.1", "l_1", "L_1", "lambda", "3 x", "out"}) {
    Primitive primitive = Scale{numbers({1})};
    if (std::string_view(name) == "data") primitive = Input{shape_tensor({1})};
    if (std::string_view(name) == "out") primitive = Output{shape_tensor({1})};
    add(graph, name, std::move(primitive));
  }
  connect(graph, "data", "l.1");
  connect(graph, "l.1", "3 x");
  rename_portable(graph);
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) names.push_back(node.name);
  EXPECT_THAT(names, ElementsAre("input", "l_1_3", "l_1", "L_1_2", "lambda_", "n3_x", "output"));
  EXPECT_EQ(graph.edges[0], (Edge{"input", "l_1_3"}));
  EXPECT_EQ(graph.edges[1], (Edge{"l_1_3", "n3_x"}));
  EXPECT_THAT(rename_portable(graph), IsEmpty());
}

TEST(NirLower, ParametersOfOneElementGetTheNodesShape) {
  Graph graph =
      chain({{"input", Input{shape_tensor({2, 3})}},
             {"lif", LIF{filled({}, 2), filled({1}, 3), filled({2}, 4), filled({2, 1}, 5), {}}},
             {"output", Output{shape_tensor({2, 3})}}});
  Diagnostics diagnostics;
  const auto shapes = infer_shapes(graph, diagnostics);
  ASSERT_TRUE(shapes.has_value()) << to_string(shapes.error());
  ASSERT_EQ(broadcast_parameters(graph, *shapes).size(), 1u);
  const auto& lif = std::get<LIF>(graph.find("lif")->primitive);
  EXPECT_EQ(lif.tau, filled({2, 3}, 2));
  EXPECT_EQ(lif.v_leak, filled({2, 3}, 4));
  EXPECT_EQ(lif.v_threshold, filled({2, 3}, 5));
}

TEST(NirLower, PerChannelBroadcastsByChannel) {
  const Tensor full = *broadcast(Tensor::from<float>({2}, {1, 2}), {2, 2});
  EXPECT_EQ(full, Tensor::from<float>({2, 2}, {1, 1, 2, 2}));
  EXPECT_FALSE(broadcast(filled({3}, 1), {2, 2}).has_value());
  EXPECT_FALSE(broadcast(filled({2}, 1), {4}).has_value());
}

TEST(NirLower, PortableGraphsPassTheReferenceUnlessTheyAreLopsided) {
  int passed = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Graph graph = sorted(test::random_nir({.seed = seed}).graph);
    Diagnostics diagnostics;
    const auto changes = make_portable(graph, diagnostics);
    ASSERT_TRUE(changes.has_value()) << "seed " << seed << ": " << to_string(changes.error());
    ASSERT_TRUE(infer_shapes(graph, diagnostics).has_value()) << "seed " << seed;
    passed += reference_verdict(sorted(graph)).has_value() ? 1 : 0;
    auto again = make_portable(graph, diagnostics);
    ASSERT_TRUE(again.has_value());
    EXPECT_THAT(*again, IsEmpty())
        << "seed " << seed << ": " << (again->empty() ? "" : again->front().what);
  }
  EXPECT_GT(passed, 200);
}

}  // namespace
}  // namespace neurotool::nir
