// The only file that knows oneDNN. A prepared product keeps its primitive, the memory formats that
// oneDNN chose, and the packed weight when that never changes. What oneDNN has no implementation
// for goes to the plain loops.
#include "eval/tensor_linear.hpp"

#include <omp.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <utility>

#include "eval/kernel_tools.hpp"
#include "eval/mat_mul_plan.hpp"

namespace neurotool {
namespace {

using dnnl::memory;
using kernels::Inputs;
using kernels::Output;

/// Rows of one piece of a matrix product. A last piece with fewer rows is filled up with zeros:
/// each row then comes out of the same code whatever the batch.
constexpr std::int64_t kRows = 32;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

/// Keeps oneDNN's OpenMP on the calling thread, also while it decides how to block its loops.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread() { omp_set_num_threads(before_); }

 private:
  int before_;
};

dnnl::primitive_attr own_scratchpad() {
  dnnl::primitive_attr attributes;
  // The default shares one scratchpad among all executions of a primitive.
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

memory::desc described(const memory::dims& dims, memory::dims strides) {
  return {dims, memory::data_type::f32, std::move(strides)};
}

memory::desc any_format(const memory::dims& dims) {
  return {dims, memory::data_type::f32, memory::format_tag::any};
}

/// oneDNN does not write through the handle of a source.
memory view(const memory::desc& desc, const float* data) {
  return {desc, engine(), const_cast<float*>(data)};
}

/// `from` in the format `to`; itself when it has that format already.
memory reordered(const memory& from, const memory::desc& to, dnnl::stream& stream) {
  if (from.get_desc() == to) return from;
  memory result(to, engine());
  dnnl::reorder(from, result).execute(stream, const_cast<memory&>(from), result);
  return result;
}

/// A primitive with one source, a weight, perhaps a bias, and one destination; sources and
/// destinations are plain row-major pieces.
struct Prepared {
  memory::desc source, weight, destination;                       ///< plain
  memory::desc source_packed, weight_packed, destination_packed;  ///< as the primitive wants them
  memory::desc bias, scratchpad;
  dnnl::primitive primitive;
  std::mutex mutex;
  const std::byte* packed_of = nullptr;  ///< the tensor that `packed` was made of
  memory packed;

  template <class Descriptor>
  void take_formats(const Descriptor& chosen) {
    source_packed = chosen.src_desc();
    weight_packed = chosen.weights_desc();
    destination_packed = chosen.dst_desc();
    scratchpad = chosen.scratchpad_desc();
  }

  memory pack(const float* data, bool is_constant) {
    dnnl::stream stream(engine());
    const auto* key = reinterpret_cast<const std::byte*>(data);
    const std::lock_guard lock(mutex);
    if (is_constant && packed_of == key) return packed;
    memory result = reordered(view(weight, data), weight_packed, stream);
    stream.wait();
    if (is_constant) {
      packed = result;
      packed_of = key;
    }
    return result;
  }

  void execute(const float* from, const memory& packed_weight, const float* bias_data,
               float* to) const {
    dnnl::stream stream(engine());
    const memory src = reordered(view(source, from), source_packed, stream);
    memory dst = view(destination, to);
    const bool direct = destination == destination_packed;
    memory out = direct ? dst : memory(destination_packed, engine());
    std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, src},
                                              {DNNL_ARG_WEIGHTS, packed_weight},
                                              {DNNL_ARG_DST, out},
                                              {DNNL_ARG_SCRATCHPAD, memory(scratchpad, engine())}};
    if (bias_data) arguments.emplace(DNNL_ARG_BIAS, view(bias, bias_data));
    primitive.execute(stream, arguments);
    if (!direct) dnnl::reorder(out, dst).execute(stream, out, dst);
    stream.wait();
  }
};

// ---- convolution -------------------------------------------------------------------------------

memory::dims row_major(const memory::dims& dims) {
  memory::dims strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i > 1; --i) strides[i - 2] = strides[i - 1] * dims[i - 1];
  return strides;
}

