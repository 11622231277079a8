// Samples for passes and runs: a selection of the stored ones, checked against the shape that the
// model wants, preprocessed in float32 when they are asked for. Nothing changes after opening, so
// batches may be made on any thread.
#include "io/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.hpp"
#include "io/data_files.hpp"

namespace neurotool {
namespace {

/// One channel's x = (stored / divide - mean) / std.
struct Scaling {
  float mean = 0, std = 1;
};

class StoredDataset final : public SampleSource {
 public:
  StoredDataset(DatasetSpec spec, StoredData data, Shape sample_shape)
      : path_(spec.images.string()),
        name_(spec.images.filename().string()),
        samples_(std::move(data.samples)),
        labels_(std::move(data.labels)),
        sample_shape_(std::move(sample_shape)),
        sample_size_(element_count(sample_shape_).value_or(0)),
        first_(spec.first),
        size_(spec.count),
        divide_(static_cast<float>(spec.preprocess.divide)) {
    const auto& [divide, mean, std] = spec.preprocess;
    const std::size_t channels = std::max({mean.size(), std.size(), std::size_t{1}});
    const auto pick = [](const std::vector<double>& from, std::size_t c, float fallback) {
      return from.empty() ? fallback : static_cast<float>(from[from.size() == 1 ? 0 : c]);
    };
    for (std::size_t c = 0; c < channels; ++c) {
      scaling_.push_back({.mean = pick(mean, c, 0), .std = pick(std, c, 1)});
    }
  }

  std::string name() const override { return name_; }
  std::int64_t size() const override { return size_; }
  const Shape& sample_shape() const override { return sample_shape_; }
  const std::vector<std::int32_t>& labels() const override { return labels_; }

  Result<Tensor> batch(std::int64_t first, std::int64_t count) const override {
    NT_CHECK(first >= 0 && count >= 0 && first <= size_ && count <= size_ - first,
             fmt::format("samples {} to {} of {}", first, first + count, size_));
    std::vector<float> values(static_cast<std::size_t>(count * sample_size_));
    const std::int64_t begin = (first_ + first) * sample_size_;
    switch (samples_.dtype()) {
      case DType::kUint8:
        copy(samples_.as<std::uint8_t>(), begin, values);
        break;
      case DType::kFloat32:
        copy(samples_.as<float>(), begin, values);
        break;
      case DType::kFloat64:
        copy(samples_.as<double>(), begin, values);
        break;
      default:
        copy_any(begin, values);
        break;
    }
    NT_TRY_VOID(scale(values, first));
    Shape shape = sample_shape_;
    shape.insert(shape.begin(), count);
    return Tensor::from(std::move(shape), std::move(values));
  }

 private:
  template <class T>
  static void copy(std::span<const T> from, std::int64_t begin, std::vector<float>& to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = static_cast<float>(from[static_cast<std::size_t>(begin) + i]);
    }
  }

  void copy_any(std::int64_t begin, std::vector<float>& to) const {
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = static_cast<float>(samples_.at(begin + static_cast<std::int64_t>(i)));
    }
  }

  /// `first`: the sample that `values` begin with, for the message.
  Result<> scale(std::vector<float>& values, std::int64_t first) const {
    const auto sample = static_cast<std::size_t>(sample_size_);
    const std::size_t plane = sample / scaling_.size();
    for (std::size_t begin = 0; begin < values.size(); begin += plane) {
      const auto [mean, std] = scaling_[begin % sample / plane];
      for (std::size_t i = begin; i < begin + plane; ++i) {
        values[i] = (values[i] / divide_ - mean) / std;
        if (!std::isfinite(values[i])) return not_finite(i, first);
      }
    }
    return {};
  }

  Error not_finite(std::size_t index, std::int64_t first) const {
    const auto sample = static_cast<std::size_t>(sample_size_);
    const std::int64_t number = first_ + first + static_cast<std::int64_t>(index / sample);
    const auto element = static_cast<std::int64_t>(index % sample);
    return error("data.range", FilePosition{.path = path_},
                 fmt::format("element {} of sample {} is stored as {}, which is no finite number "
                             "after preprocessing",
                             element, number, samples_.at(number * sample_size_ + element)));
  }

  std::string path_, name_;
  Tensor samples_;
  std::vector<std::int32_t> labels_;
  Shape sample_shape_;
  std::int64_t sample_size_, first_, size_;
  float divide_;
  std::vector<Scaling> scaling_;  ///< one for all, or one per channel
};

Location at(const DatasetSpec& spec) { return FilePosition{.path = spec.images.string()}; }

