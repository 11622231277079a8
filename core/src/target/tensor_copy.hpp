// A tensor that a plugin pushed, copied into one of ours.
#pragma once

#include <neurotool/plugin/abi.h>

#include <string>
#include <tl/expected.hpp>

#include "ir/tensor.hpp"

namespace neurotool {

/// The pushed values in the shape `shape`; any pushed shape with as many elements will do. float32,
/// int32 and int64 are taken. The error continues a sentence: "holds 3 elements, not 10".
tl::expected<Tensor, std::string> copied_tensor(const nt_tensor& pushed, const Shape& shape);

}  // namespace neurotool
