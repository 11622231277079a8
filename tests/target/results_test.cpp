#include "target/results.hpp"

#include <gmock/gmock.h>

#include <array>
#include <limits>

#include "support/graphs.hpp"

namespace neurotool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const SimulateRequest kRequest{.samples = 3,
                               .steps = 4,
                               .seed = 0,
                               .stimuli = {},
                               .probes = {{{1}, "spikes"}, {{2}, "readout"}}};

struct ResultsTest : ::testing::Test {
  SpikeGraph graph = test::small_mlp();  // image[2], hidden[3], readout[2]
  Results results{graph, &kRequest, false};

  static nt_metric metric(const char* name, double value = 1) {
    nt_metric made{};
    made.struct_size = sizeof made;
    made.name = str(name);
    made.unit = NT_LIT("1");
    made.value = value;
    made.origin = NT_MODELLED;
    return made;
  }
  std::string spikes_error(std::vector<std::uint32_t> neurons, std::uint32_t population = 1,
                           std::uint64_t sample = 0, std::uint64_t step = 0) {
    const auto result =
        results.add_spikes(sample, population, step, neurons.data(), nullptr, neurons.size());
    return result ? "" : result.error().code + ": " + result.error().message;
  }
  std::string values_error(const nt_tensor& tensor) {
    const auto result = results.add_values(0, 2, NT_LIT("readout"), 3, &tensor);
    return result ? "" : result.error().message;
  }
};

TEST_F(ResultsTest, ComeOutInTheirOrderWhateverTheOrderOfPushing) {
  const std::uint32_t neuron = 2;
  const std::int32_t payload = 5;
  for (const auto& [sample, step] : {std::pair{2, 1}, {0, 3}, {0, 0}, {2, 0}}) {
    ASSERT_TRUE(results.add_spikes(static_cast<std::uint64_t>(sample), 1,
                                   static_cast<std::uint64_t>(step), &neuron, &payload, 1));
  }
  ASSERT_TRUE(results.order());
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
  for (const SpikeRecord& record : results.take_spikes()) {
    places.emplace_back(record.sample, record.step);
    EXPECT_THAT(record.payloads, ElementsAre(5));
  }
  EXPECT_THAT(places, ElementsAre(std::pair(0u, 0u), std::pair(0u, 3u), std::pair(2u, 0u),
                                  std::pair(2u, 1u)));
}

TEST_F(ResultsTest, MetricsAreOrderedAsPeopleCount) {
  for (const char* name : {"core.10.neurons", "core.2.neurons", "area", "core.2.bytes"}) {
    ASSERT_TRUE(results.add(metric(name)));
  }
  ASSERT_TRUE(results.order());
  std::vector<std::string> names;
  for (const Metric& made : results.take_metrics()) names.push_back(made.name);
  EXPECT_THAT(names, ElementsAre("area", "core.2.bytes", "core.2.neurons", "core.10.neurons"));
}

TEST_F(ResultsTest, AMetricNeedsANameAUnitAnOriginAndANumber) {
  nt_metric bad = metric("Energy Total");
  EXPECT_THAT(results.add(bad).error().message, HasSubstr("'Energy Total'"));
  bad = metric("energy");
  bad.unit = {};
  EXPECT_THAT(results.add(bad).error().message, HasSubstr("no unit"));
  bad = metric("energy");
  bad.origin = 0;
  EXPECT_THAT(results.add(bad).error().message, HasSubstr("no origin"));
  bad.origin = 4;
  EXPECT_THAT(results.add(bad).error().message, HasSubstr("no origin"));
  bad.origin = NT_MEASURED;
  EXPECT_THAT(results.add(bad).error().message, HasSubstr("claims to be measured"));
  bad = metric("energy", std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(results.add(bad).error().message, HasSubstr("no number"));
}

TEST_F(ResultsTest, OnlyADeviceMeasures) {
  Results on_device{graph, &kRequest, true};
  nt_metric measured = metric("energy");
  measured.origin = NT_MEASURED;
  EXPECT_TRUE(on_device.add(measured));
}

TEST_F(ResultsTest, NothingMayBePushedTwice) {
  ASSERT_TRUE(results.add(metric("energy")));
  ASSERT_TRUE(results.add(metric("energy")));
  EXPECT_THAT(results.order().error().message, HasSubstr("'energy' was pushed twice"));

  Results spikes{graph, &kRequest, false};
  const std::uint32_t neuron = 0;
  ASSERT_TRUE(spikes.add_spikes(1, 1, 2, &neuron, nullptr, 1));
  ASSERT_TRUE(spikes.add_spikes(1, 1, 2, &neuron, nullptr, 1));
  EXPECT_THAT(spikes.order().error().message, HasSubstr("sample 1, step 2 of 'hidden'"));
}

TEST_F(ResultsTest, SpikesMustFitTheGraphAndTheRequest) {
  EXPECT_EQ(spikes_error({0, 2}), "");
  EXPECT_THAT(spikes_error({3}), HasSubstr("neuron 3 of 'hidden', which has 3"));
  EXPECT_THAT(spikes_error({1, 1}), HasSubstr("indices ascend"));
  EXPECT_THAT(spikes_error({0, 1, 2, 3}), HasSubstr("4 spikes"));
  EXPECT_THAT(spikes_error({0}, 0), HasSubstr("no probe asked"));
  EXPECT_THAT(spikes_error({0}, 7), HasSubstr("population 7 of 3"));
  EXPECT_THAT(spikes_error({0}, 1, 3), HasSubstr("sample 3 of a batch of 3"));
  EXPECT_THAT(spikes_error({0}, 1, 0, 4), HasSubstr("step 4 of a run of 4"));
  EXPECT_THAT(results.add_spikes(0, 1, 0, nullptr, nullptr, 2).error().message,
              HasSubstr("2 spikes"));
  const std::uint32_t neuron = 0;
  const std::int32_t nothing = 0;
  EXPECT_THAT(results.add_spikes(0, 1, 0, &neuron, &nothing, 1).error().message,
              HasSubstr("payload 0"));
}

TEST_F(ResultsTest, ValuesTakeThePopulationsShape) {
  const std::array<std::int32_t, 2> data{4, -7};
  const std::array<std::int64_t, 2> shape{1, 2};
  const nt_tensor tensor{data.data(), shape.data(), nullptr, 2, {0, 32, 1}};
  EXPECT_EQ(values_error(tensor), "");
  const auto records = results.take_values();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].value.shape(), Shape{2});
  EXPECT_THAT(records[0].value.as<std::int32_t>(), ElementsAre(4, -7));
}

