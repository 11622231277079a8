#include "ir/words.hpp"

#include <gtest/gtest.h>

#include "ir/model.hpp"

namespace neurotool {
namespace {

TEST(Words, GoBothWays) {
  EXPECT_EQ(word_of(UnaryKind::kRelu), "relu");
  EXPECT_EQ(from_word<UnaryKind>("tanh"), UnaryKind::kTanh);
  EXPECT_EQ(from_word<BinaryKind>("max"), BinaryKind::kMax);
  EXPECT_EQ(from_word<DType>("f64"), DType::kFloat64);
  EXPECT_EQ(from_word<DType>("f80"), std::nullopt);
  EXPECT_EQ(word_of(BiasTiming::kLastStep), "last_step");
}

TEST(Names, OfOperationsAreTheWordsOfDumps) {
  EXPECT_EQ(op_name(Unary{UnaryKind::kErf}), "erf");
  EXPECT_EQ(op_name(Binary{BinaryKind::kAdd}), "add");
  EXPECT_EQ(op_name(GlobalAveragePool{}), "global_average_pool");
  EXPECT_EQ(op_name(Conv{}), "conv");
}

TEST(Names, OfModelsKindsAndLevels) {
  EXPECT_EQ(model_name(CubaLif{}), "cuba_lif");
  EXPECT_EQ(kind_name(SumPool2d{}), "sum_pool2d");
  EXPECT_EQ(kind_name(MaxPool2d{}), "max_pool2d");
  EXPECT_EQ(level_name(Level::kTensor), "tensor");
  EXPECT_EQ(level_name(Level::kSpike), "spike");
}

TEST(Firing, IsSharedByTheModelsThatFire) {
  Neuron lif = Lif{};
  firing_of(lif)->radix_bits = 3;
  EXPECT_EQ(std::get<Lif>(lif).firing.radix_bits, 3u);
  EXPECT_NE(firing_of(Neuron(If{})), nullptr);
  EXPECT_NE(firing_of(Neuron(CubaLif{})), nullptr);
  EXPECT_EQ(firing_of(Neuron(Li{})), nullptr);
  EXPECT_EQ(firing_of(Neuron(Relay{})), nullptr);
  EXPECT_EQ(firing_of(Neuron(Input{})), nullptr);
}

}  // namespace
}  // namespace neurotool
