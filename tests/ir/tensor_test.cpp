#include "ir/tensor.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace neurotool {
namespace {

TEST(ElementCount, IsTheProductOfTheExtents) {
  EXPECT_EQ(element_count(Shape{}), 1);
  EXPECT_EQ(element_count(Shape{2, 3, 4}), 24);
  EXPECT_EQ(element_count(Shape{2, 0, 4}), 0);
}

TEST(ElementCount, IsUnknownForFreeOrTooManyElements) {
  EXPECT_EQ(element_count(Shape{kFreeDim, 3}), std::nullopt);
  EXPECT_EQ(element_count(Shape{0, -5}), std::nullopt);
  EXPECT_EQ(element_count(Shape{std::int64_t{1} << 48}), std::int64_t{1} << 48);
  EXPECT_EQ(element_count(Shape{(std::int64_t{1} << 48) + 1}), std::nullopt);
  EXPECT_EQ(element_count(Shape{std::int64_t{1} << 40, std::int64_t{1} << 40}), std::nullopt);
  EXPECT_EQ(element_count(Shape{std::int64_t{1} << 62, std::int64_t{1} << 62, 0}), 0);
}

TEST(ShapeText, ShowsFreeExtentsAsQuestionMarks) {
  EXPECT_EQ(to_string(Shape{}), "[]");
  EXPECT_EQ(to_string(Shape{kFreeDim, 1, 28}), "[?,1,28]");
}

TEST(DTypes, HaveSizesAndNames) {
  EXPECT_EQ(byte_size(DType::kBool), 1u);
  EXPECT_EQ(byte_size(DType::kBfloat16), 2u);
  EXPECT_EQ(byte_size(DType::kUint64), 8u);
  EXPECT_EQ(short_name(DType::kUint16), "u16");
  EXPECT_EQ(short_name(DType::kFloat64), "f64");
  EXPECT_TRUE(is_float(DType::kFloat16));
  EXPECT_TRUE(is_integer(DType::kInt8));
  EXPECT_FALSE(is_integer(DType::kBool));
}

TEST(Tensor, AnAbsentOneIsNotDefined) {
  const Tensor absent;
  EXPECT_FALSE(absent.defined());
  EXPECT_EQ(absent, Tensor());
  EXPECT_NE(absent, Tensor::scalar(1.0f));
  EXPECT_THROW(absent.at(0), InternalError);
}

TEST(Tensor, CopiesShareTheirBytes) {
  const Tensor tensor = Tensor::from<float>({2}, {1, 2});
  const Tensor copy = tensor;
  EXPECT_EQ(copy.data(), tensor.data());
}

TEST(Tensor, RefusesABufferOfAnotherSize) {
  EXPECT_THROW(Tensor::from<float>({3}, {1, 2}), InternalError);
  EXPECT_THROW(Tensor::from<float>({kFreeDim}, {1, 2}), InternalError);
}

TEST(Tensor, RefusesToShowItsElementsAsAnotherType) {
  EXPECT_THROW(Tensor::scalar(1.0f).as<std::int32_t>(), InternalError);
}

TEST(Tensor, AlignsElementsThatAreNot) {
  auto bytes = std::make_shared<std::vector<std::byte>>(9, std::byte{0});
  const float one = 1;
  std::memcpy(bytes->data() + 1, &one, sizeof one);
  const Tensor tensor(DType::kFloat32, {2},
                      std::make_shared<const Buffer>(bytes->data() + 1, 8, bytes));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % alignof(float), 0u);
  EXPECT_EQ(tensor.as<float>()[0], 1.0f);
}

TEST(Tensor, EqualityLooksAtTypeShapeQuantisationAndBytes) {
  const Tensor tensor = Tensor::from<std::int8_t>({2, 1}, {1, 2});
  EXPECT_EQ(tensor, Tensor::from<std::int8_t>({2, 1}, {1, 2}));
  EXPECT_NE(tensor, Tensor::from<std::int8_t>({1, 2}, {1, 2}));
  EXPECT_NE(tensor, Tensor::from<std::uint8_t>({2, 1}, {1, 2}));
  EXPECT_NE(tensor, Tensor::from<std::int8_t>({2, 1}, {1, 3}));
  EXPECT_NE(tensor, tensor.with_quantization({.scales = {0.5}}));
}

TEST(Tensor, ReshapesWithoutCopying) {
  const Tensor tensor = Tensor::from<float>({2, 3}, {0, 1, 2, 3, 4, 5});
  const Tensor flat = tensor.reshaped({6});
  EXPECT_EQ(flat.shape(), Shape{6});
  EXPECT_EQ(flat.data(), tensor.data());
  EXPECT_THROW(tensor.reshaped({5}), InternalError);
}