/// One image of a convolution, or nullptr where oneDNN has no implementation.
std::shared_ptr<Prepared> prepare_conv(const Conv& op, const Shape& data, const Shape& weight,
                                       const Shape& out, bool has_bias) {
  memory::dims source(data), destination(out), kernel(weight);
  source[0] = destination[0] = 1;
  if (op.group > 1) {
    kernel[0] /= op.group;
    kernel.insert(kernel.begin(), op.group);
  }
  const std::size_t axes = weight.size() - 2;
  const auto or_default = [&](const std::vector<std::int64_t>& list, std::int64_t value) {
    return list.empty() ? memory::dims(axes, value) : memory::dims(list);
  };
  memory::dims dilations = or_default(op.dilations, 1);
  for (auto& dilation : dilations) --dilation;  // oneDNN counts the gaps
  memory::dims pads = op.pads.empty() ? memory::dims(2 * axes, 0) : memory::dims(op.pads);
  const auto half = pads.begin() + static_cast<std::ptrdiff_t>(axes);

  auto prepared = std::make_shared<Prepared>();
  try {
    const OneThread serial;
    prepared->source = described(source, row_major(source));
    prepared->weight = described(kernel, row_major(kernel));
    prepared->destination = described(destination, row_major(destination));
    if (has_bias) prepared->bias = described({weight[0]}, {1});
    const dnnl::convolution_forward::desc wanted(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, any_format(source),
        any_format(kernel), prepared->bias, any_format(destination), or_default(op.strides, 1),
        dilations, memory::dims(pads.begin(), half), memory::dims(half, pads.end()));
    const dnnl::convolution_forward::primitive_desc chosen(wanted, own_scratchpad(), engine());
    prepared->take_formats(chosen);
    prepared->primitive = dnnl::convolution_forward(chosen);
  } catch (const dnnl::error&) {
    return nullptr;
  }
  return prepared;
}

// ---- matrix product ----------------------------------------------------------------------------

/// The shape of one product and how its operands lie in memory.
struct ProductShape {
  std::int64_t rows = 0, inner = 0, columns = 0;
  std::int64_t a_row = 0, b_row = 0, b_column = 0;  ///< A's columns lie side by side
  bool pack_b = false;
  auto operator<=>(const ProductShape&) const = default;
};

std::shared_ptr<Prepared> prepare_product(const ProductShape& shape) {
  auto prepared = std::make_shared<Prepared>();
  const memory::dims a{shape.rows, shape.inner}, b{shape.inner, shape.columns};
  const memory::dims c{shape.rows, shape.columns};
  try {
    const OneThread serial;
    prepared->source = described(a, {shape.a_row, 1});
    prepared->weight = described(b, {shape.b_row, shape.b_column});
    prepared->destination = described(c, {shape.columns, 1});
    const dnnl::matmul::desc wanted(
        prepared->source, shape.pack_b ? any_format(b) : prepared->weight, prepared->destination);
    const dnnl::matmul::primitive_desc chosen(wanted, own_scratchpad(), engine());
    prepared->take_formats(chosen);
    prepared->primitive = dnnl::matmul(chosen);
  } catch (const dnnl::error&) {
    return nullptr;
  }
  return prepared;
}

/// The last rows of a product, fewer than a piece has: computed in a piece filled up with zeros.
void execute_rest(const Prepared& prepared, const ProductShape& piece, std::int64_t rows,
                  const float* a, const memory& b, float* to) {
  std::vector<float> from(static_cast<std::size_t>(piece.rows * piece.inner), 0);
  std::vector<float> result(static_cast<std::size_t>(piece.rows * piece.columns));
  std::copy_n(a, rows * piece.inner, from.data());
  prepared.execute(from.data(), b, nullptr, result.data());
  std::copy_n(result.data(), rows * piece.columns, to);
}

