// Which format a file has, what arrays are in it, and which of them are samples and labels.
#include "io/data_files.hpp"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "io/bytes.hpp"
#include "io/cifar.hpp"
#include "io/idx.hpp"
#include "io/npy.hpp"

namespace neurotool {
namespace {

Location at(const std::filesystem::path& path) { return FilePosition{.path = path.string()}; }

bool is_zip(std::string_view bytes) {
  // An archive without members begins with its end.
  return bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06");
}

/// By content. CIFAR-10 has no mark of its own: an idx file whose length fits goes first.
std::optional<DataFormat> detect(std::string_view bytes) {
  if (bytes.starts_with("\x93NUMPY")) return DataFormat::kNpy;
  if (is_zip(bytes)) return DataFormat::kNpz;
  if (looks_like_idx(bytes) && idx_length_fits(bytes)) return DataFormat::kIdx;
  if (looks_like_cifar10(bytes)) return DataFormat::kCifar10;
  if (looks_like_idx(bytes)) return DataFormat::kIdx;
  return std::nullopt;
}

Result<DataFormat> format_of(std::string_view bytes, DataFormat wanted,
                             const std::filesystem::path& path) {
  if (wanted != DataFormat::kAuto) return wanted;
  if (const auto found = detect(bytes)) return *found;
  return bad_format(
      path.string(),
      fmt::format("the {} bytes are neither idx nor CIFAR-10 records, npy or npz", bytes.size()),
      "these four formats are read, the first two also as gzip");
}

/// Every class index as int32. `path` is where the labels are from.
Result<std::vector<std::int32_t>> class_indices(const Tensor& tensor,
                                                const std::filesystem::path& path) {
  const auto wrong = [&](std::string message, std::string help) {
    return error("data.labels", at(path), std::move(message), std::move(help));
  };
  const Shape& shape = tensor.shape();
  const bool flat = shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
  if (!is_integer(tensor.dtype()) || !flat) {
    return wrong(fmt::format("labels of {}{} are not one whole number for each sample",
                             short_name(tensor.dtype()), to_string(shape)),
                 "store class indices, not one-hot rows or scores");
  }
  std::vector<std::int32_t> labels;
  labels.reserve(static_cast<std::size_t>(tensor.size()));
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    const double label = tensor.at(i);
    if (label < 0 || label > std::numeric_limits<std::int32_t>::max()) {
      return wrong(fmt::format("label {} is {}, which is no class index", i, number_text(label)),
                   "class indices count from 0");
    }
    labels.push_back(static_cast<std::int32_t>(label));
  }
  return labels;
}

/// The array `name` of an archive, or nothing.
using Arrays = std::vector<std::pair<std::string, Tensor>>;
const Tensor* find(const Arrays& arrays, std::string_view name) {
  for (const auto& [key, tensor] : arrays) {
    if (key == name) return &tensor;
  }
  return nullptr;
}

Error no_array(const Arrays& arrays, const std::string& name, const std::filesystem::path& path) {
  std::vector<std::string> names;
  for (const auto& [key, tensor] : arrays) names.push_back(key);
  return error("data.missing", at(path), fmt::format("there is no array '{}' in the archive", name),
               names.empty() ? "the archive is empty" : suggest(name, names));
}

Result<StoredData> from_npz(std::string_view bytes, const DatasetSpec& spec) {
  NT_TRY(const Arrays arrays, parse_npz(bytes, spec.images.string()));
  const Tensor* samples = find(arrays, spec.array);
  if (samples == nullptr) return no_array(arrays, spec.array, spec.images);
  StoredData data{.samples = *samples, .labels = {}};
  if (spec.labels) return data;
  const Tensor* labels = find(arrays, spec.label_array);
  const bool asked_for = spec.label_array != DatasetSpec{}.label_array;
  if (labels == nullptr && asked_for) return no_array(arrays, spec.label_array, spec.images);
  if (labels == nullptr) return data;
  NT_TRY(data.labels, class_indices(*labels, spec.images));
  return data;
}

Result<StoredData> read_samples(const DatasetSpec& spec) {
  NT_TRY(const std::string bytes, read_data_file(spec.images));
  NT_TRY(const DataFormat format, format_of(bytes, spec.format, spec.images));
  const std::string where = spec.images.string();
  StoredData data;
  switch (format) {
    case DataFormat::kAuto:
      break;
    case DataFormat::kIdx: {
      NT_TRY(data.samples, parse_idx(bytes, where));
      break;
    }
    case DataFormat::kNpy: {
      NT_TRY(data.samples, parse_npy(bytes, where));
      break;
    }
    case DataFormat::kNpz:
      return from_npz(bytes, spec);
    case DataFormat::kCifar10: {
      NT_TRY(CifarRecords records, parse_cifar10(bytes, where));
      data = {.samples = std::move(records.images), .labels = std::move(records.labels)};
      break;
    }
  }
  return data;
}

/// A file of labels has a format of its own, so it is always told by its content.
Result<std::vector<std::int32_t>> read_labels(const std::filesystem::path& path,
                                              const std::string& array) {
  NT_TRY(const std::string bytes, read_data_file(path));
  NT_TRY(const DataFormat format, format_of(bytes, DataFormat::kAuto, path));
  if (format == DataFormat::kCifar10) {
    NT_TRY(CifarRecords records, parse_cifar10(bytes, path.string()));
    return std::move(records.labels);
  }
  if (format == DataFormat::kNpz) {
    NT_TRY(const Arrays arrays, parse_npz(bytes, path.string()));
    const Tensor* labels = find(arrays, array);
    return labels != nullptr ? class_indices(*labels, path) : no_array(arrays, array, path);
  }
  NT_TRY(const Tensor tensor, format == DataFormat::kIdx ? parse_idx(bytes, path.string())
                                                         : parse_npy(bytes, path.string()));
  return class_indices(tensor, path);
}

}  // namespace

Result<StoredData> read_stored_data(const DatasetSpec& spec) {
  NT_TRY(StoredData data, read_samples(spec));
  if (data.samples.rank() == 0) {
    return error("data.shape", at(spec.images),
                 "the array is a single number, not a list of samples",
                 "the first axis of the array counts the samples");
  }
  if (spec.labels) {
    NT_TRY(data.labels, read_labels(*spec.labels, spec.label_array));
  }
  const auto samples = static_cast<std::size_t>(data.samples.shape()[0]);
  const bool labelled = spec.labels || !data.labels.empty();
  if (labelled && data.labels.size() != samples) {
    return error("data.labels", at(spec.labels.value_or(spec.images)),
                 fmt::format("there are {} labels for {} samples", data.labels.size(), samples),
                 "the labels belong to another set, or one of the files is cut off");
  }
  return data;
}

}  // namespace neurotool