TEST(TensorConversion, KeepsIntegersOf64BitsExact) {
  const std::int64_t large = (std::int64_t{1} << 62) + 1;
  const Tensor converted = Tensor::scalar(large).converted(DType::kUint64);
  EXPECT_EQ(converted.as<std::uint64_t>()[0], static_cast<std::uint64_t>(large));
}

TEST(TensorConversion, TruncatesFloats) {
  const Tensor converted = Tensor::from<float>({2}, {1.9f, -1.9f}).converted(DType::kInt32);
  EXPECT_EQ(converted, Tensor::from<std::int32_t>({2}, {1, -1}));
}

TEST(TensorConversion, MakesBoolsOfWhatIsNotZero) {
  const Tensor converted = Tensor::from<float>({3}, {0, 0.5f, -2}).converted(DType::kBool);
  EXPECT_EQ(converted.at(0), 0);
  EXPECT_EQ(converted.at(1), 1);
  EXPECT_EQ(converted.at(2), 1);
}

TEST(TensorConversion, KeepsTheQuantisation) {
  const Tensor tensor = Tensor::scalar(std::int8_t{3}).with_quantization({.scales = {0.5}});
  EXPECT_EQ(tensor.converted(DType::kInt32).quantization(), tensor.quantization());
}

std::uint16_t half_bits(double value) {
  const Tensor half = Tensor::scalar(value).converted(DType::kFloat16);
  std::uint16_t bits = 0;
  std::memcpy(&bits, half.data(), sizeof bits);
  return bits;
}

TEST(HalfPrecision, RoundsToNearestEven) {
  EXPECT_EQ(half_bits(1), 0x3C00);
  EXPECT_EQ(half_bits(-2), 0xC000);
  EXPECT_EQ(half_bits(1 + 0x1p-11), 0x3C00);      // half way, down to even
  EXPECT_EQ(half_bits(1 + 3 * 0x1p-11), 0x3C02);  // half way, up to even
  EXPECT_EQ(half_bits(2 - 0x1p-12), 0x4000);      // carries into the exponent
  EXPECT_EQ(half_bits(0x1p-24), 0x0001);          // smallest subnormal
  EXPECT_EQ(half_bits(0x1p-25), 0x0000);
  EXPECT_EQ(half_bits(0x1p-14 - 0x1p-26), 0x0400);  // subnormal up to the smallest normal
  EXPECT_EQ(half_bits(65504), 0x7BFF);
  EXPECT_EQ(half_bits(65519.99), 0x7BFF);
  EXPECT_EQ(half_bits(65520), 0x7C00);
  EXPECT_EQ(half_bits(-0.0), 0x8000);
  EXPECT_EQ(half_bits(std::numeric_limits<double>::quiet_NaN()) & 0x7E00, 0x7E00);
}

TEST(HalfPrecision, EveryNumberSurvivesTheWayThroughFloat) {
  std::vector<std::byte> bytes;
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const bool is_nan = (bits & 0x7C00) == 0x7C00 && (bits & 0x3FF) != 0;
    if (is_nan) continue;
    bytes.push_back(static_cast<std::byte>(bits & 0xFF));
    bytes.push_back(static_cast<std::byte>(bits >> 8));
  }
  const auto count = static_cast<std::int64_t>(bytes.size() / 2);
  const Tensor half = Tensor::from_bytes(DType::kFloat16, {count}, std::move(bytes));
  EXPECT_EQ(half.converted(DType::kFloat32).converted(DType::kFloat16), half);
}

TEST(BrainFloat, RoundsToNearestEven) {
  const auto bits = [](float value) {
    const Tensor brain = Tensor::scalar(value).converted(DType::kBfloat16);
    std::uint16_t stored = 0;
    std::memcpy(&stored, brain.data(), sizeof stored);
    return stored;
  };
  EXPECT_EQ(bits(1), 0x3F80);
  EXPECT_EQ(bits(1 + 0x1p-8f), 0x3F80);
  EXPECT_EQ(bits(1 + 3 * 0x1p-8f), 0x3F82);
  EXPECT_EQ(bits(std::numeric_limits<float>::infinity()), 0x7F80);
  EXPECT_EQ(Tensor::scalar(-2.5f).converted(DType::kBfloat16).at(0), -2.5);
}

}  // namespace
}  // namespace neurotool
