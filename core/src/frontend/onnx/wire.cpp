// The walk knows the messages of an ONNX file by a table: which fields hold which messages, and
// which are not worth keeping. Limits on depth and on the number of fields are checked here, before
// anything is built: a byte of a file can cost a hundred in memory once it is a message.
#include "frontend/onnx/wire.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/check.hpp"
#include "base/text.hpp"

namespace neurotool::from_onnx {
namespace {

/// What protobuf parses, too.
constexpr int kDeepest = 100;
/// Messages, names and lists in one file. The largest published graphs have some 100,000.
constexpr std::size_t kMostFields = 2'000'000;
/// What is left without weights; protobuf counts in an int.
constexpr std::size_t kLargestSkeleton = std::size_t{1} << 30;
/// Smaller tensors are kept as they come by, without a second look at the file.
constexpr std::uint64_t kSmall = 1 << 14;

enum class Wire : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

enum class Kind : std::uint8_t {
  kModel,
  kFunction,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kSparseTensor,
  kValueInfo,
  kType,
  kTensorType,
  kSequenceType,
  kMapType,
  kShape,
  kPlain,    ///< bytes, text, and messages with nothing to look for
  kDropped,  ///< never read
  kLifted,   ///< raw_data of a tensor
};

struct Row {
  Kind inside;
  std::uint64_t field;
  Kind kind;
};

constexpr Row kRows[] = {
    {Kind::kModel, 6, Kind::kDropped},  // doc_string
    {Kind::kModel, 7, Kind::kGraph},
    {Kind::kModel, 20, Kind::kDropped},  // training_info
    {Kind::kModel, 25, Kind::kFunction},
    {Kind::kFunction, 7, Kind::kNode},
    {Kind::kFunction, 8, Kind::kDropped},   // doc_string
    {Kind::kFunction, 12, Kind::kDropped},  // value_info
    {Kind::kGraph, 1, Kind::kNode},
    {Kind::kGraph, 5, Kind::kTensor},
    {Kind::kGraph, 10, Kind::kDropped},  // doc_string
    {Kind::kGraph, 11, Kind::kValueInfo},
    {Kind::kGraph, 12, Kind::kValueInfo},
    {Kind::kGraph, 13, Kind::kDropped},  // value_info
    {Kind::kGraph, 14, Kind::kDropped},  // quantization_annotation
    {Kind::kGraph, 15, Kind::kSparseTensor},
    {Kind::kNode, 5, Kind::kAttribute},
    {Kind::kNode, 6, Kind::kDropped},  // doc_string
    {Kind::kAttribute, 5, Kind::kTensor},
    {Kind::kAttribute, 6, Kind::kGraph},
    {Kind::kAttribute, 10, Kind::kTensor},
    {Kind::kAttribute, 11, Kind::kGraph},
    {Kind::kAttribute, 13, Kind::kDropped},  // doc_string
    {Kind::kAttribute, 14, Kind::kDropped},  // tp
    {Kind::kAttribute, 15, Kind::kDropped},  // type_protos
    {Kind::kAttribute, 22, Kind::kSparseTensor},
    {Kind::kAttribute, 23, Kind::kSparseTensor},
    {Kind::kTensor, 9, Kind::kLifted},
    {Kind::kTensor, 12, Kind::kDropped},  // doc_string
    {Kind::kSparseTensor, 1, Kind::kTensor},
    {Kind::kSparseTensor, 2, Kind::kTensor},
    {Kind::kValueInfo, 2, Kind::kType},
    {Kind::kType, 1, Kind::kTensorType},
    {Kind::kType, 4, Kind::kSequenceType},
    {Kind::kType, 5, Kind::kMapType},
    {Kind::kType, 8, Kind::kTensorType},
    {Kind::kType, 9, Kind::kSequenceType},
    {Kind::kTensorType, 2, Kind::kShape},
    {Kind::kSequenceType, 1, Kind::kType},
    {Kind::kMapType, 2, Kind::kType},
};

Kind kind_of(Kind inside, std::uint64_t field) {
  const auto* found = std::ranges::find_if(
      kRows, [&](const Row& row) { return row.inside == inside && row.field == field; });
  return found == std::end(kRows) ? Kind::kPlain : found->kind;
}

/// Names of the model's own fields, for messages.
std::string field_name(Kind inside, std::uint64_t field) {
  constexpr std::pair<std::uint64_t, const char*> kNames[] = {
      {1, "ir_version"},     {2, "producer_name"}, {3, "producer_version"},
      {4, "domain"},         {5, "model_version"}, {6, "doc_string"},
      {7, "graph"},          {8, "opset_import"},  {14, "metadata_props"},
      {20, "training_info"}, {25, "functions"},
  };
  for (const auto& [number, name] : kNames) {
    if (inside == Kind::kModel && number == field) return fmt::format("'{}'", name);
  }
  return fmt::format("{}", field);
}

Error broken(std::string message) { return error("onnx.syntax", {}, std::move(message)); }

/// The bytes of a file in order, through a window.
class Window {
 public:
  explicit Window(InputFile& file) : file_(file), size_(file.size()), bytes_(1 << 18, '\0') {}

