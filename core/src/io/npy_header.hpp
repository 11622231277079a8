// The text in front of the numbers of a .npy file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "io/bytes.hpp"
#include "ir/tensor.hpp"

namespace neurotool {

struct NpyHeader {
  DType dtype = DType::kFloat32;
  ByteOrder order = ByteOrder::kLittle;
  bool fortran_order = false;
  Shape shape;
  std::size_t size = 0;  ///< bytes up to the first element
};

/// Reads magic, version and dictionary. Errors: data.format, with the byte offset.
Result<NpyHeader> parse_npy_header(std::string_view bytes, std::string_view where);

/// Version 1.0, padded so that the elements begin at a multiple of 64. bfloat16 has no name there.
std::string format_npy_header(DType dtype, const Shape& shape);

}  // namespace neurotool
