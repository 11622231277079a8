// A data set's files, read and taken apart: the stored samples and their labels, before anything is
// selected or preprocessed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/dataset.hpp"
#include "ir/tensor.hpp"

namespace neurotool {

struct StoredData {
  Tensor samples;                    ///< [samples, …] as stored
  std::vector<std::int32_t> labels;  ///< one for each sample, or none at all
};

/// Reads what the spec names. Errors: data.missing, data.format, data.shape, data.labels.
Result<StoredData> read_stored_data(const DatasetSpec& spec);

}  // namespace neurotool