  std::uint64_t position() const { return begin_ + at_; }
  std::uint64_t size() const { return size_; }

  Result<> copy(std::uint64_t count, std::string& out) {
    while (count > 0) {
      NT_TRY_VOID(fill());
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(count, filled_ - at_));
      out.append(bytes_, at_, part);
      at_ += part;
      count -= part;
    }
    return {};
  }

  void skip(std::uint64_t count) {
    if (count <= filled_ - at_) {
      at_ += static_cast<std::size_t>(count);
    } else {
      begin_ = position() + count;
      at_ = filled_ = 0;
    }
  }

  Result<char> next() {
    NT_TRY_VOID(fill());
    return bytes_[at_++];
  }

 private:
  Result<> fill() {
    if (at_ < filled_) return {};
    begin_ += at_;
    at_ = 0;
    NT_TRY(filled_, file_.read_at(begin_, bytes_));
    if (filled_ > 0) return {};
    return broken(fmt::format("it ends at byte {}, and had {} when it was opened", begin_, size_));
  }

  InputFile& file_;
  std::uint64_t size_, begin_ = 0;
  std::string bytes_;
  std::size_t at_ = 0, filled_ = 0;
};

void put_varint(std::uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

/// A length that is filled in later, at its full width: protobuf reads leading zeros.
constexpr std::size_t kLengthBytes = 5;

void patch_length(std::string& out, std::size_t at) {
  std::size_t value = out.size() - at - kLengthBytes;
  for (std::size_t i = 0; i < kLengthBytes; ++i, value >>= 7) {
    const bool last = i + 1 == kLengthBytes;
    out[at + i] = static_cast<char>((value & 0x7F) | (last ? 0 : 0x80));
  }
}

class Walker {
 public:
  explicit Walker(InputFile& file) : window_(file) {}

  Result<Skeleton> run() {
    NT_TRY_VOID(message(Kind::kModel, window_.size(), 0));
    return std::move(skeleton_);
  }

 private:
  Result<std::uint64_t> varint(std::uint64_t end) {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70 && window_.position() < end; shift += 7) {
      NT_TRY(const char next, window_.next());
      const auto byte = static_cast<unsigned char>(next);
      if (shift < 64) value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    return broken({});
  }

  Result<> message(Kind kind, std::uint64_t end, int depth) {
    if (depth > kDeepest) {
      return broken(fmt::format("the graph nests more than {} levels deep", kDeepest));
    }
    while (window_.position() < end) NT_TRY_VOID(field(kind, end, depth));
    return {};
  }

  Result<> field(Kind inside, std::uint64_t end, int depth) {
    const std::uint64_t start = window_.position();
    const auto tag = varint(end);
    if (!tag || *tag >> 3 == 0 || *tag >> 32 != 0) {
      return broken(fmt::format("the field at byte {} has no number", start));
    }
    const auto name = [&] { return field_name(inside, *tag >> 3); };
    switch (static_cast<Wire>(*tag & 7)) {
      case Wire::kVarint: {
        const auto value = varint(end);
        if (!value) {
          return broken(fmt::format("field {} at byte {} has no readable number", name(), start));
        }
        put_varint(*tag, skeleton_.bytes);
        put_varint(*value, skeleton_.bytes);
        return {};
      }
      case Wire::kFixed64:
      case Wire::kFixed32: {
        const std::uint64_t size = (*tag & 7) == 1 ? 8 : 4;
        NT_TRY_VOID(check_room(name, start, size, end));
        put_varint(*tag, skeleton_.bytes);
        return window_.copy(size, skeleton_.bytes);
      }
      case Wire::kBytes:
        break;
      default:
        return broken(
            fmt::format("field {} at byte {} has the wire type {}", name(), start, *tag & 7));
    }
    const auto size = varint(end);
    if (!size) {
      return broken(fmt::format("field {} at byte {} has no readable length", name(), start));
    }
    NT_TRY_VOID(check_room(name, start, *size, end));
    return nested(kind_of(inside, *tag >> 3), *tag, *size, depth);
  }

  template <class Name>
  Result<> check_room(const Name& name, std::uint64_t start, std::uint64_t size,
                      std::uint64_t end) const {
    const std::uint64_t left = end - window_.position();
    if (size <= left) return {};
    return broken(
        fmt::format("field {} at byte {} claims {} bytes, {} are left", name(), start, size, left));
  }

  Result<> nested(Kind kind, std::uint64_t tag, std::uint64_t size, int depth) {
    if (kind == Kind::kDropped) return window_.skip(size), Result<>{};
    if (++fields_ > kMostFields) {
      return broken(fmt::format("it has more than {} parts", with_thousands(kMostFields)));
    }
    put_varint(tag, skeleton_.bytes);
    if (kind == Kind::kLifted) return lift(size);
    if (skeleton_.bytes.size() + size > kLargestSkeleton && kind == Kind::kPlain) {
      return broken(fmt::format("a field of {} bytes is not the raw data of a tensor", size));
    }
    if (kind == Kind::kPlain) {
      put_varint(size, skeleton_.bytes);
      return window_.copy(size, skeleton_.bytes);
    }
    const std::size_t length_at = skeleton_.bytes.size();
    skeleton_.bytes.append(kLengthBytes, '\0');
    NT_TRY_VOID(message(kind, window_.position() + size, depth + 1));
    if (skeleton_.bytes.size() > kLargestSkeleton) {
      return broken("the model without its weights takes more than 1 GiB");
    }
    patch_length(skeleton_.bytes, length_at);
    return {};
  }

  Result<> lift(std::uint64_t size) {
    LiftedBytes lifted{.offset = window_.position(), .size = size, .content = {}};
    if (size <= kSmall) {
      NT_TRY_VOID(window_.copy(size, lifted.content));
    } else {
      window_.skip(size);
    }
    const auto number = static_cast<std::uint32_t>(skeleton_.lifted.size());
    skeleton_.lifted.push_back(std::move(lifted));
    std::array<char, sizeof number> marker;
    std::memcpy(marker.data(), &number, sizeof number);
    put_varint(marker.size(), skeleton_.bytes);
    skeleton_.bytes.append(marker.data(), marker.size());
    return {};
  }

  Window window_;
  Skeleton skeleton_;
  std::size_t fields_ = 0;
};

/// Every tensor of a message, in no particular order. The depth is what the walker let through.
template <class Visit>
class EachTensor {
 public:
  explicit EachTensor(Visit visit) : visit_(std::move(visit)) {}

  Result<> in(::onnx::ModelProto& model) {
    if (model.has_graph()) NT_TRY_VOID(in(*model.mutable_graph()));
    for (auto& function : *model.mutable_functions()) {
      for (auto& node : *function.mutable_node()) NT_TRY_VOID(in(node));
    }
    return {};
  }

 private:
  Result<> in(::onnx::GraphProto& graph) {
    for (auto& node : *graph.mutable_node()) NT_TRY_VOID(in(node));
    for (auto& tensor : *graph.mutable_initializer()) NT_TRY_VOID(visit_(tensor));
    for (auto& sparse : *graph.mutable_sparse_initializer()) NT_TRY_VOID(in(sparse));
    return {};
  }
  Result<> in(::onnx::NodeProto& node) {
    for (auto& attribute : *node.mutable_attribute()) NT_TRY_VOID(in(attribute));
    return {};
  }
  Result<> in(::onnx::AttributeProto& attribute) {
    if (attribute.has_t()) NT_TRY_VOID(visit_(*attribute.mutable_t()));
    if (attribute.has_g()) NT_TRY_VOID(in(*attribute.mutable_g()));
    if (attribute.has_sparse_tensor()) NT_TRY_VOID(in(*attribute.mutable_sparse_tensor()));
    for (auto& tensor : *attribute.mutable_tensors()) NT_TRY_VOID(visit_(tensor));
    for (auto& graph : *attribute.mutable_graphs()) NT_TRY_VOID(in(graph));
    for (auto& sparse : *attribute.mutable_sparse_tensors()) NT_TRY_VOID(in(sparse));
    return {};
  }
  Result<> in(::onnx::SparseTensorProto& sparse) {
    if (sparse.has_values()) NT_TRY_VOID(visit_(*sparse.mutable_values()));
    if (sparse.has_indices()) NT_TRY_VOID(visit_(*sparse.mutable_indices()));
    return {};
  }

  Visit visit_;
};

Result<> fill(::onnx::TensorProto& tensor, Skeleton& skeleton, InputFile& file) {
  if (!tensor.has_raw_data()) return {};
  std::string& raw = *tensor.mutable_raw_data();
  std::uint32_t number = 0;
  NT_CHECK(raw.size() == sizeof number, "raw data was lifted");
  std::memcpy(&number, raw.data(), sizeof number);
  NT_CHECK(number < skeleton.lifted.size(), "raw data was lifted");
  LiftedBytes& lifted = skeleton.lifted[number];
  if (lifted.size == lifted.content.size()) {
    raw = std::move(lifted.content);
    return {};
  }
  raw = std::string(static_cast<std::size_t>(lifted.size), '\0');
  NT_TRY(const std::size_t count, file.read_at(lifted.offset, raw));
  if (count == raw.size()) return {};
  return broken(fmt::format("the file became shorter while it was read, {} of {} bytes are there",
                            count, raw.size()));
}

}  // namespace

Result<Skeleton> read_skeleton(InputFile& file) { return Walker(file).run(); }

Result<> fill_tensors(::onnx::ModelProto& model, Skeleton& skeleton, InputFile& file) {
  EachTensor each([&](::onnx::TensorProto& tensor) { return fill(tensor, skeleton, file); });
  return each.in(model);
}

}  // namespace neurotool::from_onnx
