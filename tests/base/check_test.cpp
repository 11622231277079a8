#include "base/check.hpp"

#include <gmock/gmock.h>

namespace neurotool {
namespace {

TEST(Check, PassesWhenTheConditionHolds) { EXPECT_NO_THROW(NT_CHECK(1 + 1 == 2, "arithmetic")); }

TEST(Check, ThrowsWithPlaceConditionAndReason) {
  try {
    NT_CHECK(1 + 1 == 3, "arithmetic");
    FAIL() << "nothing was thrown";
  } catch (const InternalError& failure) {
    EXPECT_THAT(failure.what(),
                testing::MatchesRegex(
                    R"(check_test\.cpp:[0-9]+: check '1 \+ 1 == 3' does not hold: arithmetic)"));
  }
}

TEST(Check, NamesSourcesBelowTheRepository) {
  try {
    check_failed("/home/someone/neurotool/core/src/ir/tensor.cpp", 7, "x", "why");
  } catch (const InternalError& failure) {
    EXPECT_STREQ(failure.what(), "core/src/ir/tensor.cpp:7: check 'x' does not hold: why");
  }
}

TEST(Check, AssertUsesItsOperandsInEveryBuild) {
  const bool only_used_here = true;
  NT_ASSERT(only_used_here);
}

}  // namespace
}  // namespace neurotool
