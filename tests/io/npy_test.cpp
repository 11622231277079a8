#include "io/npy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

using test::TempFolder;
using ::testing::HasSubstr;

/// A .npy file with this dictionary, version 1.0.
std::string npy(const std::string& dictionary, const std::string& content) {
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(dictionary.size() & 0xFF);
  bytes += static_cast<char>(dictionary.size() >> 8);
  return bytes + dictionary + content;
}

std::string header(const std::string& type, const std::string& shape,
                   const std::string& order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

std::string message(const std::string& bytes) {
  const auto tensor = parse_npy(bytes, "x.npy");
  if (tensor) return "accepted";
  EXPECT_EQ(tensor.error().code, "data.format");
  EXPECT_EQ(tensor.error().at, Location(FilePosition{.path = "x.npy"}));
  return tensor.error().message;
}

TEST(Npy, EveryTypeComesBackAsItWas) {
  for (int i = 0; i <= static_cast<int>(DType::kFloat64); ++i) {
    const auto dtype = static_cast<DType>(i);
    if (dtype == DType::kBfloat16) continue;
    for (const Shape& shape : {Shape{}, Shape{4}, Shape{2, 2}, Shape{1, 4, 1}, Shape{0, 3}}) {
      std::vector<float> values(static_cast<std::size_t>(*element_count(shape)), 1.0f);
      if (!values.empty()) values[0] = 0;
      const Tensor tensor = Tensor::from(shape, std::move(values)).converted(dtype);
      const auto back = parse_npy(format_npy(tensor), "memory");
      ASSERT_TRUE(back.has_value()) << back.error().message;
      EXPECT_EQ(*back, tensor) << short_name(dtype) << to_string(shape);
    }
  }
}

TEST(Npy, Bfloat16IsWrittenAsFloat32) {
  const Tensor tensor = Tensor::from<float>({2}, {1.5f, -2});
  EXPECT_EQ(format_npy(tensor.converted(DType::kBfloat16)), format_npy(tensor));
}

TEST(Npy, WritesWhatNumpyWrites) {
  const std::string bytes = format_npy(Tensor::from<float>({2, 3}, std::vector<float>(6)));
  EXPECT_THAT(bytes, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } "));
  EXPECT_EQ(bytes.size(), 128u + 24u);
  EXPECT_EQ(bytes[127], '\n');
  EXPECT_THAT(format_npy(Tensor::from<std::uint8_t>({3}, {1, 2, 3})), HasSubstr("'|u1', "));
  EXPECT_THAT(format_npy(Tensor::from<float>({3}, {1, 2, 3})), HasSubstr("'shape': (3,), }"));
  EXPECT_THAT(format_npy(Tensor::scalar(1.0f)), HasSubstr("'shape': (), }"));
}

TEST(Npy, TurnsBigEndianNumbersRound) {
  const auto tensor = parse_npy(npy(header(">i2", "(2,)"), std::string("\x01\x02\xff\xfe", 4)), "");
  ASSERT_TRUE(tensor.has_value());
  EXPECT_EQ(*tensor, Tensor::from<std::int16_t>({2}, {0x0102, -2}));
}

TEST(Npy, BringsFortranOrderToRows) {
  const auto tensor = parse_npy(npy(header("|u1", "(2, 3)", "True"), "abcdef"), "");
  ASSERT_TRUE(tensor.has_value());
  EXPECT_EQ(*tensor, Tensor::from<std::uint8_t>({2, 3}, {'a', 'c', 'e', 'b', 'd', 'f'}));
}

TEST(Npy, MakesBoolsOfAnyByte) {
  const auto tensor = parse_npy(npy(header("|b1", "(3,)"), std::string("\x00\x01\x07", 3)), "");
  ASSERT_TRUE(tensor.has_value());
  EXPECT_EQ(tensor->at(2), 1);
}

TEST(Npy, ReadsTheLaterVersions) {
  const std::string dictionary = header("|u1", "(1,)");
  for (const char version : {'\x02', '\x03'}) {
    std::string bytes("\x93NUMPY", 6);
    bytes += version;
    bytes += '\0';
    bytes += static_cast<char>(dictionary.size());
    bytes += std::string(3, '\0') + dictionary + "z";
    EXPECT_TRUE(parse_npy(bytes, "").has_value());
  }
}

TEST(Npy, TakesKeysInAnyOrderAndEitherQuote) {
  const std::string dictionary =
      "{\"shape\":(1,1),  'fortran_order':False,\"descr\":\"|u1\"}      \n";
  const auto tensor = parse_npy(npy(dictionary, "z"), "");
  ASSERT_TRUE(tensor.has_value()) << tensor.error().message;
  EXPECT_EQ(tensor->shape(), (Shape{1, 1}));
}

TEST(Npy, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(message("NUMPY"), HasSubstr("first six bytes"));
  EXPECT_THAT(message(std::string("\x93NUMPY\x01", 7)), HasSubstr("ends at byte 7"));
  EXPECT_THAT(message(npy(header("|u1", "(1,)"), "z").replace(6, 1, 1, '\x09')),
              HasSubstr("version 9 is none of 1, 2 and 3"));
  EXPECT_THAT(message(npy(header("|u1", "(1,)"), "z").substr(0, 40)),
              HasSubstr("does not fit into a file of 40"));
  EXPECT_THAT(message(npy(header("<f4", "(3,)"), "1234")),
              HasSubstr("f32[3] takes 12 bytes after byte"));
  EXPECT_THAT(message(npy(header("<f4", "(1,)"), "12345")), HasSubstr("the file has 5"));
  EXPECT_THAT(message(npy(header("<c8", "(1,)"), "12345678")), HasSubstr("'<c8'"));
  EXPECT_THAT(message(npy(header("|O", "(1,)"), "12345678")), HasSubstr("'|O'"));
  EXPECT_THAT(message(npy(header("", "(1,)"), "1")), HasSubstr("are '', which are no numbers"));
  EXPECT_THAT(message(npy(header("|u1", "(1 2)"), "z")), HasSubstr("should have ')' at byte"));
  EXPECT_THAT(message(npy(header("|u1", "(-1,)"), "z")), HasSubstr("an extent of 0 or more"));
  EXPECT_THAT(message(npy(header("|u1", "(99999999999999999999,)"), "z")),
              HasSubstr("an extent of 0 or more"));
  EXPECT_THAT(message(npy(header("|u1", "(99999999999, 99999999999)"), "z")),
              HasSubstr("too many elements"));
  EXPECT_THAT(message(npy(header("|u1", "(1,)", "0"), "z")), HasSubstr("True or False"));
  EXPECT_THAT(message(npy("{'descr': [('a', '<f4')], }", "z")), HasSubstr("named fields"));
  EXPECT_THAT(message(npy("{'descr': '|u1', 'descr': '|u1', }", "z")), HasSubstr("only once"));
  EXPECT_THAT(message(npy("{'extra': 1}", "z")), HasSubstr("a key 'extra'"));
  EXPECT_THAT(message(npy("{'descr': '|u1'}", "z")), HasSubstr("lacks one of"));
  EXPECT_THAT(message(npy("{'descr': '|u1", "z")), HasSubstr("a closing quote"));
  EXPECT_THAT(message(npy(header("|u1", "(1,)") + "rest", "z")), HasSubstr("nothing more"));
}

TEST(Npy, EveryTruncationIsRefused) {
  const std::string whole = format_npy(Tensor::from<float>({2, 2}, {1, 2, 3, 4}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_npy(whole.substr(0, size), "cut").has_value()) << size;
  }
}

TEST(Npy, EveryFlippedHeaderByteIsReadOrRefused) {
  const std::string whole = format_npy(Tensor::from<float>({2, 2}, {1, 2, 3, 4}));
  int refused = 0;
  for (std::size_t at = 0; at < 128; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string broken = whole;
      broken[at] = static_cast<char>(broken[at] ^ (1 << bit));
      refused += parse_npy(broken, "flipped").has_value() ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 900);
}

TEST(Npy, AMissingFileIsMissingData) {
  const auto tensor = read_npy("no/such/file.npy");
  ASSERT_FALSE(tensor.has_value());
  EXPECT_EQ(tensor.error().code, "data.missing");
}

TEST(Npy, ReadsAFile) {
  const TempFolder folder;
  const Tensor tensor = Tensor::from<std::int64_t>({2}, {-1, 5});
  const auto back = read_npy(folder.write("a.npy", format_npy(tensor)));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, tensor);
}

}  // namespace
}  // namespace neurotool
