// The public data sets, as they are shipped beside the repository.
#include <gtest/gtest.h>

#include "io/dataset.hpp"
#include "support/test_data.hpp"

namespace neurotool {
namespace {

using test::test_data;

DatasetSpec idx(const std::string& folder, const std::string& part) {
  const auto base = test_data() / "data" / folder;
  return {.images = base / (part + "-images-idx3-ubyte.gz"),
          .labels = base / (part + "-labels-idx1-ubyte.gz"),
          .preprocess = {.divide = 255, .mean = {}, .std = {}}};
}

/// Mean of all values, batch by batch.
double mean(const SampleSource& data) {
  double sum = 0, count = 0;
  for (std::int64_t first = 0; first < data.size(); first += 1000) {
    const Tensor batch = *data.batch(first, std::min<std::int64_t>(1000, data.size() - first));
    for (const float value : batch.as<float>()) sum += static_cast<double>(value);
    count += static_cast<double>(batch.size());
  }
  return sum / count;
}

TEST(MnistData, HasTheKnownCountsMeanAndFirstLabels) {
  const DatasetSpec train_spec = idx("mnist", "train");
  NT_NEEDS_DATA(train_spec.images);
  const auto train = open_dataset(train_spec, {1, 28, 28});
  ASSERT_TRUE(train.has_value()) << to_string(train.error());
  EXPECT_EQ((*train)->size(), 60000);
  EXPECT_EQ((*train)->labels().size(), 60000u);
  EXPECT_EQ((*train)->labels()[0], 5);
  EXPECT_NEAR(mean(**train), 0.1307, 0.00005);
  const auto test = open_dataset(idx("mnist", "t10k"), {784});
  ASSERT_TRUE(test.has_value()) << to_string(test.error());
  EXPECT_EQ((*test)->size(), 10000);
  EXPECT_EQ((*test)->labels()[0], 7);
}

TEST(FashionMnistData, HasTheKnownCountsAndFirstLabels) {
  const DatasetSpec spec = idx("fashion-mnist", "t10k");
  NT_NEEDS_DATA(spec.images);
  const auto test = open_dataset(spec, {1, 28, 28});
  ASSERT_TRUE(test.has_value()) << to_string(test.error());
  EXPECT_EQ((*test)->size(), 10000);
  EXPECT_EQ((*test)->labels()[0], 9);
}

TEST(Cifar10Data, HasTheKnownCountsAndFirstLabels) {
  const auto folder = test_data() / "data" / "cifar10";
  NT_NEEDS_DATA(folder / "test_first1000_lossless.bin.gz");
  const auto test =
      open_dataset({.images = folder / "test_first1000_lossless.bin.gz"}, {3, 32, 32});
  ASSERT_TRUE(test.has_value()) << to_string(test.error());
  EXPECT_EQ((*test)->size(), 1000);
  EXPECT_EQ((*test)->labels()[0], 3);
  EXPECT_EQ((*test)->labels()[1], 8);
}

TEST(MnistData, DoesNotFitACifarNetwork) {
  const DatasetSpec spec = idx("mnist", "t10k");
  NT_NEEDS_DATA(spec.images);
  const auto data = open_dataset(spec, {3, 32, 32});
  ASSERT_FALSE(data.has_value());
  EXPECT_EQ(data.error().message,
            "the model wants samples of [3,32,32], the file has samples of [28,28]");
}

}  // namespace
}  // namespace neurotool