TEST_F(ResultsTest, ValuesMayHaveStrides) {
  const std::array<float, 4> data{1, 2, 3, 4};
  const std::array<std::int64_t, 1> shape{2}, strides{-2};
  const nt_tensor tensor{data.data() + 3, shape.data(), strides.data(), 1, {2, 32, 1}};
  EXPECT_EQ(values_error(tensor), "");
  EXPECT_THAT(results.take_values()[0].value.as<float>(), ElementsAre(4, 2));
}

TEST_F(ResultsTest, ValuesOfAnotherSizeOrTypeAreRefused) {
  const std::array<float, 3> data{1, 2, 3};
  const std::array<std::int64_t, 1> three{3}, two{2}, far{std::int64_t{1} << 60};
  const std::array<std::int64_t, 2> huge{std::int64_t{1} << 40, std::int64_t{1} << 40};
  const nt_dtype real{2, 32, 1};
  EXPECT_THAT(values_error({data.data(), three.data(), nullptr, 1, real}),
              HasSubstr("holds 3 elements, not 2"));
  EXPECT_THAT(values_error({data.data(), huge.data(), nullptr, 2, real}), HasSubstr("too many"));
  EXPECT_THAT(values_error({nullptr, two.data(), nullptr, 1, real}), HasSubstr("no data"));
  EXPECT_THAT(values_error({data.data(), nullptr, nullptr, 1, real}), HasSubstr("no shape"));
  EXPECT_THAT(values_error({data.data(), two.data(), nullptr, 99, real}), HasSubstr("rank 99"));
  EXPECT_THAT(values_error({data.data(), two.data(), nullptr, -1, real}), HasSubstr("rank -1"));
  EXPECT_THAT(values_error({data.data(), two.data(), far.data(), 1, real}), HasSubstr("strides"));
  EXPECT_THAT(values_error({data.data(), two.data(), nullptr, 1, {4, 16, 1}}), HasSubstr("4:16"));
}

TEST_F(ResultsTest, PlacementsMustFitTheirPopulation) {
  nt_placement place{};
  place.struct_size = sizeof place;
  place.population = 1;
  place.first_neuron = 1;
  place.neuron_count = 2;
  EXPECT_TRUE(results.add(place));
  place.neuron_count = std::numeric_limits<std::uint64_t>::max();
  EXPECT_THAT(results.add(place).error().message, HasSubstr("which has 3"));
  place.population = 9;
  EXPECT_THAT(results.add(place).error().message, HasSubstr("population 9 of 3"));
}

TEST_F(ResultsTest, StopAtTheirLimits) {
  Results small{graph, &kRequest, false, {.metrics = 1, .placements = 0, .bytes = 150}};
  EXPECT_TRUE(small.add(metric("a")));
  EXPECT_EQ(small.add(metric("b")).error().code, "target.too-much");
  const std::uint32_t neuron = 0;
  EXPECT_TRUE(small.add_spikes(0, 1, 0, &neuron, nullptr, 1));
  EXPECT_EQ(small.add_spikes(0, 1, 1, &neuron, nullptr, 1).error().code, "target.too-much");
}

}  // namespace
}  // namespace neurotool
