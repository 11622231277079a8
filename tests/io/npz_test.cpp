#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "io/npy.hpp"
#include "io/zip.hpp"
#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

using ::testing::HasSubstr;
using Arrays = std::map<std::string, Tensor>;

std::filesystem::path fixture(std::string_view name) {
  return std::filesystem::path(NEUROTOOL_TESTS_DIR) / "data" / "npz" / name;
}

Arrays arrays(std::string_view name) {
  auto found = read_npz(fixture(name));
  EXPECT_TRUE(found.has_value()) << (found ? "" : found.error().message);
  return found ? Arrays(found->begin(), found->end()) : Arrays{};
}

template <class T>
Tensor grid(T first, T step) {
  std::vector<T> values;
  for (int i = 0; i < 6; ++i) values.push_back(static_cast<T>(first + step * static_cast<T>(i)));
  return Tensor::from<T>({2, 3}, std::move(values));
}

TEST(Npz, ReadsStoredAndDeflatedMembersOfNumpy) {
  std::vector<std::uint8_t> values(24);
  for (std::size_t i = 0; i < 24; ++i) values[i] = static_cast<std::uint8_t>(i);
  const Arrays wanted{{"x", Tensor::from({4, 2, 3}, std::move(values))},
                      {"y", Tensor::from<std::int64_t>({4}, {3, 1, 0, 2})}};
  EXPECT_EQ(arrays("stored.npz"), wanted);
  EXPECT_EQ(arrays("deflated.npz"), wanted);
}

TEST(Npz, ReadsEveryTypeAndOrderOfNumpy) {
  const Arrays found = arrays("types.npz");
  EXPECT_EQ(found.at("b1"), Tensor::from_bytes(DType::kBool, {2, 3},
                                               {std::byte{1}, std::byte{0}, std::byte{1},
                                                std::byte{0}, std::byte{1}, std::byte{0}}));
  EXPECT_EQ(found.at("i1"), grid<std::int8_t>(-3, 1));
  EXPECT_EQ(found.at("u2_big"), grid<std::uint16_t>(0, 1000));
  EXPECT_EQ(found.at("i4_big"), grid<std::int32_t>(-3, 1));
  EXPECT_EQ(found.at("u8"), grid<std::uint64_t>(std::uint64_t{1} << 40, 1));
  EXPECT_EQ(found.at("f2"), grid<float>(0, 0.25f).converted(DType::kFloat16));
  EXPECT_EQ(found.at("f4_fortran"), grid<float>(0, 0.125f));
  EXPECT_EQ(found.at("f8_big_fortran").shape(), (Shape{2, 3}));
  EXPECT_EQ(found.at("f8_big_fortran").at(4), 4.0 / 3.0);
  EXPECT_EQ(found.at("scalar"), Tensor::scalar(2.5f));
  EXPECT_EQ(found.at("nothing").shape(), (Shape{0, 3}));
}

TEST(Npz, KeepsTheOrderOfTheFile) {
  const auto found = read_npz(fixture("stored.npz"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ((*found)[0].first, "x");
  EXPECT_EQ((*found)[1].first, "y");
}

std::string fixture_bytes(std::string_view name) { return test::slurp(fixture(name)); }

std::string message(const std::string& bytes) {
  const auto found = parse_npz(bytes, "x.npz");
  if (found) return "accepted";
  EXPECT_EQ(found.error().code, "data.format");
  return found.error().message;
}

/// Writes a little-endian number of `size` bytes.
void poke(std::string& bytes, std::size_t at, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i)
    bytes.at(at + static_cast<std::size_t>(i)) = static_cast<char>(value >> (8 * i));
}

/// Where the first entry of the central directory and the end record are.
struct Marks {
  std::size_t entry, end;
};
Marks marks(const std::string& bytes) {
  return {bytes.find("PK\x01\x02"), bytes.rfind("PK\x05\x06")};
}

TEST(Zip, EveryTruncationIsRefused) {
  const std::string whole = fixture_bytes("deflated.npz");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read_zip(whole.substr(0, size), "cut").has_value()) << size;
  }
}

