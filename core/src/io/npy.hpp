// numpy's .npy and .npz files: little-endian or big-endian numbers, C order.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "ir/tensor.hpp"

namespace neurotool {

/// Errors: data.format (with the byte offset), data.missing.
Result<Tensor> parse_npy(std::string_view bytes, std::string_view where);
Result<Tensor> read_npy(const std::filesystem::path& path);
std::string format_npy(const Tensor& tensor);
/// Errors: data.format.
Result<std::vector<std::pair<std::string, Tensor>>> parse_npz(std::string_view bytes,
                                                              std::string_view where);
/// Member names without ".npy", in file order.
Result<std::vector<std::pair<std::string, Tensor>>> read_npz(const std::filesystem::path& path);

}  // namespace neurotool
