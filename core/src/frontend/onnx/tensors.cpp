// Reads TensorProto's many ways to store numbers: raw little-endian bytes, one of five typed lists,
// or a range of a file beside the model.
#include "frontend/onnx/tensors.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <vector>

namespace neurotool::from_onnx {
namespace {

using ::onnx::TensorProto;

static_assert(std::endian::native == std::endian::little, "raw tensor bytes are little-endian");

Error bad_tensor(std::string message) { return error("onnx.tensor", {}, std::move(message)); }

std::string shape_text(const TensorProto& proto) {
  return to_string(Shape(proto.dims().begin(), proto.dims().end()));
}

Result<std::int64_t> count_of(const TensorProto& proto) {
  const auto count = element_count(std::span(proto.dims().data(), size_t(proto.dims_size())));
  if (count) return *count;
  for (const std::int64_t extent : proto.dims()) {
    if (extent < 0) return bad_tensor(fmt::format("the extent {} is negative", extent));
  }
  return bad_tensor(fmt::format("the shape {} has more than 2^48 elements", shape_text(proto)));
}

/// Whether the list that belongs to `dtype` is the only place that holds numbers.
int lists_in_use(const TensorProto& proto) {
  const auto used = [](const auto& list) { return list.empty() ? 0 : 1; };
  return used(proto.float_data()) + used(proto.double_data()) + used(proto.int32_data()) +
         used(proto.int64_data()) + used(proto.uint64_data()) + used(proto.string_data());
}

/// The elements of a list, converted to T; a value that T cannot hold is an error.
template <class T, class List>
Result<Tensor> from_list(const List& list, Shape shape, std::int64_t count, const char* name) {
  if (list.size() != count) {
    return bad_tensor(fmt::format("{} elements are needed for {}, {} has {}", count,
                                  to_string(shape), name, list.size()));
  }
  std::vector<T> values(static_cast<std::size_t>(count));
  for (int i = 0; i < list.size(); ++i) {
    values[static_cast<std::size_t>(i)] = static_cast<T>(list.Get(i));
    if constexpr (std::is_integral_v<T>) {
      if (!std::in_range<T>(list.Get(i))) {
        return bad_tensor(
            fmt::format("element {} of {}, {}, does not fit its type", i, name, list.Get(i)));
      }
    }
  }
  return Tensor::from<T>(std::move(shape), std::move(values));
}

Tensor from_bits(DType dtype, const Tensor& bits) {
  auto owner = std::make_shared<const Tensor>(bits);
  auto buffer = std::make_shared<const Buffer>(owner->data(), owner->bytes(), owner);
  return Tensor(dtype, bits.shape(), std::move(buffer));
}

/// vector<bool> has no bytes to share, so truth values go through bytes of 0 and 1.
Tensor from_truth_values(Tensor bytes) {
  std::vector<std::uint8_t> values;
  for (const std::uint8_t byte : bytes.as<std::uint8_t>()) values.push_back(byte != 0 ? 1 : 0);
  return from_bits(DType::kBool, Tensor::from<std::uint8_t>(bytes.shape(), std::move(values)));
}

Result<Tensor> from_lists(const TensorProto& proto, DType dtype, Shape shape, std::int64_t count) {
  const auto small = [&]<class T>(T) {
    return from_list<T>(proto.int32_data(), std::move(shape), count, "int32_data");
  };
  switch (dtype) {
    case DType::kBool: {
      NT_TRY(Tensor bytes, small(std::uint8_t{}));
      return from_truth_values(std::move(bytes));
    }
    case DType::kFloat16:
    case DType::kBfloat16: {
      NT_TRY(const Tensor bits, small(std::uint16_t{}));
      return from_bits(dtype, bits);
    }
    case DType::kInt8:
      return small(std::int8_t{});
    case DType::kUint8:
      return small(std::uint8_t{});
    case DType::kInt16:
      return small(std::int16_t{});
    case DType::kUint16:
      return small(std::uint16_t{});
    case DType::kInt32:
      return small(std::int32_t{});
    case DType::kUint32:
      return from_list<std::uint32_t>(proto.uint64_data(), std::move(shape), count, "uint64_data");
    case DType::kUint64:
      return from_list<std::uint64_t>(proto.uint64_data(), std::move(shape), count, "uint64_data");
    case DType::kInt64:
      return from_list<std::int64_t>(proto.int64_data(), std::move(shape), count, "int64_data");
    case DType::kFloat32:
      return from_list<float>(proto.float_data(), std::move(shape), count, "float_data");
    case DType::kFloat64:
      return from_list<double>(proto.double_data(), std::move(shape), count, "double_data");
  }
  check_failed(__FILE__, __LINE__, "dtype", "no such element type");
}

Tensor from_buffer(DType dtype, Shape shape, std::shared_ptr<const Buffer> buffer) {
  if (dtype != DType::kBool) return Tensor(dtype, std::move(shape), std::move(buffer));
  return from_truth_values(Tensor(DType::kUint8, std::move(shape), std::move(buffer)));
}

Result<std::uint64_t> whole_number(const std::string& text, const char* key) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc() || rest != end) {
    return error("onnx.external-data", {},
                 fmt::format("the {} '{}' of the external data is not a whole number", key, text));
  }
  return value;
}