/// alpha * product + beta * C, in place.
void add_to_product(const Gemm& op, const Tensor& c, float* product, std::int64_t rows,
                    std::int64_t columns) {
  const Shape& shape = c.shape();
  const float* plus = c.defined() ? c.as<float>().data() : nullptr;
  const std::int64_t step = plus && !shape.empty() && shape.back() != 1 ? 1 : 0;
  const std::int64_t row_step = plus && shape.size() == 2 && shape[0] != 1 ? shape[1] : 0;
  kernels::for_rows(static_cast<std::size_t>(rows), static_cast<std::size_t>(columns),
                    [&](std::size_t first, std::size_t last) {
                      for (std::size_t i = first; i < last; ++i) {
                        const auto row = static_cast<std::int64_t>(i);
                        float* to = product + row * columns;
                        for (std::int64_t j = 0; j < columns; ++j) {
                          to[j] *= op.alpha;
                          if (plus) to[j] += op.beta * plus[row * row_step + j * step];
                        }
                      }
                    });
}

bool is_single(const TensorType& out) {
  return out.dtype == DType::kFloat32 && element_count(*out.shape).value_or(0) > 0;
}

}  // namespace

struct LinearCache::State {
  std::mutex mutex;
  std::map<std::vector<Shape>, std::shared_ptr<Prepared>> convolutions;
  std::map<ProductShape, std::shared_ptr<Prepared>> products;

  template <class Map, class Key, class Make>
  std::shared_ptr<Prepared> find(Map& map, const Key& key, const Make& make) {
    const std::lock_guard lock(mutex);
    const auto [at, is_new] = map.try_emplace(key);
    if (is_new) at->second = make();
    return at->second;
  }

  std::shared_ptr<Prepared> product(const ProductShape& shape) {
    return find(products, shape, [&] { return prepare_product(shape); });
  }

  /// rows of A times B, in pieces of kRows. False when oneDNN cannot.
  bool multiply(const ProductShape& whole, const float* a, const float* b, float* to,
                bool b_is_constant) {
    ProductShape piece = whole;
    piece.rows = kRows;
    const auto prepared = product(piece);
    if (!prepared) return false;
    const memory packed = [&] {
      const OneThread serial;
      return prepared->pack(b, b_is_constant);
    }();
    const auto pieces = static_cast<std::size_t>((whole.rows + kRows - 1) / kRows);
    parallel_for(pieces, [&](std::size_t first, std::size_t last) {
      const OneThread serial;
      for (std::size_t i = first; i < last; ++i) {
        const std::int64_t row = static_cast<std::int64_t>(i) * kRows;
        const float* from = a + row * whole.a_row;
        float* at = to + row * whole.columns;
        const std::int64_t rows = std::min(kRows, whole.rows - row);
        if (rows == kRows) prepared->execute(from, packed, nullptr, at);
        if (rows < kRows) execute_rest(*prepared, piece, rows, from, packed, at);
      }
    });
    return true;
  }

  /// One product for each entry of the plan, each by one thread. False when oneDNN cannot.
  bool multiply_batch(const kernels::MatMulPlan& plan, const ProductShape& shape, const float* a,
                      const float* b, float* to) {
    const auto prepared = product(shape);
    if (!prepared) return false;
    const std::int64_t size = shape.rows * shape.columns;
    parallel_for(plan.offsets.size(), [&](std::size_t first, std::size_t last) {
      const OneThread serial;
      for (std::size_t i = first; i < last; ++i) {
        const auto [at_a, at_b] = plan.offsets[i];
        prepared->execute(a + at_a, view(prepared->weight, b + at_b), nullptr,
                          to + static_cast<std::int64_t>(i) * size);
      }
    });
    return true;
  }
};

LinearCache::LinearCache() : state_(std::make_unique<State>()) {}
LinearCache::~LinearCache() = default;

