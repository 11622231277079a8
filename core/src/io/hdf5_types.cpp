// The library converts byte order and widths; all that is decided here is which of our types holds
// the stored numbers without loss. Half-precision types have no name in the library and are built.
#include "io/hdf5_types.hpp"

#include <array>
#include <cstring>

namespace neurotool {
namespace {

struct HalfLayout {
  std::size_t exponent_bits, fraction_bits, bias;
};
constexpr HalfLayout kFloat16Layout{5, 10, 15}, kBfloat16Layout{8, 7, 127};

Handle half_type(const HalfLayout& layout) {
  Handle type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  if (!type) return type;
  H5Tset_fields(type.id(), 15, layout.fraction_bits, layout.exponent_bits, 0, layout.fraction_bits);
  H5Tset_size(type.id(), 2);
  H5Tset_ebias(type.id(), layout.bias);
  return type;
}

bool has_layout(hid_t type, const HalfLayout& layout) {
  std::size_t sign, exponent, exponent_bits, fraction, fraction_bits;
  return H5Tget_size(type) == 2 && H5Tget_precision(type) == 16 &&
         H5Tget_fields(type, &sign, &exponent, &exponent_bits, &fraction, &fraction_bits) >= 0 &&
         sign == 15 && exponent == layout.fraction_bits && exponent_bits == layout.exponent_bits &&
         fraction == 0 && fraction_bits == layout.fraction_bits &&
         H5Tget_ebias(type) == layout.bias;
}

Handle copy_of(hid_t type) { return {H5Tcopy(type), H5Tclose}; }

/// Little-endian; both machines that matter are.
Handle bool_type() {
  Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
  const std::array<std::int8_t, 2> values{0, 1};
  if (type) {
    H5Tenum_insert(type.id(), "FALSE", &values[0]);
    H5Tenum_insert(type.id(), "TRUE", &values[1]);
  }
  return type;
}

bool is_bool(hid_t type) {
  if (H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return false;
  for (unsigned i = 0; i < 2; ++i) {
    char* name = H5Tget_member_name(type, i);
    const bool expected = name != nullptr && std::strcmp(name, i == 0 ? "FALSE" : "TRUE") == 0;
    if (name != nullptr) H5free_memory(name);
    std::int8_t value = -1;
    if (!expected || H5Tget_member_value(type, i, &value) < 0 || value != static_cast<int>(i)) {
      return false;
    }
  }
  return true;
}

std::optional<NumberType> whole_type(hid_t stored) {
  const bool has_sign = H5Tget_sign(stored) != H5T_SGN_NONE;
  const std::size_t size = H5Tget_size(stored);
  if (size == 0 || size > 8) return std::nullopt;
  const DType dtype = size == 1   ? (has_sign ? DType::kInt8 : DType::kUint8)
                      : size == 2 ? (has_sign ? DType::kInt16 : DType::kUint16)
                      : size <= 4 ? (has_sign ? DType::kInt32 : DType::kUint32)
                                  : (has_sign ? DType::kInt64 : DType::kUint64);
  return NumberType{dtype, type_in_memory(dtype)};
}

std::optional<NumberType> enumeration_type(hid_t stored) {
  if (is_bool(stored)) return NumberType{DType::kBool, bool_type()};
  // The numbers behind the names are read as they are, which needs a type with the same layout.
  const Handle base(H5Tget_super(stored), H5Tclose);
  auto whole = base ? whole_type(base.id()) : std::nullopt;
  const bool same = whole && H5Tequal(base.id(), whole->in_memory.id()) > 0;
  if (!same) return std::nullopt;
  whole->in_memory = copy_of(stored);
  return whole;
}

NumberType real_type(hid_t stored) {
  for (const DType half : {DType::kFloat16, DType::kBfloat16}) {
    if (has_layout(stored, half == DType::kFloat16 ? kFloat16Layout : kBfloat16Layout)) {
      return {half, type_in_memory(half)};
    }
  }
  const DType dtype = H5Tget_size(stored) <= 4 ? DType::kFloat32 : DType::kFloat64;
  return {dtype, type_in_memory(dtype)};
}

}  // namespace

std::optional<NumberType> number_type(hid_t stored) {
  switch (H5Tget_class(stored)) {
    case H5T_INTEGER:
      return whole_type(stored);
    case H5T_FLOAT:
      return real_type(stored);
    case H5T_ENUM:
      return enumeration_type(stored);
    default:
      return std::nullopt;
  }
}

Handle type_to_store(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return bool_type();
    case DType::kInt8:
      return copy_of(H5T_STD_I8LE);
    case DType::kUint8:
      return copy_of(H5T_STD_U8LE);
    case DType::kInt16:
      return copy_of(H5T_STD_I16LE);
    case DType::kUint16:
      return copy_of(H5T_STD_U16LE);
    case DType::kInt32:
      return copy_of(H5T_STD_I32LE);
    case DType::kUint32:
      return copy_of(H5T_STD_U32LE);
    case DType::kInt64:
      return copy_of(H5T_STD_I64LE);
    case DType::kUint64:
      return copy_of(H5T_STD_U64LE);
    case DType::kFloat16:
      return half_type(kFloat16Layout);
    case DType::kBfloat16:
      return half_type(kBfloat16Layout);
    case DType::kFloat32:
      return copy_of(H5T_IEEE_F32LE);
    case DType::kFloat64:
      return copy_of(H5T_IEEE_F64LE);
  }
  check_failed(__FILE__, __LINE__, "dtype", "no such element type");
}

Handle type_in_memory(DType dtype) {
  Handle type = type_to_store(dtype);
  if (type && dtype != DType::kBool) H5Tset_order(type.id(), H5Tget_order(H5T_NATIVE_INT));
  return type;
}

std::string class_words(hid_t stored) {
  switch (H5Tget_class(stored)) {
    case H5T_INTEGER:
      return "a wide integer";
    case H5T_FLOAT:
      return "a number";
    case H5T_TIME:
      return "a time";
    case H5T_STRING:
      return "a string";
    case H5T_BITFIELD:
      return "a bit field";
    case H5T_OPAQUE:
      return "opaque bytes";
    case H5T_COMPOUND:
      return "a compound";
    case H5T_REFERENCE:
      return "a reference";
    case H5T_ENUM:
      return "an enumeration";
    case H5T_VLEN:
      return "lists of varying length";
    case H5T_ARRAY:
      return "arrays";
    default:
      return "no known type";
  }
}

}  // namespace neurotool
