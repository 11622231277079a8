#include "base/text.hpp"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/random.hpp"

namespace neurotool {
namespace {

const std::vector<std::string> kPasses = {"quantize", "qcfs", "fold_batchnorm", "prune"};

std::string nearest(std::string_view word) { return std::string(nearest_name(word, kPasses)); }

TEST(NearestName, FindsSmallMistakes) {
  EXPECT_EQ(nearest("quantise"), "quantize");
  EXPECT_EQ(nearest("qfcs"), "qcfs");
  EXPECT_EQ(nearest("fold_batch_norm"), "fold_batchnorm");
  EXPECT_EQ(nearest("QUANTIZE"), "quantize");
}

TEST(NearestName, StaysSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest("simulate"), "");
  EXPECT_EQ(nearest(""), "");
  EXPECT_EQ(nearest("x"), "");
  EXPECT_EQ(nearest(std::string(1'000'000, 'q')), "");
}

TEST(NearestName, DoesNotReplaceAWholeShortWord) {
  const std::vector<std::string> axes = {"x", "y"};
  EXPECT_EQ(nearest_name("z", axes), "");
}

TEST(NearestName, PrefersTheNearestThenTheFirst) {
  const std::vector<std::string_view> names = {"aaaax", "aaaay", "aaaab"};
  EXPECT_EQ(nearest_name("aaaab", names), "aaaab");
  EXPECT_EQ(nearest_name("aaaaz", names), "aaaax");
}

TEST(Suggest, OffersTheNearestOrListsAll) {
  EXPECT_EQ(suggest("quantise", kPasses), "did you mean 'quantize'?");
  EXPECT_EQ(suggest("simulate", kPasses), "one of: quantize, qcfs, fold_batchnorm, prune");
  EXPECT_EQ(suggest("simulate", {}), "");
}

TEST(EscapeControl, KeepsPrintableText) {
  EXPECT_EQ(escape_control("plain 'text' \\ µ → 😀"), "plain 'text' \\ µ → 😀");
}

TEST(EscapeControl, EscapesControlCharacters) {
  EXPECT_EQ(escape_control("\x1b[2J\n\t\x7f"), "\\x1b[2J\\x0a\\x09\\x7f");
  EXPECT_EQ(escape_control(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(escape_control("\xc2\x9b"), "\\xc2\\x9b");  // CSI in eight bits
}

TEST(EscapeControl, EscapesWhatIsNotUtf8) {
  EXPECT_EQ(escape_control("a\xff"
                           "b"),
            "a\\xffb");
  EXPECT_EQ(escape_control("\xe2\x82"), "\\xe2\\x82");
  EXPECT_EQ(escape_control("\xe2\x82z"), "\\xe2\\x82z");
}

TEST(Utf8, AcceptsEveryLength) { EXPECT_TRUE(is_utf8("aµ→😀")); }

TEST(Utf8, RejectsWhatTheStandardRejects) {
  EXPECT_FALSE(is_utf8("\x80"));              // continuation without a lead
  EXPECT_FALSE(is_utf8("\xc0\xaf"));          // overlong
  EXPECT_FALSE(is_utf8("\xe0\x80\xaf"));      // overlong
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // past U+10FFFF
  EXPECT_FALSE(is_utf8("\xf0\x9f\x98"));      // cut short
}

TEST(WithThousands, GroupsByThree) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1000), "1,000");
  EXPECT_EQ(with_thousands(1'234'567), "1,234,567");
  EXPECT_EQ(with_thousands(~std::uint64_t{0}), "18,446,744,073,709,551,615");
}

TEST(NumberText, WritesNumbersAsPeopleDo) {
  EXPECT_EQ(number_text(0.0), "0");
  EXPECT_EQ(number_text(-0.0), "-0");
  EXPECT_EQ(number_text(1.0), "1");
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(0.0001), "0.0001");
  EXPECT_EQ(number_text(100000.0), "100000");
  EXPECT_EQ(number_text(-2.5e-9), "-2.5e-09");
  EXPECT_EQ(number_text(1e300), "1e+300");
  EXPECT_EQ(number_text(0.1f), "0.1");
  EXPECT_EQ(number_text(16777216.0f), "16777216");
}

TEST(NumberText, NamesWhatIsNoNumber) {
  EXPECT_EQ(number_text(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(number_text(-std::numeric_limits<float>::infinity()), "-inf");
  EXPECT_EQ(number_text(std::copysign(std::numeric_limits<double>::quiet_NaN(), -1.0)), "nan");
}

template <class Number>
Number read_back(const std::string& text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

TEST(NumberText, ReadsBackAsTheSameNumber) {
  RandomStream stream(1, "text", "numbers");
  for (int i = 0; i < 5000; ++i) {
    const double value =
        stream.normal() * std::pow(10.0, static_cast<double>(stream.below(60)) - 30);
    const auto narrow = static_cast<float>(value);
    EXPECT_EQ(read_back<double>(number_text(value)), value);
    EXPECT_EQ(read_back<float>(number_text(narrow)), narrow);
  }
  for (const double value : {std::numeric_limits<double>::max(), std::numeric_limits<double>::min(),
                             std::numeric_limits<double>::denorm_min(), 999999999999999.9}) {
    EXPECT_EQ(read_back<double>(number_text(value)), value);
  }
}

TEST(AlignColumns, PadsToTheWidestCell) {
  EXPECT_EQ(
      align_columns({{"layer", "spikes"}, {"conv1", "12"}, {"µ", "1,234,567"}}, {false, true}),
      "layer     spikes\n"
      "conv1         12\n"
      "µ      1,234,567\n");
}

TEST(AlignColumns, LeavesNoSpaceAtTheEndOfALine) {
  EXPECT_EQ(align_columns({{"a", "long"}, {"b", "x"}, {"c"}, {}}, {}), "a  long\nb  x\nc\n\n");
}

}  // namespace
}  // namespace neurotool
