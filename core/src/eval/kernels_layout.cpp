// Ops that move elements without looking at them: they work on bytes, whatever the type.
#include <algorithm>
#include <cstring>

#include "eval/kernel_tools.hpp"
#include "eval/kernels.hpp"
#include "eval/pick_axes.hpp"

namespace neurotool::kernels {
namespace {

/// One side of a copy: where it begins and how far its axes step, in elements.
struct Side {
  std::int64_t offset = 0;
  std::vector<std::int64_t> strides;
};

/// Copies a box of elements of `size` bytes from one layout to another.
void copy_box(const Shape& extents, std::byte* to, const Side& to_side, const std::byte* from,
              const Side& from_side, std::size_t size) {
  if (product(extents) == 0) return;
  const std::int64_t bytes = static_cast<std::int64_t>(size);
  if (extents.empty()) {
    std::memcpy(to + to_side.offset * bytes, from + from_side.offset * bytes, size);
    return;
  }
  const std::size_t inner = extents.size() - 1;
  const std::int64_t extent = extents[inner];
  const bool contiguous =
      extent == 1 || (to_side.strides[inner] == 1 && from_side.strides[inner] == 1);
  const std::size_t rows = product(std::span(extents).first(inner));
  for_rows(rows, static_cast<std::size_t>(extent), [&](std::size_t first, std::size_t last) {
    for (std::size_t row = first; row < last; ++row) {
      std::int64_t at_to = to_side.offset, at_from = from_side.offset;
      auto rest = static_cast<std::int64_t>(row);
      for (std::size_t i = inner; i-- > 0;) {
        at_to += rest % extents[i] * to_side.strides[i];
        at_from += rest % extents[i] * from_side.strides[i];
        rest /= extents[i];
      }
      if (contiguous) {
        std::memcpy(to + at_to * bytes, from + at_from * bytes,
                    static_cast<std::size_t>(extent) * size);
        continue;
      }
      for (std::int64_t i = 0; i < extent; ++i) {
        std::memcpy(to + (at_to + i * to_side.strides[inner]) * bytes,
                    from + (at_from + i * from_side.strides[inner]) * bytes, size);
      }
    }
  });
}

/// Room for a tensor of `type`, as bytes; aligned for any element type.
class Bytes {
 public:
  Bytes(DType dtype, const Shape& shape)
      : dtype_(dtype),
        shape_(shape),
        size_(product(shape) * byte_size(dtype)),
        data_(std::make_shared_for_overwrite<std::uint64_t[]>(size_ / 8 + 1)) {}

  std::byte* data() { return reinterpret_cast<std::byte*>(data_.get()); }

  Tensor finish() && {
    auto buffer = std::make_shared<const Buffer>(data(), size_, data_);
    return Tensor(dtype_, std::move(shape_), std::move(buffer));
  }

 private:
  DType dtype_;
  Shape shape_;
  std::size_t size_;
  std::shared_ptr<std::uint64_t[]> data_;
};

/// Every element of `out` is the one element at `value`, or zero.
void fill(Bytes& out, const Shape& shape, std::size_t size, const std::byte* value) {
  const std::size_t count = product(shape);
  std::memset(out.data(), 0, count * size);
  if (!value || std::all_of(value, value + size, [](std::byte b) { return b == std::byte{0}; })) {
    return;
  }
  for (std::size_t i = 0; i < count; ++i) std::memcpy(out.data() + i * size, value, size);
}

Result<std::vector<std::int64_t>> optional_list(Inputs in, std::size_t index, const char* what) {
  if (index >= in.size() || !in[index].defined()) return std::vector<std::int64_t>();
  return integers_of(in[index], what);
}

}  // namespace

Result<Tensor> run(const Flatten&, Inputs in, const TensorType& out) {
  return in[0].reshaped(*out.shape);
}

Result<Tensor> run(const Reshape&, Inputs in, const TensorType& out) {
  return in[0].reshaped(*out.shape);
}

Result<Tensor> run(const Squeeze&, Inputs in, const TensorType& out) {
  return in[0].reshaped(*out.shape);
}

Result<Tensor> run(const Unsqueeze&, Inputs in, const TensorType& out) {
  return in[0].reshaped(*out.shape);
}

Result<Tensor> run(const Identity&, Inputs in, const TensorType&) { return in[0]; }

Result<Tensor> run(const Transpose& op, Inputs in, const TensorType& out) {
  const auto strides = strides_of(in[0].shape());
  const std::size_t rank = strides.size();
  Side from{.offset = 0, .strides = std::vector<std::int64_t>(rank)};
  for (std::size_t i = 0; i < rank; ++i) {
    std::size_t axis = rank - 1 - i;
    if (!op.perm.empty()) {
      NT_TRY(axis, normal_axis(op.perm[i], rank, "permuted axis"));
    }
    from.strides[i] = strides[axis];
  }
  Bytes result(out.dtype, *out.shape);
  copy_box(*out.shape, result.data(), {.offset = 0, .strides = strides_of(*out.shape)},
           in[0].data(), from, byte_size(out.dtype));
  return std::move(result).finish();
}

Result<Tensor> run(const Concat& op, Inputs in, const TensorType& out) {
  NT_TRY(const std::size_t axis, normal_axis(op.axis, out.shape->size(), "concat axis"));
  const std::size_t size = byte_size(out.dtype);
  const std::size_t outer = product(std::span(*out.shape).first(axis));
  const std::size_t line = product(std::span(*out.shape).subspan(axis)) * size;
  Bytes result(out.dtype, *out.shape);
  std::size_t begin = 0;
  for (const Tensor& part : in) {
    const std::size_t piece = product(std::span(part.shape()).subspan(axis)) * size;
    for (std::size_t i = 0; i < outer && piece > 0; ++i) {
      std::memcpy(result.data() + i * line + begin, part.data() + i * piece, piece);
    }
    begin += piece;
  }
  return std::move(result).finish();
}

Result<Tensor> run(const Slice&, Inputs in, const TensorType& out) {
  NT_TRY(const auto starts, integers_of(in[1], "the starts"));
  NT_TRY(const auto ends, integers_of(in[2], "the ends"));
  NT_TRY(const auto axes, optional_list(in, 3, "the axes"));
  NT_TRY(const auto steps, optional_list(in, 4, "the steps"));
  NT_TRY(const auto ranges, slice_ranges(in[0].shape(), starts, ends, axes, steps));
  const auto strides = strides_of(in[0].shape());
  Side from;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    from.offset += ranges[i].start * strides[i];
    // A step may be huge where it is never taken.
    from.strides.push_back(ranges[i].count > 1 ? ranges[i].step * strides[i] : 0);
  }
  Bytes result(out.dtype, *out.shape);
  copy_box(*out.shape, result.data(), {.offset = 0, .strides = strides_of(*out.shape)},
           in[0].data(), from, byte_size(out.dtype));
  return std::move(result).finish();
}

