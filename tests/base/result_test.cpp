#include "base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace neurotool {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return error("test.odd", {}, "odd");
  return value / 2;
}

Result<> need_even(int value) {
  NT_TRY_VOID(half(value));
  return {};
}

Result<std::string> quarter_text(int value) {
  NT_TRY(const int once, half(value));
  NT_TRY(const int twice, half(once));
  return std::to_string(twice);
}

Result<std::unique_ptr<int>> boxed(int value) {
  NT_TRY(auto box, Result<std::unique_ptr<int>>(std::make_unique<int>(value)));
  return box;
}

TEST(Result, CarriesTheValueThroughTry) { EXPECT_EQ(quarter_text(12).value(), "3"); }

TEST(Result, CarriesTheErrorThroughTry) {
  const auto result = quarter_text(6);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "test.odd");
}

TEST(Result, HoldsNothingButSuccess) {
  EXPECT_TRUE(need_even(2));
  EXPECT_FALSE(need_even(3));
}

TEST(Result, MovesValuesThatCannotBeCopied) { EXPECT_EQ(**boxed(5), 5); }

}  // namespace
}  // namespace neurotool
