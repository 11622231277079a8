// Arithmetic on linear forms, and which projections they become.
#include "passes/lower/linear_form.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/builder.hpp"
#include "passes/lower/population_builder.hpp"

namespace neurotool::lower {
namespace {

using testing::ElementsAre;

std::vector<double> numbers(const Tensor& tensor) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < tensor.size(); ++i) values.push_back(tensor.at(i));
  return values;
}

/// A source of two channels of 1x2 neurons, worth 2 and 3 per spike.
class LinearFormTest : public testing::Test {
 protected:
  LinearFormTest() {
    Population population = build::if_population("source", {2, 1, 2}, 1.0f);
    population.payload_value = Tensor::from<double>({2}, {2, 3});
    source_ = graph_.add(std::move(population));
  }
  LinearForm plain() const { return whole(graph_, source_, {2, 1, 2}); }
  Connectivity only(const LinearForm& form) const {
    EXPECT_EQ(form.terms.size(), 1u);
    return connectivity_of(form.terms[0], form, graph_);
  }

  SpikeGraph graph_;
  PopulationId source_;
};

TEST_F(LinearFormTest, APlainFormBecomesOneToOneWithTheValueOfEachChannelsSpikes) {
  const auto one = std::get<OneToOne>(only(plain()));
  EXPECT_EQ(one.weight.shape(), Shape{2});
  EXPECT_THAT(numbers(one.weight), ElementsAre(2, 3));
}

TEST_F(LinearFormTest, TheShapeOfWeightsDoesNotDependOnTheValues) {
  graph_[source_].payload_value = Tensor::from<double>({2}, {1, 1});
  EXPECT_EQ(std::get<OneToOne>(only(plain())).weight.shape(), Shape{2});
  graph_[source_].payload_value = Tensor::scalar(5.0);
  EXPECT_EQ(std::get<OneToOne>(only(plain())).weight.shape(), Shape{});
}

TEST_F(LinearFormTest, AFlattenedFormHasOneWeightPerNeuron) {
  LinearForm form = plain();
  form.shape = form.neurons = {4};
  EXPECT_THAT(numbers(std::get<OneToOne>(only(form)).weight), ElementsAre(2, 2, 3, 3));
}

TEST_F(LinearFormTest, PickedElementsBecomeSparseAndMissingOnesNothing) {
  const std::vector<std::int64_t> pick{3, View::kZero, 0};
  const LinearForm form = picked(plain(), pick, {3});
  const auto sparse = std::get<Sparse>(only(form));
  EXPECT_THAT(numbers(sparse.row_begin), ElementsAre(0, 1, 1, 1, 2));
  EXPECT_THAT(numbers(sparse.targets), ElementsAre(2, 0));
  EXPECT_THAT(numbers(sparse.weight), ElementsAre(2, 3));
}

TEST_F(LinearFormTest, PickingNothingOfATermDropsIt) {
  const std::vector<std::int64_t> pick{View::kZero, View::kZero};
  EXPECT_TRUE(picked(plain(), pick, {2}).terms.empty());
}

TEST_F(LinearFormTest, ScalesViewsByElementAndPoolsOnlyByChannel) {
  LinearForm form = plain();
  const std::vector<double> uneven{1, 2, 3, 4}, even{2, 2, -1, -1};
  EXPECT_TRUE(scale(form, uneven));
  EXPECT_THAT(numbers(std::get<OneToOne>(only(form)).weight), ElementsAre(2, 4, 9, 12));

  LinearForm pooled = plain();
  pooled.terms[0].part = Pooled{SumPool2d{}, {0.5, 0.5}};
  EXPECT_FALSE(scale(pooled, uneven));
  EXPECT_TRUE(scale(pooled, even));
  EXPECT_THAT(numbers(std::get<SumPool2d>(only(pooled)).weight), ElementsAre(2, -1.5));
}

TEST_F(LinearFormTest, SumsKeepAllTermsAndAddBiases) {
  LinearForm a = plain(), b = plain();
  const std::vector<double> one(4, 1.0), half(4, 0.5);
  add_bias(a, one);
  add_bias(b, half);
  const LinearForm form = sum(a, b);
  EXPECT_EQ(form.terms.size(), 2u);
  EXPECT_THAT(form.bias, ElementsAre(1.5, 1.5, 1.5, 1.5));
  EXPECT_THAT(numbers(bias_tensor(form)), ElementsAre(1.5, 1.5));
  EXPECT_FALSE(is_plain(form));
}

TEST_F(LinearFormTest, ABiasThatDiffersInsideAChannelIsStoredPerNeuron) {
  LinearForm form = plain();
  const std::vector<double> bias{1, 2, 3, 4};
  add_bias(form, bias);
  EXPECT_EQ(bias_tensor(form).shape(), (Shape{2, 1, 2}));
  EXPECT_FALSE(bias_tensor(plain()).defined());
}

TEST_F(LinearFormTest, OnlyWholeFormsInOrderArePlainSources) {
  EXPECT_EQ(plain_source(plain(), graph_), source_);
  const std::vector<std::int64_t> swapped{1, 0, 2, 3};
  EXPECT_FALSE(plain_source(picked(plain(), swapped, {2, 1, 2}), graph_).valid());
  LinearForm flat = plain();
  flat.shape = flat.neurons = {4};
  EXPECT_FALSE(plain_source(flat, graph_).valid());
}

TEST_F(LinearFormTest, ARelayOfOneWorthPerChannelKeepsPayloadsWhole) {
  PopulationBuilder builder(graph_);
  LinearForm form = plain();
  const std::vector<double> quarter(4, 0.25);
  ASSERT_TRUE(scale(form, quarter));
  const LinearForm shown = builder.relay(form);
  const PopulationId relay = shown.terms[0].source;
  EXPECT_EQ(model_name(graph_[relay].neuron), "relay");
  EXPECT_THAT(numbers(graph_[relay].payload_value), ElementsAre(0.5, 0.75));
  const auto& one = std::get<OneToOne>(graph_.projections.at(0).connectivity);
  EXPECT_THAT(numbers(one.weight), ElementsAre(1));
}

TEST_F(LinearFormTest, ARelayWhereWorthsMixHoldsThemInItsWeights) {
  PopulationBuilder builder(graph_);
  const std::vector<std::int64_t> reversed{3, 2, 1, 0}, mixed{0, 2, 1, 3};
  const PopulationId channels_swapped =
      builder.relay(picked(plain(), reversed, {2, 1, 2})).terms[0].source;
  EXPECT_THAT(numbers(graph_[channels_swapped].payload_value), ElementsAre(3, 2));
  const PopulationId channels_mixed =
      builder.relay(picked(plain(), mixed, {2, 1, 2})).terms[0].source;
  EXPECT_FALSE(graph_[channels_mixed].payload_value.defined());
  const auto& sparse = std::get<Sparse>(graph_.projections.at(1).connectivity);
  EXPECT_THAT(numbers(sparse.weight), ElementsAre(2, 2, 3, 3));
}

TEST(PopulationShape, IsOfRankOneOrThree) {
  EXPECT_EQ(population_shape({}), (Shape{1}));
  EXPECT_EQ(population_shape({5}), (Shape{5}));
  EXPECT_EQ(population_shape({2, 7}), (Shape{2, 1, 7}));
  EXPECT_EQ(population_shape({2, 3, 4}), (Shape{2, 3, 4}));
  EXPECT_EQ(population_shape({2, 3, 4, 5}), (Shape{2, 3, 20}));
}

}  // namespace
}  // namespace neurotool::lower