Result<Tensor> run(const Pad& op, Inputs in, const TensorType& out) {
  const Shape& data = in[0].shape();
  NT_TRY(const auto pads, integers_of(in[1], "the pads"));
  NT_TRY(const auto axes, optional_list(in, 3, "the padded axes"));
  NT_TRY(const auto amounts, pad_amounts(data.size(), pads, axes));
  if (op.mode != PadMode::kConstant) return pad_with_data(op.mode, in[0], amounts, out);
  const bool has_value = in.size() > 2 && in[2].defined();
  if (has_value && in[2].size() != 1) {
    return error("eval.shape", {},
                 fmt::format("a pad value must be one number, got {}", to_string(in[2].shape())));
  }
  Side from{.offset = 0, .strides = strides_of(data)};
  Side to{.offset = 0, .strides = strides_of(*out.shape)};
  Shape kept = data;
  for (std::size_t i = 0; i < data.size(); ++i) {
    // Negative pads crop: the copy starts inside the input.
    const auto [begin, end] = amounts[i];
    kept[i] += std::min<std::int64_t>(begin, 0) + std::min<std::int64_t>(end, 0);
    from.offset += std::max<std::int64_t>(-begin, 0) * from.strides[i];
    to.offset += std::max<std::int64_t>(begin, 0) * to.strides[i];
  }
  const std::size_t size = byte_size(out.dtype);
  Bytes result(out.dtype, *out.shape);
  fill(result, *out.shape, size, has_value ? in[2].data() : nullptr);
  if (std::ranges::all_of(kept, [](std::int64_t extent) { return extent > 0; })) {
    copy_box(kept, result.data(), to, in[0].data(), from, size);
  }
  return std::move(result).finish();
}

Result<Tensor> run(const Gather& op, Inputs in, const TensorType& out) {
  const Shape& data = in[0].shape();
  NT_TRY(const std::size_t axis, normal_axis(op.axis, data.size(), "gather axis"));
  const std::size_t size = byte_size(out.dtype);
  const std::size_t outer = product(std::span(data).first(axis));
  const std::size_t piece = product(std::span(data).subspan(axis + 1)) * size;
  const auto extent = static_cast<std::size_t>(data[axis]);
  const auto count = static_cast<std::size_t>(in[1].size());
  const Tensor indices = in[1].converted(DType::kInt64);
  Bytes result(out.dtype, *out.shape);
  for (std::size_t i = 0; i < outer; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      const std::int64_t index = indices.as<std::int64_t>()[j];
      const auto at = static_cast<std::size_t>(index < 0 ? index + data[axis] : index);
      std::memcpy(result.data() + (i * count + j) * piece, in[0].data() + (i * extent + at) * piece,
                  piece);
    }
  }
  return std::move(result).finish();
}

Result<Tensor> run(const ShapeOf& op, Inputs in, const TensorType& out) {
  const auto rank = static_cast<std::int64_t>(in[0].rank());
  const std::int64_t start =
      std::clamp(op.start < 0 ? op.start + rank : op.start, std::int64_t{0}, rank);
  const auto first = in[0].shape().begin() + start;
  return Tensor::from<std::int64_t>(*out.shape,
                                    std::vector<std::int64_t>(first, first + (*out.shape)[0]));
}

Result<Tensor> run(const ConstantOfShape& op, Inputs, const TensorType& out) {
  Bytes result(out.dtype, *out.shape);
  fill(result, *out.shape, byte_size(out.dtype), op.value.data());
  return std::move(result).finish();
}

}  // namespace neurotool::kernels
