// The idx format of MNIST: a type, the extents, the numbers, all big-endian.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "ir/tensor.hpp"

namespace neurotool {

/// True if the bytes begin as an idx file does; they may still be too short for what they announce.
bool looks_like_idx(std::string_view bytes);
/// True if an idx file's extents account for all bytes. Only when looks_like_idx().
bool idx_length_fits(std::string_view bytes);

/// Errors: data.format. `where` is the file's name in messages.
Result<Tensor> parse_idx(std::string_view bytes, std::string_view where);

}  // namespace neurotool