Result<Tensor> from_file(const TensorProto& proto, DType dtype, Shape shape, std::uint64_t bytes,
                         const ExternalFolder& folder) {
  std::string location;
  std::uint64_t offset = 0;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") {
      NT_TRY(offset, whole_number(entry.value(), "offset"));
    }
    if (entry.key() == "length") {
      NT_TRY(const std::uint64_t length, whole_number(entry.value(), "length"));
      if (length != bytes) {
        return error("onnx.external-data", {},
                     fmt::format("the shape {} takes {} bytes, the external data has {}",
                                 to_string(shape), bytes, length));
      }
    }
  }
  NT_TRY(auto buffer, folder.read(location, offset, bytes));
  return from_buffer(dtype, std::move(shape), std::move(buffer));
}

/// `raw` is the proto's own raw_data, or empty storage to take it over from.
Result<Tensor> convert(const TensorProto& proto, const ExternalFolder& folder,
                       std::string* mutable_raw) {
  const auto dtype = dtype_of(proto.data_type());
  if (!dtype) {
    return error("onnx.type", {},
                 fmt::format("it has elements of {}, which networks here do not have",
                             onnx_type_name(proto.data_type())),
                 "store the tensor as float32, or as integers of 8 to 64 bits");
  }
  if (proto.has_segment()) return bad_tensor("it is stored in segments, which are not supported");
  NT_TRY(const std::int64_t count, count_of(proto));
  Shape shape(proto.dims().begin(), proto.dims().end());
  const std::uint64_t bytes = static_cast<std::uint64_t>(count) * byte_size(*dtype);
  const bool external = proto.data_location() == TensorProto::EXTERNAL;
  const bool raw = proto.has_raw_data() && !proto.raw_data().empty();
  if (lists_in_use(proto) + (raw ? 1 : 0) + (external ? 1 : 0) > 1) {
    return bad_tensor("its elements are stored twice, in different ways");
  }
  if (external) return from_file(proto, *dtype, std::move(shape), bytes, folder);
  if (!proto.has_raw_data() || lists_in_use(proto) > 0) {
    return from_lists(proto, *dtype, std::move(shape), count);
  }
  if (proto.raw_data().size() != bytes) {
    return bad_tensor(fmt::format("the shape {} takes {} bytes, raw_data has {}", to_string(shape),
                                  bytes, proto.raw_data().size()));
  }
  auto owner =
      std::make_shared<const std::string>(mutable_raw ? std::move(*mutable_raw) : proto.raw_data());
  const auto view = std::as_bytes(std::span(*owner));
  auto buffer = std::make_shared<const Buffer>(view.data(), view.size(), owner);
  return from_buffer(*dtype, std::move(shape), std::move(buffer));
}

}  // namespace

std::optional<DType> dtype_of(int onnx_type) {
  switch (onnx_type) {
    case TensorProto::FLOAT:
      return DType::kFloat32;
    case TensorProto::UINT8:
      return DType::kUint8;
    case TensorProto::INT8:
      return DType::kInt8;
    case TensorProto::UINT16:
      return DType::kUint16;
    case TensorProto::INT16:
      return DType::kInt16;
    case TensorProto::INT32:
      return DType::kInt32;
    case TensorProto::INT64:
      return DType::kInt64;
    case TensorProto::BOOL:
      return DType::kBool;
    case TensorProto::FLOAT16:
      return DType::kFloat16;
    case TensorProto::DOUBLE:
      return DType::kFloat64;
    case TensorProto::UINT32:
      return DType::kUint32;
    case TensorProto::UINT64:
      return DType::kUint64;
    case TensorProto::BFLOAT16:
      return DType::kBfloat16;
    default:
      return std::nullopt;
  }
}

std::string onnx_type_name(int onnx_type) {
  if (!TensorProto::DataType_IsValid(onnx_type)) return fmt::format("type number {}", onnx_type);
  std::string name = TensorProto::DataType_Name(static_cast<TensorProto::DataType>(onnx_type));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return "type " + name;
}

Result<Tensor> take_tensor(TensorProto& proto, const ExternalFolder& folder) {
  return convert(proto, folder, proto.has_raw_data() ? proto.mutable_raw_data() : nullptr);
}

Result<Tensor> read_tensor(const TensorProto& proto, const ExternalFolder& folder) {
  return convert(proto, folder, nullptr);
}

}  // namespace neurotool::from_onnx
