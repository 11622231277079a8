// Lists of synapses that came from a convolution, and lists that did not.
#include "frontend/nir/sparse_window.hpp"

#include <gtest/gtest.h>

#include "support/nir_networks.hpp"

namespace neurotool {
namespace {

constexpr std::int64_t kMost = 1 << 20;

std::vector<std::array<double, 3>> synapses(const Connectivity& connectivity, const Shape& source,
                                            const Shape& target) {
  std::vector<std::array<double, 3>> list;
  for (const Synapse& s : expand(connectivity, source, target)) {
    if (s.weight != 0)
      list.push_back({static_cast<double>(s.source), static_cast<double>(s.target), s.weight});
  }
  return list;
}

TEST(SparseWindow, EveryConvolutionIsFoundAgain) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    test::Numbers numbers(seed);
    const std::int64_t groups = numbers.between(1, 2);
    const Shape source{2 * groups, numbers.between(3, 9), numbers.between(3, 9)};
    const Conv2d conv{
        .weight = numbers.tensor({2 * groups, 2, numbers.between(1, 3), numbers.between(1, 3)},
                                 -0.3, 0.5, 1.0 / 8),
        .stride = {numbers.between(1, 3), numbers.between(1, 3)},
        .padding = {numbers.between(0, 2), numbers.between(0, 2), numbers.between(0, 2),
                    numbers.between(0, 2)},
        .dilation = {1, numbers.between(1, 2)},
        .groups = groups};
    const auto shape = target_shape(conv, source);
    if (!shape || !*shape) continue;  // the window is larger than what it slides on
    const Shape target = **shape;
    const auto wanted = synapses(conv, source, target);
    if (wanted.empty()) continue;
    const auto found =
        to_nir::as_convolution(test::as_list(conv, source, target), source, target, kMost);
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(**target_shape(*found, source), target);
    ASSERT_EQ(synapses(*found, source, target), wanted);
  }
}

TEST(SparseWindow, CropsAndPadsAreConvolutions) {
  // Rows 2 and 3 of 6 alone, and as rows 1 and 2 of 5.
  const Shape source{1, 6, 2};
  const auto begin = Tensor::from<std::int64_t>({13}, {0, 0, 0, 0, 0, 1, 2, 3, 4, 4, 4, 4, 4});
  const auto ones = Tensor::from<float>({4}, {1, 1, 1, 1});
  for (const std::int64_t rows : {2, 5}) {
    SCOPED_TRACE(rows);
    const Shape target{1, rows, 2};
    const std::int32_t first = rows == 2 ? 0 : 2;
    const Sparse list{
        begin, Tensor::from<std::int32_t>({4}, {first, first + 1, first + 2, first + 3}), ones};
    const auto found = to_nir::as_convolution(list, source, target, kMost);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(**target_shape(*found, source), target);
    EXPECT_EQ(synapses(*found, source, target), synapses(list, source, target));
  }
}

TEST(SparseWindow, OneOddWeightNeedsAKernelForEveryPlace) {
  const Shape source{2, 4, 4}, target{4, 2, 2};
  Sparse list = test::shortcut(source, target, 1, 2, 0.5F);
  EXPECT_TRUE(to_nir::as_convolution(list, source, target, 8));
  EXPECT_FALSE(to_nir::as_convolution(list, source, target, 7));
  for (const float odd : {0.25F, 0.0F}) {
    SCOPED_TRACE(odd);
    std::vector<float> weights(static_cast<std::size_t>(list.weight.size()), 0.5F);
    weights[3] = odd;
    list.weight = Tensor::from<float>({list.weight.size()}, weights);
    EXPECT_FALSE(to_nir::as_convolution(list, source, target, 8));
    const auto wide = to_nir::as_convolution(list, source, target, kMost);
    ASSERT_TRUE(wide.has_value());
    EXPECT_GT(wide->weight.size(), 8);
    EXPECT_EQ(synapses(*wide, source, target), synapses(list, source, target));
  }
}

TEST(SparseWindow, AnyListBetweenSmallImagesFits) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    test::Numbers numbers(seed);
    const Shape source{numbers.between(1, 3), numbers.between(1, 4), numbers.between(1, 4)};
    const Shape target{numbers.between(1, 3), numbers.between(1, 4), numbers.between(1, 4)};
    const Dense dense{numbers.tensor({*element_count(target), *element_count(source)}, -1, 1, 0.5)};
    const auto wanted = synapses(dense, source, target);
    if (wanted.empty()) continue;
    const auto found =
        to_nir::as_convolution(test::as_list(dense, source, target), source, target, kMost);
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(**target_shape(*found, source), target);
    ASSERT_EQ(synapses(*found, source, target), wanted);
  }
}

TEST(SparseWindow, VectorsHaveNoWindow) {
  const Shape source{4}, target{4};
  const Sparse list = test::as_list(OneToOne{Tensor::scalar(1.0F)}, source, target);
  EXPECT_FALSE(to_nir::as_convolution(list, source, target, kMost));
}

}  // namespace
}  // namespace neurotool