Shape without_ones(const Shape& shape) {
  Shape kept = shape;
  std::erase(kept, 1);
  return kept;
}

/// The shape of a sample for the model, from the stored one: extents of one are no difference, and
/// a list may become an image or the other way round. Nothing if they do not go together.
std::optional<Shape> fitted(const Shape& stored, const Shape& wanted) {
  const bool open = std::ranges::find(wanted, kFreeDim) != wanted.end();
  if (open) {
    const auto agrees = [](std::int64_t have, std::int64_t want) {
      return want == kFreeDim || want == have;
    };
    const bool same = std::ranges::equal(stored, wanted, agrees);
    return same ? std::optional(stored) : std::nullopt;
  }
  const bool list = stored.size() == 1 || wanted.size() == 1;
  const bool fits = without_ones(stored) == without_ones(wanted) ||
                    (list && element_count(stored) == element_count(wanted));
  return fits ? std::optional(wanted) : std::nullopt;
}

/// A model that wants [3,32,32] and a file of [32,32,3].
bool channels_are_last(const Shape& stored, const Shape& wanted) {
  return stored.size() == 3 && wanted.size() == 3 &&
         Shape{stored[2], stored[0], stored[1]} == wanted;
}

Result<Shape> check_shape(const DatasetSpec& spec, const Tensor& samples, const Shape& wanted) {
  const Shape stored(samples.shape().begin() + 1, samples.shape().end());
  if (auto shape = fitted(stored, wanted); shape && element_count(*shape).value_or(0) > 0) {
    return *std::move(shape);
  }
  return error("data.shape", at(spec),
               fmt::format("the model wants samples of {}, the file has samples of {}",
                           to_string(wanted), to_string(stored)),
               channels_are_last(stored, wanted)
                   ? "store the channels first, as [channels,height,width]"
                   : "give the data that the model was trained for");
}

Result<> check_range(DatasetSpec& spec, std::int64_t stored) {
  const bool inside = spec.first >= 0 && spec.first < stored && spec.count >= 0 &&
                      spec.count <= stored - spec.first;
  if (!inside) {
    return error(
        "data.range", at(spec),
        spec.count == 0
            ? fmt::format("samples from {} on were asked for, the file has {}", spec.first, stored)
            : fmt::format("{} samples from {} on were asked for, the file has {}", spec.count,
                          spec.first, stored),
        "samples count from 0; a count of 0 means all that follow");
  }
  if (spec.count == 0) spec.count = stored - spec.first;
  return {};
}

Result<> check_preprocess(const DatasetSpec& spec, const Shape& sample_shape) {
  const auto& [divide, mean, std] = spec.preprocess;
  const std::int64_t channels = sample_shape.empty() ? 1 : sample_shape[0];
  const auto wrong = [&](std::string message, std::string help) {
    return error("data.range", at(spec), std::move(message), std::move(help));
  };
  const auto divides = [](double value) {
    return std::isfinite(value) && static_cast<float>(value) != 0;
  };
  if (!divides(divide)) {
    return wrong(fmt::format("stored values cannot be divided by {}", number_text(divide)),
                 "divide by 255 to bring bytes to 0 to 1");
  }
  for (const auto& [name, list] : {std::pair{"mean", &mean}, std::pair{"std", &std}}) {
    if (list->size() > 1 && std::ssize(*list) != channels) {
      return wrong(fmt::format("{} has {} values, a sample of {} has {} channels", name,
                               list->size(), to_string(sample_shape), channels),
                   "give one value for all channels, or one for each");
    }
  }
  if (!std::ranges::all_of(std, divides) ||
      !std::ranges::all_of(mean, [](double value) { return std::isfinite(value); })) {
    return wrong("a mean is not finite, or a std is 0 or not finite", "use finite numbers");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<SampleSource>> open_dataset(const DatasetSpec& spec,
                                                   const Shape& sample_shape) {
  NT_TRY(StoredData data, read_stored_data(spec));
  NT_TRY(Shape shape, check_shape(spec, data.samples, sample_shape));
  DatasetSpec selected = spec;
  NT_TRY_VOID(check_range(selected, data.samples.shape()[0]));
  NT_TRY_VOID(check_preprocess(selected, shape));
  if (!data.labels.empty()) {
    const auto begin = data.labels.begin() + static_cast<std::ptrdiff_t>(selected.first);
    data.labels = {begin, begin + static_cast<std::ptrdiff_t>(selected.count)};
  }
  return std::unique_ptr<SampleSource>(
      std::make_unique<StoredDataset>(std::move(selected), std::move(data), std::move(shape)));
}

}  // namespace neurotool
