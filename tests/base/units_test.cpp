#include "base/units.hpp"

#include <gtest/gtest.h>

namespace neurotool {
namespace {

TEST(ParseQuantity, TakesPlainNumbersInTheBaseUnit) {
  EXPECT_EQ(parse_quantity("10", "s"), 10.0);
  EXPECT_EQ(parse_quantity("-2.5e-3", "J"), -2.5e-3);
  EXPECT_EQ(parse_quantity(" 7 ", "byte"), 7.0);
}

TEST(ParseQuantity, ScalesByUnit) {
  EXPECT_EQ(parse_quantity("10 ms", "s"), 0.01);
  EXPECT_EQ(parse_quantity("5us", "s"), 5e-6);
  EXPECT_EQ(parse_quantity("5 µs", "s"), 5e-6);
  EXPECT_EQ(parse_quantity("4KiB", "byte"), 4096.0);
  EXPECT_EQ(parse_quantity("4 kB", "byte"), 4000.0);
  EXPECT_EQ(parse_quantity("23.6 pJ", "J"), 23.6e-12);
  EXPECT_EQ(parse_quantity("1.5 GHz", "Hz"), 1.5e9);
}

TEST(ParseQuantity, RoundsLikeTheWrittenNumber) {
  EXPECT_EQ(parse_quantity("9 ms", "s"), 0.009);
  EXPECT_EQ(parse_quantity("7 ns", "s"), 7e-9);
}

TEST(ParseQuantity, RefusesUnitsOfSomethingElse) {
  EXPECT_EQ(parse_quantity("10 ms", "byte"), std::nullopt);
  EXPECT_EQ(parse_quantity("10 B", "s"), std::nullopt);
  EXPECT_EQ(parse_quantity("10 Ms", "s"), std::nullopt);
  EXPECT_EQ(parse_quantity("10 ms ms", "s"), std::nullopt);
}

TEST(ParseQuantity, RefusesWhatIsNoNumber) {
  for (const char* text :
       {"", " ", "ms", "ten ms", "nan", "inf s", "1e999", "0x10", "1,000", "--1"}) {
    EXPECT_EQ(parse_quantity(text, "s"), std::nullopt) << text;
  }
}

TEST(ParseQuantity, RefusesWhatOverflowsInTheBaseUnit) {
  EXPECT_EQ(parse_quantity("1e308 GHz", "Hz"), std::nullopt);
}

}  // namespace
}  // namespace neurotool
