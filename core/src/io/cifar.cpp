// CIFAR-10 records follow each other without a header, so only the length and the labels can tell
// that a file is one.
#include "io/cifar.hpp"

#include <fmt/format.h>

#include <utility>

#include "io/bytes.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kPixels = 3 * 32 * 32;
constexpr std::size_t kRecord = 1 + kPixels;
constexpr int kClasses = 10;

int label_of(std::string_view bytes, std::size_t record) {
  return static_cast<unsigned char>(bytes[record * kRecord]);
}

}  // namespace

bool looks_like_cifar10(std::string_view bytes) {
  if (bytes.empty() || bytes.size() % kRecord != 0) return false;
  for (std::size_t record = 0; record < bytes.size() / kRecord; ++record) {
    if (label_of(bytes, record) >= kClasses) return false;
  }
  return true;
}

Result<CifarRecords> parse_cifar10(std::string_view bytes, std::string_view where) {
  if (bytes.empty() || bytes.size() % kRecord != 0) {
    return bad_format(
        where,
        fmt::format("{} bytes are not a whole number of CIFAR-10 records of {}", bytes.size(),
                    kRecord),
        "the file is cut off, or it is CIFAR-100, which has two label bytes a record");
  }
  const std::size_t records = bytes.size() / kRecord;
  CifarRecords found;
  found.labels.reserve(records);
  std::vector<std::byte> pixels(records * kPixels);
  for (std::size_t record = 0; record < records; ++record) {
    const int label = label_of(bytes, record);
    if (label >= kClasses) {
      return error("data.labels", FilePosition{.path = std::string(where)},
                   fmt::format("record {} has the label {}, CIFAR-10 has {} classes", record, label,
                               kClasses),
                   "the file is of another format, or damaged");
    }
    found.labels.push_back(label);
    std::memcpy(pixels.data() + record * kPixels, bytes.data() + record * kRecord + 1, kPixels);
  }
  found.images = Tensor::from_bytes(DType::kUint8, {static_cast<std::int64_t>(records), 3, 32, 32},
                                    std::move(pixels));
  return found;
}

}  // namespace neurotool
