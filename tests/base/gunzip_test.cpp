#include <gmock/gmock.h>
#include <zlib.h>

#include <stdexcept>

#include "base/files.hpp"
#include "base/random.hpp"

namespace neurotool {
namespace {

using testing::HasSubstr;

std::string gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("deflateInit2");
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string noise(std::size_t size) {
  RandomStream stream(1, "gunzip", "noise");
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(stream.below(256));
  return text;
}

std::string code_of(std::string bytes, std::uint64_t max_bytes = 1 << 20) {
  const auto result = gunzip_if_needed(std::move(bytes), "data.gz", max_bytes);
  return result ? "" : result.error().code;
}

TEST(Gunzip, ReturnsOtherBytesUnchanged) {
  EXPECT_EQ(gunzip_if_needed("plain", "a").value(), "plain");
  EXPECT_EQ(gunzip_if_needed("", "a").value(), "");
  EXPECT_EQ(gunzip_if_needed("\x1f", "a").value(), "\x1f");
}

TEST(Gunzip, InflatesWhatGzipMade) {
  for (const std::size_t size : {0u, 1u, 65'535u, 65'536u, 65'537u, 300'000u}) {
    const std::string text = noise(size);
    EXPECT_EQ(gunzip_if_needed(gzip(text), "a.gz").value(), text) << size;
  }
}

TEST(Gunzip, JoinsMembers) {
  EXPECT_EQ(gunzip_if_needed(gzip("one ") + gzip("") + gzip("two"), "a.gz").value(), "one two");
}

TEST(Gunzip, AcceptsExactlyTheLimit) {
  const std::string text = noise(100'000);
  EXPECT_EQ(code_of(gzip(text), 100'000), "");
  EXPECT_EQ(code_of(gzip(text), 99'999), "file.too-large");
  EXPECT_EQ(code_of(gzip(""), 0), "");
  EXPECT_EQ(code_of(gzip("x"), 0), "file.too-large");
}

TEST(Gunzip, StopsABomb) {
  EXPECT_EQ(code_of(gzip(std::string(50'000'000, '\0'))), "file.too-large");
}

TEST(Gunzip, NeverKeepsMoreRoomThanTheLimit) {
  const auto result = gunzip_if_needed(gzip(noise(90'000)), "a.gz", 100'000);
  EXPECT_LE(result.value().capacity(), 100'000u);
}

TEST(Gunzip, RefusesEveryTruncation) {
  const std::string whole = gzip("some text that is long enough to need a few codes");
  for (std::size_t size = 2; size < whole.size(); ++size) {
    EXPECT_EQ(code_of(whole.substr(0, size)), "file.corrupt") << size;
  }
}

TEST(Gunzip, RefusesDamage) {
  const std::string whole = gzip(noise(1000));
  std::string checksum = whole, length = whole, body = whole;
  checksum[whole.size() - 8] ^= 1;
  length[whole.size() - 1] ^= 1;
  body[20] ^= 1;
  EXPECT_EQ(code_of(checksum), "file.corrupt");
  EXPECT_EQ(code_of(length), "file.corrupt");
  EXPECT_EQ(code_of(body), "file.corrupt");
}

TEST(Gunzip, RefusesBytesAfterTheEnd) {
  const auto result = gunzip_if_needed(gzip("text") + "tail", "net.nir.gz");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "file.corrupt");
  EXPECT_EQ(result.error().message,
            "the gzip data in 'net.nir.gz' is followed by bytes that are not gzip "
            "(at byte 24 of 28)");
}

}  // namespace
}  // namespace neurotool
