// Resampling: a table of samples for each axis, applied axis by axis, those that shrink first. The
// coordinates follow ONNX's reference, down to which side a tie falls.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "eval/kernel_tools.hpp"
#include "eval/kernels.hpp"
#include "eval/pick_axes.hpp"
#include "ir/resize.hpp"

namespace neurotool::kernels {
namespace {

/// What the output positions of an axis are made of: `taps` places with their weights for each.
struct Samples {
  std::size_t taps = 1;
  std::vector<std::int64_t> places;
  std::vector<double> weights;
  std::vector<bool> outside;  ///< lies outside the crop

  std::size_t rows() const { return outside.size(); }
};

/// Where output position `x` lies on an input axis of extent `in`.
double coordinate(const Resize& op, const ResizeAxis& axis, std::int64_t in, std::int64_t x) {
  const auto at = static_cast<double>(x), length = static_cast<double>(in);
  const auto made = static_cast<double>(axis.extent);
  // Not rounded to an extent: so ONNX defines it.
  const double stretched = axis.scale * length;
  switch (op.coordinates) {
    case ResizeCoordinates::kHalfPixel:
      return (at + 0.5) / axis.scale - 0.5;
    case ResizeCoordinates::kHalfPixelSymmetric:
      return length / 2 * (1 - made / stretched) + (at + 0.5) / axis.scale - 0.5;
    case ResizeCoordinates::kPytorchHalfPixel:
      return axis.extent > 1 ? (at + 0.5) / axis.scale - 0.5 : 0;
    case ResizeCoordinates::kAlignCorners:
      return axis.extent > 1 ? at * (length - 1) / (stretched - 1) : 0;
    case ResizeCoordinates::kAsymmetric:
      return at / axis.scale;
    case ResizeCoordinates::kCropAndResize:
      if (axis.extent > 1) {
        return axis.begin * (length - 1) + at * (axis.end - axis.begin) * (length - 1) / (made - 1);
      }
      return 0.5 * (axis.begin + axis.end) * (length - 1);
  }
  check_failed(__FILE__, __LINE__, "coordinates", "no such coordinates");
}

double nearest(ResizeNearest how, double x) {
  switch (how) {
    case ResizeNearest::kRoundPreferFloor:
      return std::ceil(x - 0.5);
    case ResizeNearest::kRoundPreferCeil:
      return std::floor(x + 0.5);
    case ResizeNearest::kFloor:
      return std::floor(x);
    case ResizeNearest::kCeil:
      return std::ceil(x);
  }
  check_failed(__FILE__, __LINE__, "how", "no such rounding");
}

double cubic(double distance, double a) {
  const double x = std::abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

/// Appends the neighbours of `x` with their weights; they add up to 1.
void interpolate(const Resize& op, double scale, std::int64_t in, double x, Samples& samples) {
  const bool is_cubic = op.mode == ResizeMode::kCubic;
  const double shrink = op.antialias ? std::min(scale, 1.0) : 1.0;
  const double reach = (is_cubic ? 2 : 1) / shrink;
  const double base = std::floor(x);
  const auto first = static_cast<std::int64_t>(std::floor(-reach) + 1);
  const std::size_t begin = samples.weights.size();
  double sum = 0;
  for (std::int64_t i = first; i <= 1 - first; ++i) {
    const double place = base + static_cast<double>(i);
    const double distance = (place - x) * shrink;
    double weight = is_cubic ? cubic(distance, static_cast<double>(op.cubic_a))
                             : std::max(0.0, 1 - std::abs(distance));
    const double inside = std::clamp(place, 0.0, static_cast<double>(in - 1));
    if (op.exclude_outside && place != inside) weight = 0;
    sum += weight;
    samples.places.push_back(static_cast<std::int64_t>(inside));
    samples.weights.push_back(weight);
  }
  for (std::size_t i = begin; i < samples.weights.size(); ++i) samples.weights[i] /= sum;
  samples.taps = samples.weights.size() - begin;
}

Samples samples_of(const Resize& op, const ResizeAxis& axis, std::int64_t in) {
  Samples samples;
  const auto last = static_cast<double>(in - 1);
  for (std::int64_t i = 0; i < axis.extent; ++i) {
    // Far outside, every place shows the same edge.
    double x = coordinate(op, axis, in, i);
    x = std::clamp(x, -4.0 * static_cast<double>(in) - 4, 5.0 * static_cast<double>(in) + 4);
    if (op.mode == ResizeMode::kNearest) {
      const double place = std::clamp(nearest(op.nearest, x), 0.0, last);
      samples.places.push_back(static_cast<std::int64_t>(place));
      samples.weights.push_back(1);
    } else {
      interpolate(op, axis.scale, in, x, samples);
    }
    const bool crops = op.coordinates == ResizeCoordinates::kCropAndResize;
    samples.outside.push_back(crops && (x < 0 || x > last));
  }
  return samples;
}

template <class T>
Tensor resample(const Tensor& in, std::size_t axis, const Samples& table) {
  Shape shape = in.shape();
  const auto from_extent = static_cast<std::size_t>(shape[axis]);
  const std::size_t rows = table.rows(), taps = table.taps;
  shape[axis] = static_cast<std::int64_t>(rows);
  const std::size_t inner = product(std::span(shape).subspan(axis + 1));
  const std::size_t lines = product(std::span(shape).first(axis));
  const T* x = in.as<T>().data();
  Output<T> result(shape);
  for_rows(lines * rows, inner * taps, [&](std::size_t first, std::size_t last) {
    for (std::size_t row = first; row < last; ++row) {
      const std::int64_t* places = table.places.data() + row % rows * taps;
      const double* weights = table.weights.data() + row % rows * taps;
      const T* from = x + row / rows * from_extent * inner;
      for (std::size_t i = 0; i < inner; ++i) {
        double sum = 0;
        for (std::size_t k = 0; k < taps; ++k) {
          const auto place = static_cast<std::size_t>(places[k]);
          sum += weights[k] * static_cast<double>(from[place * inner + i]);
        }
        result.data()[row * inner + i] = static_cast<T>(sum);
      }
    }
  });
  return std::move(result).finish();
}

/// Puts the value for what lies outside the crop where any axis says so.
template <class T>
Tensor with_outside(const Tensor& in, const std::vector<Samples>& tables, T value) {
  const T* x = in.as<T>().data();
  Output<T> result(in.shape());
  for (std::size_t i = 0; i < result.size(); ++i) {
    std::size_t rest = i;
    bool outside = false;
    for (std::size_t axis = in.rank(); axis-- > 0;) {
      const auto extent = static_cast<std::size_t>(in.shape()[axis]);
      outside = outside || (tables[axis].rows() > 0 && tables[axis].outside[rest % extent]);
      rest /= extent;
    }
    result.data()[i] = outside ? value : x[i];
  }
  return std::move(result).finish();
}

Result<ResizeWish> wish_of(Inputs in) {
  const auto given = [&](std::size_t index) { return index < in.size() && in[index].defined(); };
  const auto floats = [&](std::size_t index) {
    const Tensor numbers = in[index].converted(DType::kFloat32);
    const auto values = numbers.as<float>();
    return std::vector<float>(values.begin(), values.end());
  };
  ResizeWish wish;
  if (given(1)) wish.region = floats(1);
  if (given(2) && !(in[2].size() == 0 && given(3))) wish.scales = floats(2);
  if (given(3)) {
    NT_TRY(wish.sizes, integers_of(in[3], "the sizes"));
  }
  return wish;
}

}  // namespace

Result<Tensor> run(const Resize& op, Inputs in, const TensorType& out) {
  const Shape& shape = in[0].shape();
  NT_TRY(const ResizeWish wish, wish_of(in));
  NT_TRY(const auto axes, resize_axes(op, shape, wish));
  if (product(*out.shape) == 0) return Tensor::from_bytes(out.dtype, *out.shape, {});
  std::vector<Samples> tables(shape.size());
  std::vector<std::size_t> order;
  const bool crops = op.coordinates == ResizeCoordinates::kCropAndResize;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool whole = axes[i].begin == 0 && axes[i].end == 1;
    if (axes[i].extent == shape[i] && axes[i].scale == 1 && (!crops || whole)) continue;
    tables[i] = samples_of(op, axes[i], shape[i]);
    order.push_back(i);
  }
  if (op.mode == ResizeMode::kNearest && !crops) {
    std::vector<std::vector<std::int64_t>> picks(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
      picks[i].resize(static_cast<std::size_t>((*out.shape)[i]));
      std::iota(picks[i].begin(), picks[i].end(), std::int64_t{0});
      if (tables[i].rows() > 0) picks[i] = std::move(tables[i].places);
    }
    return pick_axes(in[0], picks);
  }
  std::ranges::stable_sort(order, {}, [&](std::size_t i) {
    return static_cast<double>(axes[i].extent) / static_cast<double>(shape[i]);
  });
  return with_real(out.dtype, "resampling", [&]<class T>(T) -> Result<Tensor> {
    Tensor result = in[0];
    for (const std::size_t axis : order) result = resample<T>(result, axis, tables[axis]);
    return crops ? with_outside<T>(result, tables, static_cast<T>(op.outside)) : result;
  });
}

}  // namespace neurotool::kernels
