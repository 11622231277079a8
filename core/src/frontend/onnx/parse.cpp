// protobuf says only that a message did not parse. A walk over the top-level fields finds out which
// one is cut short or damaged, which tells a truncated download from a foreign file.
#include "frontend/onnx/parse.hpp"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <array>
#include <cstdint>
#include <exception>
#include <optional>

namespace neurotool::from_onnx {
namespace {

enum class Wire { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  std::uint64_t number;
  Wire wire;
  const char* name;
};

constexpr std::array kModelFields{
    Field{1, Wire::kVarint, "ir_version"},
    Field{2, Wire::kBytes, "producer_name"},
    Field{3, Wire::kBytes, "producer_version"},
    Field{4, Wire::kBytes, "domain"},
    Field{5, Wire::kVarint, "model_version"},
    Field{6, Wire::kBytes, "doc_string"},
    Field{7, Wire::kBytes, "graph"},
    Field{8, Wire::kBytes, "opset_import"},
    Field{14, Wire::kBytes, "metadata_props"},
    Field{20, Wire::kBytes, "training_info"},
    Field{25, Wire::kBytes, "functions"},
};

const Field* known_field(std::uint64_t tag) {
  for (const Field& field : kModelFields) {
    if (field.number == tag >> 3 && field.wire == static_cast<Wire>(tag & 7)) return &field;
  }
  return nullptr;
}

class Scanner {
 public:
  explicit Scanner(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const { return position_ == bytes_.size(); }
  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }

  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70 && !at_end(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_[position_++]);
      if (shift < 64) value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  bool skip(std::uint64_t count) {
    if (count > left()) return false;
    position_ += static_cast<std::size_t>(count);
    return true;
  }

 private:
  std::string_view bytes_;
  std::size_t position_ = 0;
};

/// One sentence about the top-level field that does not fit, or nothing if all do.
std::optional<std::string> find_break(std::string_view bytes) {
  Scanner scan(bytes);
  while (!scan.at_end()) {
    const std::size_t start = scan.position();
    const auto tag = scan.varint();
    if (!tag) return fmt::format("the field at byte {} has no number", start);
    const Field* field = known_field(*tag);
    const std::string name =
        field ? fmt::format("'{}'", field->name) : fmt::format("{}", *tag >> 3);
    std::optional<std::uint64_t> size;
    switch (static_cast<Wire>(*tag & 7)) {
      case Wire::kVarint:
        size = scan.varint() ? std::optional<std::uint64_t>(0) : std::nullopt;
        break;
      case Wire::kFixed64:
        size = 8;
        break;
      case Wire::kBytes:
        size = scan.varint();
        break;
      case Wire::kFixed32:
        size = 4;
        break;
      default:
        return fmt::format("field {} at byte {} has the wire type {}", name, start, *tag & 7);
    }
    if (!size) return fmt::format("field {} at byte {} has no readable number", name, start);
    if (!scan.skip(*size)) {
      return fmt::format("field {} at byte {} claims {} bytes, {} are left", name, start, *size,
                         scan.left());
    }
  }
  return std::nullopt;
}

}  // namespace

bool looks_like_onnx(std::string_view bytes) {
  Scanner scan(bytes);
  const auto tag = scan.varint();
  return tag && known_field(*tag) != nullptr;
}

Result<std::shared_ptr<::onnx::ModelProto>> parse_model(std::string_view bytes,
                                                        const std::string& path) {
  // protobuf would report to stderr.
  const google::protobuf::LogSilencer silence;
  auto model = std::make_shared<::onnx::ModelProto>();
  std::string reason;
  try {
    // The caller limits files to 2 GiB, which is all that protobuf can address.
    if (model->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return model;
  } catch (const std::exception& exception) {
    reason = exception.what();
  }
  if (reason.empty()) {
    reason = find_break(bytes).value_or(
        "a field inside the graph is damaged, or the graph nests more than 100 levels deep");
  }
  return error("onnx.syntax", FilePosition{.path = path},
               fmt::format("the ONNX file cannot be read: {}", reason),
               "the file is cut short or damaged: copy or export it again");
}

}  // namespace neurotool::from_onnx
