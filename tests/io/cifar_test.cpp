#include "io/cifar.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace neurotool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string record(char label, char pixel) {
  return std::string(1, label) + std::string(3072, pixel);
}

TEST(Cifar10, SeparatesLabelsFromPixels) {
  const auto records = parse_cifar10(record(3, 'a') + record(9, 'b'), "x");
  ASSERT_TRUE(records.has_value());
  EXPECT_THAT(records->labels, ElementsAre(3, 9));
  EXPECT_EQ(records->images.shape(), (Shape{2, 3, 32, 32}));
  EXPECT_EQ(records->images.at(3071), 'a');
  EXPECT_EQ(records->images.at(3072), 'b');
}

TEST(Cifar10, LooksLikeItself) {
  EXPECT_TRUE(looks_like_cifar10(record(0, 0)));
  EXPECT_FALSE(looks_like_cifar10(record(10, 0)));
  EXPECT_FALSE(looks_like_cifar10(record(0, 0) + "x"));
  EXPECT_FALSE(looks_like_cifar10(""));
}

TEST(Cifar10, SaysWhatIsWrong) {
  const auto cut = parse_cifar10(record(1, 'a').substr(0, 3000), "x.bin");
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code, "data.format");
  EXPECT_THAT(cut.error().message, HasSubstr("3000 bytes are not a whole number"));
  const auto label = parse_cifar10(record(1, 'a') + record(77, 'a'), "x.bin");
  ASSERT_FALSE(label.has_value());
  EXPECT_EQ(label.error().code, "data.labels");
  EXPECT_THAT(label.error().message, HasSubstr("record 1 has the label 77"));
}

}  // namespace
}  // namespace neurotool
