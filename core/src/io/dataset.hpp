// Samples and labels from files: idx and CIFAR-10 binary (plain or gzip), npy, npz.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ir/samples.hpp"

namespace neurotool {

enum class DataFormat { kAuto, kIdx, kCifar10, kNpy, kNpz };

/// What to do with stored values: x = (stored / divide - mean[c]) / std[c], in float32.
struct Preprocess {
  double divide = 1;
  std::vector<double> mean, std;  ///< empty, one, or one per channel (axis 0 of a sample)
};

struct DatasetSpec {
  std::filesystem::path images;  ///< the samples; for CIFAR-10 and npz also the labels
  std::optional<std::filesystem::path> labels;
  DataFormat format = DataFormat::kAuto;       ///< auto: by content
  std::string array = "x", label_array = "y";  ///< names inside an npz
  std::int64_t first = 0;
  std::int64_t count = 0;  ///< 0 = to the end
  Preprocess preprocess;
};

/// Opens a data set whose samples have `sample_shape` (a model input without its batch axis). A
/// stored [28,28] fits [1,28,28] and [784]. Errors: data.missing, data.format, data.shape,
/// data.labels, data.range.
Result<std::unique_ptr<SampleSource>> open_dataset(const DatasetSpec& spec,
                                                   const Shape& sample_shape);

}  // namespace neurotool
