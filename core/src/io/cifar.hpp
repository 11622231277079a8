// CIFAR-10's binary format: records of one label byte and 3*32*32 pixel bytes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "ir/tensor.hpp"

namespace neurotool {

struct CifarRecords {
  Tensor images;  ///< uint8 [records,3,32,32]
  std::vector<std::int32_t> labels;
};

/// True if the length is a whole number of records and every label is below 10.
bool looks_like_cifar10(std::string_view bytes);

/// Errors: data.format, data.labels.
Result<CifarRecords> parse_cifar10(std::string_view bytes, std::string_view where);

}  // namespace neurotool
