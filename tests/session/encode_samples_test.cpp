// The encoders, coding by coding: counts, statistics, order and layout of what an input sends.
#include "session/encode_samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ir/builder.hpp"

namespace neurotool {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Population coded_input(Shape shape, Encoder encoder, bool is_signed = false) {
  Population population = build::input_population("input", std::move(shape), false);
  Input& input = std::get<Input>(population.neuron);
  input.encoder = encoder;
  input.is_signed = is_signed;
  return population;
}

std::vector<float> encoded(const Population& input, Shape shape, std::vector<float> samples,
                           EncodedRun run) {
  const auto sent =
      encode_samples(input, Tensor::from<float>(std::move(shape), std::move(samples)), run);
  EXPECT_TRUE(sent.has_value()) << to_string(sent.error());
  if (!sent) return {};
  return {sent->as<float>().begin(), sent->as<float>().end()};
}

/// What one value sends, step by step.
std::vector<float> train(Encoder encoder, float value, std::uint64_t steps) {
  return encoded(coded_input({1}, encoder, true), {1, 1}, {value}, {.steps = steps});
}

double sum(const std::vector<float>& sent) {
  double total = 0;
  for (const float payload : sent) total += double{payload};
  return total;
}

TEST(EncodeSamples, RateCountsTheNearestNumberOfSpikes) {
  for (const std::uint64_t steps : {1U, 3U, 8U, 32U}) {
    for (int i = -40; i <= 40; ++i) {
      const double p = i / 32.0, exact = std::clamp(p, -1.0, 1.0) * static_cast<double>(steps);
      const std::vector<float> sent =
          train({.coding = Coding::kRate, .full_scale = 2}, static_cast<float>(2 * p), steps);
      EXPECT_LE(std::abs(sum(sent) - exact), 0.5) << p << " in " << steps << " steps";
      for (const float payload : sent) EXPECT_TRUE(payload == 0 || payload == (p < 0 ? -1 : 1));
    }
  }
}

TEST(EncodeSamples, PoissonHasTheMeanAndTheVarianceOfCoinTosses) {
  constexpr std::int64_t kSamples = 2000;
  constexpr std::uint64_t kSteps = 16;
  const Population input = coded_input({3}, {.coding = Coding::kPoisson}, true);
  const std::vector<float> values{0.25f, -0.5f, 0.9f};
  std::vector<float> samples;
  for (std::int64_t s = 0; s < kSamples; ++s)
    samples.insert(samples.end(), values.begin(), values.end());
  const auto sent = encoded(input, {kSamples, 3}, samples, {.steps = kSteps, .seed = 5});
  for (std::size_t i = 0; i < values.size(); ++i) {
    double mean = 0, square = 0;
    for (std::size_t s = 0; s < kSamples; ++s) {
      double count = 0;
      for (std::size_t t = 0; t < kSteps; ++t) count += double{sent[(s * kSteps + t) * 3 + i]};
      mean += count / kSteps / kSamples;
      square += count / kSteps * count / kSteps / kSamples;
    }
    const double p = std::abs(double{values[i]}), variance = p * (1 - p) / kSteps;
    // Four standard errors of the estimates from 2000 samples.
    EXPECT_NEAR(mean, values[i], 4 * std::sqrt(variance / kSamples)) << i;
    EXPECT_NEAR(square - mean * mean, variance, 4 * variance * std::sqrt(2.0 / kSamples)) << i;
  }
}

TEST(EncodeSamples, PoissonDependsOnTheSeedAndTheSampleAlone) {
  const Population input = coded_input({2}, {.coding = Coding::kPoisson});
  const std::vector<float> same{0.5f, 0.5f};
  const auto both = encoded(input, {2, 2}, {0.5f, 0.5f, 0.5f, 0.5f}, {.steps = 20, .first = 7});
  const auto second = encoded(input, {1, 2}, same, {.steps = 20, .first = 8});
  EXPECT_EQ(std::vector<float>(both.begin() + 40, both.end()), second);
  EXPECT_NE(std::vector<float>(both.begin(), both.begin() + 40), second);
  const auto longer = encoded(input, {1, 2}, same, {.steps = 30, .first = 8});
  EXPECT_EQ(std::vector<float>(longer.begin(), longer.begin() + 40), second);
  EXPECT_NE(encoded(input, {1, 2}, same, {.steps = 20, .seed = 2, .first = 8}), second);
}

TEST(EncodeSamples, LatencyIsOneSpikeTheEarlierTheLarger) {
  constexpr std::uint64_t kSteps = 10;
  std::size_t last = kSteps + 1;
  for (int i = 0; i <= 10; ++i) {
    const auto sent = train({.coding = Coding::kLatency}, static_cast<float>(i) / 10, kSteps);
    const auto spike = std::ranges::find(sent, 1.0f);
    EXPECT_EQ(sum(sent), i == 0 ? 0 : 1);
    // As many steps are left, its own included, as the value has tenths.
    EXPECT_EQ(sent.end() - spike, i);
    EXPECT_LT(static_cast<std::size_t>(spike - sent.begin()), last);
    last = static_cast<std::size_t>(spike - sent.begin());
  }
  EXPECT_THAT(train({.coding = Coding::kLatency}, -0.5f, 4), ElementsAre(0, 0, -1, 0));
}

TEST(EncodeSamples, BitplaneSendsEachBitOnItsOwnPlaneMostSignificantFirst) {
  const Population input =
      coded_input({3}, {.coding = Coding::kBitplane, .full_scale = 7, .planes = 3});
  EXPECT_THAT(encoded(input, {1, 1}, {5}, {.steps = 3}), ElementsAre(1, 0, 0, 0, 0, 0, 0, 0, 1));
  EXPECT_THAT(encoded(input, {1, 1}, {3}, {.steps = 6}),
              ElementsAre(0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1));
}

TEST(EncodeSamples, SignsTakeChannelsOfTheirOwn) {
  // Channels of a sample: [2][1 pixel], each becomes one for + and one for -.
  const Population input = coded_input({4, 1, 1}, {.coding = Coding::kRate, .splits_signs = true});
  EXPECT_THAT(encoded(input, {1, 2}, {1, -1}, {.steps = 1}), ElementsAre(1, 0, 0, 1));
}

TEST(EncodeSamples, CopiesOfAChannelLieSideBySidePixelByPixel) {
  const Population input =
      coded_input({4, 1, 2}, {.coding = Coding::kBitplane, .full_scale = 3, .planes = 2});
  // [2 channels][2 pixels]: 3 = both planes, 2 = the first, 1 = the second.
  EXPECT_THAT(encoded(input, {1, 4}, {3, 2, 1, 0}, {.steps = 2}),
              ElementsAre(1, 1, 0, 0, 0, 0, 0, 0, /* step 1 */ 0, 0, 1, 0, 0, 0, 1, 0));
}

TEST(EncodeSamples, DeltaSendsWhatChangesAndTheSumIsTheValue) {
  EXPECT_THAT(train({.coding = Coding::kDelta}, -0.3f, 4), ElementsAre(-0.3f, 0, 0, 0));
  Encoder frames{.coding = Coding::kDelta, .takes_frames = true};
  const Population input = coded_input({1}, frames, true);
  EXPECT_THAT(encoded(input, {1, 5, 1}, {1, 1, 3, 2.5f, 2.5f}, {.steps = 5}),
              ElementsAre(1, 0, 2, -0.5f, 0));
  frames.least_change = 1;
  EXPECT_THAT(encoded(coded_input({1}, frames, true), {1, 5, 1}, {1, 1.5f, 1.75f, 2.25f, 2.5f},
                      {.steps = 5}),
              ElementsAre(1, 0, 0, 1.25f, 0));
}

TEST(EncodeSamples, RefusesWhatTheCodeCannotCarry) {
  const auto message = [](const Population& input, Shape shape, std::vector<float> values,
                          EncodedRun run) {
    const auto sent =
        encode_samples(input, Tensor::from<float>(std::move(shape), std::move(values)), run);
    EXPECT_FALSE(sent.has_value());
    return sent ? std::string() : to_string(sent.error());
  };
  EXPECT_THAT(message(coded_input({2}, {.coding = Coding::kRate}), {2, 2}, {0, 1, 0, -0.25f},
                      {.steps = 4, .first = 10}),
              HasSubstr("value -0.25 of sample 11 is below 0, and 'input' sends no negative"));
  EXPECT_THAT(message(coded_input({4}, {.coding = Coding::kBitplane, .planes = 4}), {1, 1}, {0},
                      {.steps = 6}),
              HasSubstr("6 steps are no multiple of the 4 bit planes of 'input'"));
  EXPECT_THAT(message(coded_input({1}, {.coding = Coding::kRate, .takes_frames = true}), {1, 3},
                      {0, 0, 0}, {.steps = 4}),
              HasSubstr("has 3 frames, and the run has 4 steps"));
}

}  // namespace
}  // namespace neurotool