TEST(Zip, AFlippedByteChangesNothingOrIsRefused) {
  for (const std::string_view name : {"stored.npz", "deflated.npz"}) {
    const std::string whole = fixture_bytes(name);
    const auto good = read_zip(whole, "whole");
    ASSERT_TRUE(good.has_value());
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string broken = whole;
      broken[at] = static_cast<char>(broken[at] ^ 0x41);
      const auto found = read_zip(broken, "flipped");
      if (!found) continue;
      ASSERT_EQ(found->size(), good->size()) << at;
      for (std::size_t i = 0; i < good->size(); ++i) {
        EXPECT_EQ((*found)[i].content, (*good)[i].content) << at;
      }
    }
  }
}

TEST(Zip, RefusesZip64Politely) {
  std::string bytes = fixture_bytes("stored.npz");
  std::string directory = bytes;
  poke(directory, marks(bytes).end + 16, 0xFFFFFFFF, 4);
  EXPECT_THAT(message(directory), HasSubstr("zip64"));
  poke(bytes, marks(bytes).entry + 24, 0xFFFFFFFF, 4);
  EXPECT_THAT(message(bytes), HasSubstr("'x.npy' is a zip64 member"));
}

TEST(Zip, RefusesASizeThatCannotBe) {
  std::string bytes = fixture_bytes("deflated.npz");
  poke(bytes, marks(bytes).entry + 24, 0xF0000000, 4);
  EXPECT_THAT(message(bytes), HasSubstr("cannot be the 4026531840 that 'x.npy' announces"));
  std::string stored = fixture_bytes("stored.npz");
  poke(stored, marks(stored).entry + 24, 153, 4);
  EXPECT_THAT(message(stored), HasSubstr("stored in 152 bytes but has 153"));
}

TEST(Zip, RefusesMoreThanAllowed) {
  const auto found = read_zip(fixture_bytes("stored.npz"), "x.npz", 300);
  ASSERT_FALSE(found.has_value());
  EXPECT_THAT(found.error().message, HasSubstr("unpacks to 312 bytes, more than the 300 allowed"));
}

TEST(Zip, RefusesOtherMethodsAndEncryption) {
  std::string method = fixture_bytes("stored.npz");
  poke(method, marks(method).entry + 10, 14, 2);
  EXPECT_THAT(message(method), HasSubstr("packed by method 14"));
  std::string encrypted = fixture_bytes("stored.npz");
  poke(encrypted, marks(encrypted).entry + 8, 1, 2);
  EXPECT_THAT(message(encrypted), HasSubstr("'x.npy' is encrypted"));
}

TEST(Zip, RefusesPlacesOutsideTheFile) {
  std::string local = fixture_bytes("stored.npz");
  poke(local, marks(local).entry + 42, 0xFFFFFF00, 4);
  EXPECT_THAT(message(local), HasSubstr("are not inside the file"));
  std::string directory = fixture_bytes("stored.npz");
  poke(directory, marks(directory).end + 16, 0xFFFFFF00, 4);
  EXPECT_THAT(message(directory), HasSubstr("the archive's directory"));
  std::string count = fixture_bytes("stored.npz");
  poke(count, marks(count).end + 10, 3, 2);
  EXPECT_THAT(message(count), HasSubstr("there is no archive entry at byte"));
}

TEST(Zip, RefusesAWrongChecksum) {
  std::string bytes = fixture_bytes("stored.npz");
  poke(bytes, marks(bytes).entry + 16, 0x12345678, 4);
  EXPECT_THAT(message(bytes), HasSubstr("the checksum of 'x.npy' is"));
}

TEST(Npz, RefusesTwoArraysOfOneName) {
  std::string bytes = fixture_bytes("stored.npz");
  for (std::size_t at = 0; (at = bytes.find("y.npy", at)) != std::string::npos;) bytes[at] = 'x';
  EXPECT_THAT(message(bytes), HasSubstr("two arrays are named 'x'"));
}

TEST(Npz, NamesTheMemberThatIsNoArray) {
  std::string bytes = fixture_bytes("stored.npz");
  const std::size_t magic = bytes.find("\x93NUMPY");
  bytes[magic] = 'X';
  EXPECT_THAT(message(bytes), HasSubstr("checksum of 'x.npy'"));
}

}  // namespace
}  // namespace neurotool
