// Structs of different ages meet: what each side knows arrives, and nothing else is touched.
#include "target/abi_values.hpp"

#include <gtest/gtest.h>

#include <array>

namespace neurotool {

/// Version x.0 had `first`; a later minor appended `second`.
struct Grown {
  std::size_t struct_size;
  std::uint64_t first;
  std::uint64_t second;
};
template <>
inline constexpr std::size_t kSmallest<Grown> = NT_THROUGH(Grown, first);

namespace {

TEST(Fill, LeavesAnOlderReadersMemoryAlone) {
  Grown out{.struct_size = NT_THROUGH(Grown, first), .first = 1, .second = 0xFEED};
  EXPECT_EQ(fill(&out, Grown{.struct_size = 0, .first = 7, .second = 8}), NT_OK);
  EXPECT_EQ(out.first, 7u);
  EXPECT_EQ(out.second, 0xFEEDu);
  EXPECT_EQ(out.struct_size, NT_THROUGH(Grown, first));
}

TEST(Fill, ZeroesWhatOnlyANewerReaderKnowsAndSaysHowMuchIsValid) {
  struct Newer {
    Grown known;
    std::array<std::uint64_t, 2> later;
  } out{{.struct_size = sizeof(Newer), .first = 1, .second = 2}, {3, 4}};
  EXPECT_EQ(fill(&out.known, Grown{.struct_size = 0, .first = 7, .second = 8}), NT_OK);
  EXPECT_EQ(out.known.second, 8u);
  EXPECT_EQ(out.later, (std::array<std::uint64_t, 2>{0, 0}));
  EXPECT_EQ(out.known.struct_size, sizeof(Grown));
}

TEST(Fill, RefusesSizesThatCannotBeRight) {
  Grown out{.struct_size = 8, .first = 1, .second = 2};
  EXPECT_EQ(fill(&out, Grown{}), NT_BAD_ARGUMENT);
  out.struct_size = ~std::size_t{0};
  EXPECT_EQ(fill(&out, Grown{}), NT_BAD_ARGUMENT);
  EXPECT_EQ(fill<Grown>(nullptr, Grown{}), NT_BAD_ARGUMENT);
  EXPECT_EQ(out.first, 1u);
}

TEST(Copied, ReadsAnOlderStructAsFarAsItGoes) {
  const Grown given{.struct_size = NT_THROUGH(Grown, first), .first = 7, .second = 0xFEED};
  const auto copy = copied(&given);
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->first, 7u);
  EXPECT_EQ(copy->second, 0u);
}

TEST(Copied, RefusesWhatIsTooSmallTooLargeOrAbsent) {
  const Grown small{.struct_size = NT_THROUGH(Grown, first) - 1, .first = 7, .second = 8};
  const Grown huge{.struct_size = std::size_t{1} << 40, .first = 7, .second = 8};
  EXPECT_FALSE(copied(&small));
  EXPECT_FALSE(copied(&huge));
  EXPECT_FALSE(copied<Grown>(nullptr));
}

TEST(TextOf, RefusesLongTextMissingBytesAndBadUtf8) {
  EXPECT_EQ(text_of({"spikes", 6}, 6), "spikes");
  EXPECT_EQ(text_of({nullptr, 0}, 6), "");
  EXPECT_EQ(text_of({"spikes", 6}, 5), std::nullopt);
  EXPECT_EQ(text_of({nullptr, 3}, 5), std::nullopt);
  EXPECT_EQ(text_of({"\xFF", 1}, 5), std::nullopt);
  EXPECT_EQ(text_of({"x", ~std::size_t{0}}, 5), std::nullopt);
}

TEST(MessageOf, CutsBetweenCharactersAndEscapesTheRest) {
  EXPECT_EQ(message_of({"na\xC3\xAFve", 6}, 100), "na\xC3\xAFve");
  EXPECT_EQ(message_of({"na\xC3\xAFve", 6}, 3), "na");
  EXPECT_EQ(message_of({"a\xFF", 2}, 100), "a\\xff");
  EXPECT_EQ(message_of({nullptr, 9}, 100), "");
}

TEST(DottedName, IsLowerCaseWordsJoinedByDots) {
  for (const char* good : {"energy.total", "core.3.weights", "acme.core-full", "x"}) {
    EXPECT_TRUE(is_dotted_name(good)) << good;
  }
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "Energy", "a b", "3.a", "a/b", "a\n"}) {
    EXPECT_FALSE(is_dotted_name(bad)) << bad;
  }
}

}  // namespace
}  // namespace neurotool
