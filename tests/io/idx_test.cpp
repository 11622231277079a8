#include "io/idx.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace neurotool {
namespace {

using ::testing::HasSubstr;

std::string idx(char type, std::initializer_list<unsigned char> extents,
                const std::string& content) {
  std::string bytes{'\0', '\0', type, static_cast<char>(extents.size())};
  for (const unsigned char extent : extents) {
    bytes += std::string(3, '\0') + static_cast<char>(extent);
  }
  return bytes + content;
}

std::string message(const std::string& bytes) {
  const auto tensor = parse_idx(bytes, "x.idx");
  if (tensor) return "accepted";
  EXPECT_EQ(tensor.error().code, "data.format");
  return tensor.error().message;
}

TEST(Idx, ReadsBytesInTheirShape) {
  const auto tensor = parse_idx(idx(0x08, {2, 1, 2}, "abcd"), "x");
  ASSERT_TRUE(tensor.has_value());
  EXPECT_EQ(*tensor, Tensor::from<std::uint8_t>({2, 1, 2}, {'a', 'b', 'c', 'd'}));
}

TEST(Idx, ReadsBigEndianNumbers) {
  const auto whole = parse_idx(idx(0x0C, {1}, std::string("\xff\xff\xff\xfe", 4)), "x");
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(*whole, Tensor::from<std::int32_t>({1}, {-2}));
  const auto real = parse_idx(idx(0x0D, {1}, std::string("\x3f\x80\x00\x00", 4)), "x");
  ASSERT_TRUE(real.has_value());
  EXPECT_EQ(*real, Tensor::from<float>({1}, {1}));
}

TEST(Idx, LooksLikeItself) {
  EXPECT_TRUE(looks_like_idx(idx(0x08, {1}, "a")));
  EXPECT_FALSE(looks_like_idx(idx(0x07, {1}, "a")));
  EXPECT_FALSE(looks_like_idx("ab"));
  EXPECT_TRUE(idx_length_fits(idx(0x08, {1}, "a")));
  EXPECT_FALSE(idx_length_fits(idx(0x08, {2}, "a")));
  EXPECT_FALSE(idx_length_fits(idx(0x08, {2}, "").substr(0, 6)));
}

TEST(Idx, SaysWhatIsWrong) {
  EXPECT_THAT(message("PK"), HasSubstr("first four bytes"));
  EXPECT_THAT(message(idx(0x08, {3}, "").substr(0, 5)), HasSubstr("ends at byte 5, inside an idx"));
  EXPECT_THAT(message(idx(0x08, {3}, "ab")),
              HasSubstr("u8[3] takes 3 bytes after byte 8, the file has 2"));
  EXPECT_THAT(message(idx(0x08, {3}, "abcd")), HasSubstr("the file has 4"));
  std::string huge = idx(0x0E, {1, 1, 1}, "");
  for (std::size_t at = 4; at < huge.size(); ++at) huge[at] = '\xff';
  EXPECT_THAT(message(huge), HasSubstr("too many elements"));
}

}  // namespace
}  // namespace neurotool
