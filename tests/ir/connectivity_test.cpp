#include "ir/connectivity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "support/random_graphs.hpp"

namespace neurotool {
namespace {

using Edges = std::map<std::pair<std::int64_t, std::int64_t>, double>;

Edges edges(const std::vector<Synapse>& synapses) {
  Edges map;
  for (const Synapse& s : synapses) map[{s.source, s.target}] += s.weight;
  return map;
}

/// A convolution the long way round: for each output, the inputs under its window.
Edges convolution_by_definition(const Conv2d& conv, const Shape& source, const Shape& target) {
  Edges map;
  const Shape& w = conv.weight.shape();
  const std::int64_t outputs = w[0] / conv.groups;
  for (std::int64_t m = 0; m < target[0]; ++m) {
    for (std::int64_t oy = 0; oy < target[1]; ++oy) {
      for (std::int64_t ox = 0; ox < target[2]; ++ox) {
        for (std::int64_t k = 0; k < w[1] * w[2] * w[3]; ++k) {
          const std::int64_t kx = k % w[3], ky = k / w[3] % w[2], kc = k / w[3] / w[2];
          const std::int64_t y = oy * conv.stride[0] + ky * conv.dilation[0] - conv.padding[0];
          const std::int64_t x = ox * conv.stride[1] + kx * conv.dilation[1] - conv.padding[1];
          if (y < 0 || x < 0 || y >= source[1] || x >= source[2]) continue;
          const std::int64_t c = m / outputs * w[1] + kc;
          map[{(c * source[1] + y) * source[2] + x, (m * target[1] + oy) * target[2] + ox}] =
              conv.weight.at(m * w[1] * w[2] * w[3] + k);
        }
      }
    }
  }
  return map;
}

Tensor counting(Shape shape) {
  std::vector<float> values(static_cast<std::size_t>(*element_count(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
  return Tensor::from(std::move(shape), std::move(values));
}

TEST(DenseConnectivity, ReadsTheWeightByTargetThenSource) {
  const Dense dense{Tensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6})};
  const auto synapses = row(dense, {3}, {2}, 1);
  ASSERT_EQ(synapses.size(), 2u);
  EXPECT_EQ(synapses[0].target, 0);
  EXPECT_EQ(synapses[0].weight, 2);
  EXPECT_EQ(synapses[1].weight, 5);
  EXPECT_EQ(synapse_count(dense, {3}, {2}), 6);
}

TEST(Conv2dConnectivity, EqualsTheDefinition) {
  const Shape source{4, 6, 5};
  const std::vector<Conv2d> cases{
      {counting({2, 4, 3, 3}), {1, 1}, {1, 1, 1, 1}, {1, 1}, 1},
      {counting({2, 4, 3, 2}), {2, 1}, {0, 1, 2, 0}, {1, 1}, 1},
      {counting({4, 1, 2, 2}), {1, 2}, {1, 0, 0, 1}, {2, 3}, 4},
      {counting({6, 2, 3, 3}), {3, 2}, {2, 2, 2, 2}, {1, 2}, 2},
      {counting({1, 4, 1, 1}), {2, 2}, {0, 0, 0, 0}, {1, 1}, 1},
  };
  for (const Conv2d& conv : cases) {
    const auto shape = target_shape(conv, source);
    ASSERT_TRUE(shape.has_value()) << shape.error().message;
    const Shape target = **shape;
    const Edges wanted = convolution_by_definition(conv, source, target);
    const auto found = expand(conv, source, target);
    EXPECT_EQ(edges(found), wanted);
    EXPECT_EQ(found.size(), wanted.size());
    EXPECT_EQ(synapse_count(conv, source, target), static_cast<std::int64_t>(wanted.size()));
  }
}

TEST(Conv2dConnectivity, ComputesItsTargetShape) {
  const Conv2d conv{counting({8, 1, 3, 3}), {2, 2}, {1, 1, 1, 1}, {1, 1}, 1};
  EXPECT_EQ(*target_shape(conv, {1, 28, 28}), (Shape{8, 14, 14}));
}

TEST(Conv2dConnectivity, RefusesWhatDoesNotFit) {
  const auto refuse = [](const Conv2d& conv, const Shape& source) {
    const auto shape = target_shape(conv, source);
    ASSERT_FALSE(shape.has_value());
    EXPECT_EQ(shape.error().code, "ir.shape");
  };
  const Conv2d good{counting({2, 3, 3, 3})};
  refuse(good, {4, 8, 8});  // channels
  refuse(good, {3, 2, 8});  // window larger than the image
  refuse(good, {192});      // no image
  Conv2d stride = good;
  stride.stride = {0, 1};
  refuse(stride, {3, 8, 8});
  Conv2d padding = good;
  padding.padding = {-1, 0, 0, 0};
  refuse(padding, {3, 8, 8});
  Conv2d groups = good;
  groups.groups = 0;
  refuse(groups, {3, 8, 8});
  Conv2d huge = good;
  huge.dilation = {std::int64_t{1} << 62, 1};
  refuse(huge, {3, 8, 8});
  refuse(Conv2d{}, {3, 8, 8});  // no weight
}

TEST(SumPool2dConnectivity, SumsWindowsOfOneChannel) {
  SumPool2d pool;
  pool.kernel = {2, 2};
  pool.stride = {2, 2};
  pool.weight = Tensor::from<float>({2}, {0.25f, 0.5f});
  const Shape source{2, 4, 4};
  const Shape target = **target_shape(pool, source);
  EXPECT_EQ(target, (Shape{2, 2, 2}));
  EXPECT_EQ(synapse_count(pool, source, target), 32);
  const auto synapses = row(pool, source, target, 16 + 5);
  ASSERT_EQ(synapses.size(), 1u);
  EXPECT_EQ(synapses[0].target, 4);
  EXPECT_EQ(synapses[0].weight, 0.5);
}

TEST(SumPool2dConnectivity, WithoutAWeightAllAreOne) {
  SumPool2d pool;
  pool.kernel = {3, 3};
  pool.padding = {1, 1, 1, 1};
  const Connectivity kind = pool;
  EXPECT_EQ(weight_of(kind), nullptr);
  const auto synapses = row(kind, {1, 3, 3}, {1, 3, 3}, 4);
  EXPECT_EQ(synapses.size(), 9u);
  EXPECT_EQ(synapses[0].weight, 1);
  EXPECT_EQ(synapse_count(kind, {1, 3, 3}, {1, 3, 3}), 49);  // 7 * 7 pairs are not padding
}

TEST(MaxPool2dConnectivity, ListsThePlacesOfANeuronInWindows) {
  MaxPool2d pool;
  pool.kernel = {3, 3};
  pool.stride = {2, 2};
  pool.padding = {1, 1, 1, 1};
  const Shape source{2, 4, 4};
  const Shape target = **target_shape(pool, source);
  EXPECT_EQ(target, (Shape{2, 2, 2}));
  EXPECT_EQ(row(pool, source, target, 5).size(), 4u);         // in all windows of its channel
  EXPECT_EQ(synapse_count(pool, source, target), 2 * 5 * 5);  // 5 of 6 places an axis are inside
  const auto one = row(pool, source, target, 16 + 15);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].target, 7);
  EXPECT_EQ(one[0].weight, 1);
}

TEST(MaxPool2dConnectivity, HasNoWindowOfPaddingAlone) {
  MaxPool2d pool;
  pool.kernel = {2, 2};
  pool.padding = {0, 0, 0, 2};
  const auto shape = target_shape(pool, {1, 4, 4});
  ASSERT_FALSE(shape.has_value());
  EXPECT_NE(shape.error().message.find("windows of padding alone"), std::string::npos);
}

TEST(OneToOneConnectivity, TakesOneWeightForAllPerChannelOrPerNeuron) {
  const Shape shape{2, 1, 2};
  const auto weights = [&](Tensor weight) {
    std::vector<double> found;
    for (const Synapse& s : expand(OneToOne{std::move(weight)}, shape, shape)) {
      EXPECT_EQ(s.source, s.target);
      found.push_back(s.weight);
    }
    return found;
  };
  EXPECT_EQ(weights(Tensor::scalar(3.0f)), (std::vector<double>{3, 3, 3, 3}));
  EXPECT_EQ(weights(Tensor::from<float>({2}, {1, 2})), (std::vector<double>{1, 1, 2, 2}));
  EXPECT_EQ(weights(counting({2, 1, 2})), (std::vector<double>{1, 2, 3, 4}));
}

TEST(SparseConnectivity, ListsItsRows) {
  Sparse sparse;
  sparse.row_begin = Tensor::from<std::int64_t>({4}, {0, 2, 2, 3});
  sparse.targets = Tensor::from<std::int32_t>({3}, {0, 4, 1});
  sparse.weight = Tensor::from<float>({3}, {1, 2, 3});
  EXPECT_EQ(edges(expand(sparse, {3}, {5})), (Edges{{{0, 0}, 1}, {{0, 4}, 2}, {{2, 1}, 3}}));
  EXPECT_TRUE(row(sparse, {3}, {5}, 1).empty());
  EXPECT_FALSE(target_shape(sparse, {4}).has_value());
}

TEST(Connectivity, RowsAreAscendingAndMakeUpTheWhole) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const SpikeGraph graph = test::random_graph({.seed = seed});
    for (const Projection& projection : graph.projections) {
      const Shape& source = graph[projection.source].shape;
      const Shape& target = graph[projection.target].shape;
      std::int64_t total = 0;
      for (std::int64_t i = 0; i < *element_count(source); ++i) {
        const auto synapses = row(projection.connectivity, source, target, i);
        total += std::ssize(synapses);
        for (std::size_t s = 0; s < synapses.size(); ++s) {
          EXPECT_EQ(synapses[s].source, i);
          EXPECT_LT(synapses[s].target, *element_count(target));
          if (s > 0) {
            EXPECT_LT(synapses[s - 1].target, synapses[s].target);
          }
        }
      }
      EXPECT_EQ(total, synapse_count(projection.connectivity, source, target));
      EXPECT_EQ(total, std::ssize(expand(projection.connectivity, source, target)));
    }
  }
}

TEST(Connectivity, RefusesANeuronThatIsNotThere) {
  const Dense dense{Tensor::from<float>({1, 2}, {1, 2})};
  EXPECT_THROW(row(dense, {2}, {1}, 2), InternalError);
}

}  // namespace
}  // namespace neurotool