Result<Tensor> LinearCache::run(const Conv& op, Inputs in, const TensorType& out,
                                bool weight_is_constant) {
  const bool has_bias = in.size() > 2 && in[2].defined();
  Shape image = in[0].shape();
  image[0] = 1;
  const auto prepared =
      !is_single(out) || image.size() > 5
          ? nullptr
          : state_->find(state_->convolutions, std::vector<Shape>{image, in[1].shape()}, [&] {
              return prepare_conv(op, image, in[1].shape(), *out.shape, has_bias);
            });
  if (!prepared) return kernels::run(op, in, out);
  const memory packed = [&] {
    const OneThread serial;
    return prepared->pack(in[1].as<float>().data(), weight_is_constant);
  }();
  const auto images = static_cast<std::size_t>((*out.shape)[0]);
  const float* from = in[0].as<float>().data();
  const float* bias = has_bias ? in[2].as<float>().data() : nullptr;
  Output<float> result(*out.shape);
  const std::size_t in_size = static_cast<std::size_t>(in[0].size()) / images;
  const std::size_t out_size = result.size() / images;
  parallel_for(images, [&](std::size_t first, std::size_t last) {
    const OneThread serial;
    for (std::size_t i = first; i < last; ++i) {
      prepared->execute(from + i * in_size, packed, bias, result.data() + i * out_size);
    }
  });
  return std::move(result).finish();
}

Result<Tensor> LinearCache::run(const Gemm& op, Inputs in, const TensorType& out,
                                bool weight_is_constant) {
  if (op.trans_a) {
    // Rare, and its rows cannot be cut into pieces where they lie.
    Gemm plain = op;
    plain.trans_a = false;
    std::vector<Tensor> inputs(in.begin(), in.end());
    const Shape turned{in[0].shape()[1], in[0].shape()[0]};
    TensorType type = out;
    type.shape = turned;
    NT_TRY(inputs[0], kernels::run(Transpose{.perm = {1, 0}}, in.first(1), type));
    return run(plain, inputs, out, weight_is_constant);
  }
  const Shape &a = in[0].shape(), &b = in[1].shape();
  const ProductShape shape{.rows = (*out.shape)[0],
                           .inner = a[1],
                           .columns = (*out.shape)[1],
                           .a_row = a[1],
                           .b_row = op.trans_b ? 1 : b[1],
                           .b_column = op.trans_b ? b[1] : 1,
                           .pack_b = true};
  if (!is_single(out) || shape.inner == 0) return kernels::run(op, in, out);
  Output<float> result(*out.shape);
  if (!state_->multiply(shape, in[0].as<float>().data(), in[1].as<float>().data(), result.data(),
                        weight_is_constant)) {
    return kernels::run(op, in, out);
  }
  const Tensor c = in.size() > 2 ? in[2] : Tensor();
  if (c.defined() || op.alpha != 1) {
    add_to_product(op, c, result.data(), shape.rows, shape.columns);
  }
  return std::move(result).finish();
}

Result<Tensor> LinearCache::run(const MatMul& op, Inputs in, const TensorType& out,
                                bool weight_is_constant) {
  const kernels::MatMulPlan plan = kernels::plan_mat_mul(in[0].shape(), in[1].shape());
  if (!is_single(out) || plan.inner == 0) return kernels::run(op, in, out);
  const bool is_one = plan.offsets.size() == 1;
  const ProductShape shape{.rows = plan.rows,
                           .inner = plan.inner,
                           .columns = plan.columns,
                           .a_row = plan.inner,
                           .b_row = plan.columns,
                           .b_column = 1,
                           .pack_b = is_one};
  const float* a = in[0].as<float>().data();
  const float* b = in[1].as<float>().data();
  Output<float> result(*out.shape);
  const bool done = is_one ? state_->multiply(shape, a, b, result.data(), weight_is_constant)
                           : state_->multiply_batch(plan, shape, a, b, result.data());
  if (!done) return kernels::run(op, in, out);
  return std::move(result).finish();
}

}  // namespace neurotool
