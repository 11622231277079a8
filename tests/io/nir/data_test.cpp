#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "io/nir/data.hpp"
#include "support/test_data.hpp"

namespace neurotool::nir {
namespace {

using ::testing::HasSubstr;

GraphData sample() {
  GraphData data;
  const double none = std::numeric_limits<double>::infinity();
  data.nodes["lif"].observables["spikes"] =
      Events{Tensor::from<std::int64_t>({2, 2}, {0, 2, 1, -1}),
             Tensor::from<double>({2, 2}, {0.0, 0.25, 0.1, none}),
             {},
             3,
             0.5};
  data.nodes["lif"].observables["v"] =
      TimeGridded{Tensor::from<float>({1, 2, 3}, {0, 1, 2, 3, 4, 5}), 0.1};
  data.nodes["input"].observables["charge"] =
      Events{Tensor::from<std::int64_t>({1, 1}, {2}), Tensor::from<double>({1, 1}, {0.2}),
             Tensor::from<double>({1, 1}, {-1.5}), 3, 0.5};
  data.graphs["inner"].nodes["if"].observables["spikes"] =
      TimeGridded{Tensor::from<float>({1, 1, 2}, {0, 1}).converted(DType::kBool), 1};
  return data;
}

TEST(NirData, ComesBackWithEqualBytes) {
  const auto bytes = write_data(sample());
  ASSERT_TRUE(bytes.has_value()) << to_string(bytes.error());
  const auto back = read_data(*bytes, "again");
  ASSERT_TRUE(back.has_value()) << to_string(back.error());
  EXPECT_TRUE(*back == sample());
  EXPECT_EQ(*write_data(*back), *bytes);
}

TEST(NirData, FileOfTheNirPackageReads) {
  const auto file = test::test_data() / "nir-examples/nirdata/nirdata_all_observables.h5";
  NT_NEEDS_DATA(file);
  const auto data = read_data(file);
  ASSERT_TRUE(data.has_value()) << to_string(data.error());
  std::size_t grids = 0, events = 0, valued = 0, flags = 0;
  for (const auto& [name, node] : data->nodes) {
    for (const auto& [key, observable] : node.observables) {
      const auto* grid = std::get_if<TimeGridded>(&observable);
      const auto* list = std::get_if<Events>(&observable);
      grids += grid != nullptr ? 1 : 0;
      flags += grid != nullptr && grid->data.dtype() == DType::kBool ? 1 : 0;
      events += list != nullptr ? 1 : 0;
      valued += list != nullptr && list->value.defined() ? 1 : 0;
    }
  }
  EXPECT_GE(grids, 2u);
  EXPECT_GE(flags, 1u);
  EXPECT_GE(events, 2u);
  EXPECT_GE(valued, 1u);
  EXPECT_TRUE(*read_data(*write_data(*data), "again") == *data);
}

TEST(NirData, EventsFallOnAGrid) {
  const GraphData data = sample();
  const auto& spikes = std::get<Events>(data.nodes.at("lif").observables.at("spikes"));
  const auto grid = on_grid(spikes, 0.125);
  ASSERT_TRUE(grid.has_value()) << to_string(grid.error());
  EXPECT_EQ(grid->data.shape(), (Shape{2, 4, 3}));
  EXPECT_EQ(grid->data.dtype(), DType::kBool);
  EXPECT_EQ(grid->data.at(0), 1);          // sample 0, step 0, neuron 0
  EXPECT_EQ(grid->data.at(2 * 3 + 2), 1);  // step 2, neuron 2
  EXPECT_EQ(grid->data.at(12 + 1), 1);     // sample 1, step 0, neuron 1
  double sum = 0;
  for (std::int64_t i = 0; i < grid->data.size(); ++i) sum += grid->data.at(i);
  EXPECT_EQ(sum, 3);
  EXPECT_FALSE(on_grid(spikes, 0).has_value());
  Events outside = spikes;
  outside.neurons = 2;
  EXPECT_THAT(on_grid(outside, 0.125).error().message,
              HasSubstr("an event of neuron 2 at 0.25 is outside"));
}

TEST(NirData, SaysWhatIsMissing) {
  const auto other = read_data(*hdf5::write_tree({}), "other.h5");
  ASSERT_FALSE(other.has_value());
  EXPECT_THAT(
      to_string(other.error()),
      HasSubstr("other.h5: node '/': error[nir.data]: '__type__' is '', expected 'NIRGraphData'"));
}

}  // namespace
}  // namespace neurotool::nir
