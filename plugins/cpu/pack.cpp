// Weights into the order in which kernels read them: one row of outputs per source neuron, sources
// in delivery order. Fan-outs and the largest sum of magnitudes are read off on the way.
#include <algorithm>
#include <cmath>

#include "program.hpp"

namespace neurotool::cpu {
namespace {

std::uint32_t narrow(std::int64_t value) { return static_cast<std::uint32_t>(value); }

Geometry window_geometry(const Projection& p, const Grid& source, const Grid& target) {
  const bool conv = p.kind == Kind::kConv2d;
  Geometry g;
  g.source_height = source.height;
  g.source_width = source.width;
  g.source_channels = source.channels;
  g.source_lanes = source.lanes;
  g.source_words = source.words;
  g.kernel_height = narrow(conv ? p.weight_shape[2] : p.kernel[0]);
  g.kernel_width = narrow(conv ? p.weight_shape[3] : p.kernel[1]);
  g.stride_y = narrow(p.stride[0]);
  g.stride_x = narrow(p.stride[1]);
  g.pad_top = narrow(p.padding[0]);
  g.pad_left = narrow(p.padding[1]);
  g.dilation_y = conv ? narrow(p.dilation[0]) : 1;
  g.dilation_x = conv ? narrow(p.dilation[1]) : 1;
  g.target_width = target.width;
  return g;
}

Geometry whole_geometry(const Grid& source) {
  Geometry g;
  g.source_height = g.kernel_height = source.height;
  g.source_width = g.kernel_width = source.width;
  g.source_channels = source.channels;
  g.source_lanes = source.lanes;
  g.source_words = source.words;
  return g;
}

/// How many outputs read input `i` of one axis.
std::uint64_t readers(std::uint32_t i, std::uint32_t outputs, std::uint32_t kernel,
                      std::uint32_t stride, std::uint32_t dilation, std::uint32_t padding) {
  std::uint64_t count = 0;
  for (std::uint32_t k = 0; k < kernel; ++k) {
    const std::int64_t at = std::int64_t{i} + padding - std::int64_t{k} * dilation;
    count += at >= 0 && at % stride == 0 && at / stride < outputs ? 1 : 0;
  }
  return count;
}

template <class Number>
void fill_window_fan_out(ProjectionProgram<Number>& out, const Grid& source, const Grid& target,
                         std::uint64_t per_reader) {
  const Geometry& g = out.geometry;
  for (std::uint32_t y = 0; y < source.height; ++y) {
    const std::uint64_t rows =
        readers(y, target.height, g.kernel_height, g.stride_y, g.dilation_y, g.pad_top);
    for (std::uint32_t x = 0; x < source.width; ++x) {
      const std::uint64_t columns =
          readers(x, target.width, g.kernel_width, g.stride_x, g.dilation_x, g.pad_left);
      out.fan_out.push_back(rows * columns * per_reader);
    }
  }
}

/// Room for `outputs` outputs in blocks; the widest block that leaves no block empty.
template <class Number>
void make_blocks(ProjectionProgram<Number>& out, std::size_t rows, std::size_t outputs) {
  Weights<Number>& w = out.weights;
  w.block_lanes = outputs % 64 == 0 ? 64 : outputs % 32 == 0 ? 32 : 16;
  w.blocks = static_cast<std::uint32_t>(outputs / w.block_lanes);
  w.rows = static_cast<std::uint32_t>(rows);
  out.weight.assign((rows + 1) * outputs, Number{0});
  w.data = out.weight.data();
}

template <class Number>
void put(ProjectionProgram<Number>& out, std::size_t row, std::size_t output, Number value) {
  const Weights<Number>& w = out.weights;
  const std::size_t block = output / w.block_lanes;
  out.weight[(block * (w.rows + 1) + row) * w.block_lanes + output % w.block_lanes] = value;
}

double magnitude(double value) { return std::abs(value); }

template <class Number>
void pack_dense(const Projection& p, const Grid& source, const Grid& target,
                ProjectionProgram<Number>& out) {
  out.route = Route::kSums;
  out.geometry = whole_geometry(source);
  make_blocks(out, source.neurons(), target.size());
  const std::vector<Number>& weight = p.weight.get<Number>();
  for (std::size_t t = 0; t < target.neurons(); ++t) {
    const std::size_t place = target.place(t);
    double sum = 0;
    for (std::size_t pixel = 0; pixel < source.pixels(); ++pixel) {
      for (std::size_t c = 0; c < source.channels; ++c) {
        const Number value = weight[t * source.neurons() + source.flat(pixel, c)];
        put(out, pixel * source.channels + c, place, value);
        sum += magnitude(static_cast<double>(value));
      }
    }
    out.largest_sum = std::max(out.largest_sum, sum);
  }
  out.fan_out.assign(source.pixels(), target.neurons());
}

/// Calls visit(m, channel within its group, ky, kx, value) for every weight of a convolution.
template <class Number, class Visit>
void for_each_weight(const Projection& p, Visit&& visit) {
  const auto [m, c, h, w] = p.weight_shape;
  const Number* value = p.weight.get<Number>().data();
  for (std::int64_t output = 0; output < m; ++output) {
    for (std::int64_t input = 0; input < c; ++input) {
      for (std::int64_t ky = 0; ky < h; ++ky) {
        for (std::int64_t kx = 0; kx < w; ++kx) visit(output, input, ky, kx, *value++);
      }
    }
  }
}

template <class Number>
void pack_conv(const Projection& p, const Grid& source, const Grid& target,
               ProjectionProgram<Number>& out) {
  out.geometry = window_geometry(p, source, target);
  out.groups = narrow(p.groups);
  const auto [outputs, inputs, height, width] = p.weight_shape;
  const std::int64_t group_outputs = outputs / p.groups, group_inputs = inputs;
  const auto taps = static_cast<std::size_t>(height * width);
  if (p.groups == 1) {
    out.route = Route::kSums;
    make_blocks(out, taps * source.channels, target.lanes);
  } else {
    out.route = Route::kGrouped;
    out.weight.assign(taps * source.channels * static_cast<std::size_t>(group_outputs), Number{0});
  }
  std::vector<double> sums(static_cast<std::size_t>(outputs));
  for_each_weight<Number>(p, [&](auto m, auto c, auto ky, auto kx, Number value) {
    const std::int64_t channel = m / group_outputs * group_inputs + c;
    const auto row =
        static_cast<std::size_t>((ky * p.weight_shape[3] + kx) * source.channels + channel);
    if (p.groups == 1) {
      put(out, row, static_cast<std::size_t>(m), value);
    } else {
      out.weight[row * static_cast<std::size_t>(group_outputs) +
                 static_cast<std::size_t>(m % group_outputs)] = value;
    }
    sums[static_cast<std::size_t>(m)] += magnitude(static_cast<double>(value));
  });
  out.largest_sum = *std::ranges::max_element(sums);
  fill_window_fan_out(out, source, target, static_cast<std::uint64_t>(group_outputs));
}

/// `reach`: how many times the largest payload arrives, at most, before the weight.
template <class Number>
void pack_pool(const Projection& p, const Grid& source, const Grid& target, double reach,
               ProjectionProgram<Number>& out) {
  out.geometry = window_geometry(p, source, target);
  double largest = 1;  // of the plain sum, which comes before the weight
  if (!p.weight.empty()) {
    const std::vector<Number>& weight = p.weight.get<Number>();
    out.weight.assign(target.lanes, Number{0});
    for (std::size_t c = 0; c < target.channels; ++c) {
      out.weight[c] = weight[weight.size() == 1 ? 0 : c];
      largest = std::max(largest, magnitude(static_cast<double>(out.weight[c])));
    }
  }
  out.largest_sum = largest * reach;
  fill_window_fan_out(out, source, target, 1);
}

template <class Number>
void pack_one_to_one(const Projection& p, const Grid& source, const Grid& target,
                     ProjectionProgram<Number>& out) {
  const std::vector<Number>& weight = p.weight.get<Number>();
  for (const Number value : weight) {
    out.largest_sum = std::max(out.largest_sum, magnitude(static_cast<double>(value)));
  }
  if (source == target) {
    Parameter<Number> spread_weight = spread<Number>(p.weight, target, Number{0});
    out.route = Route::kScale;
    out.weight = std::move(spread_weight.values);
    out.weight_stride = spread_weight.stride;
    out.fan_out.assign(source.pixels(), 1);
    return;
  }
  // The same neurons, seen in another shape.
  out.route = Route::kSparse;
  const std::size_t repeat = target.neurons() / weight.size();
  for (std::size_t pixel = 0; pixel < source.pixels(); ++pixel) {
    for (std::size_t c = 0; c < source.channels; ++c) {
      const std::size_t neuron = source.flat(pixel, c);
      out.row_begin.push_back(out.places.size());
      out.places.push_back(static_cast<std::uint32_t>(target.place(neuron)));
      out.weight.push_back(weight[neuron / repeat]);
      out.fan_out.push_back(1);
    }
  }
  out.row_begin.push_back(out.places.size());
}

template <class Number>
void pack_sparse(const Projection& p, const Grid& source, const Grid& target,
                 ProjectionProgram<Number>& out) {
  out.route = Route::kSparse;
  const std::vector<Number>& weight = p.weight.get<Number>();
  std::vector<double> sums(target.size());
  for (std::size_t pixel = 0; pixel < source.pixels(); ++pixel) {
    for (std::size_t c = 0; c < source.channels; ++c) {
      const std::size_t neuron = source.flat(pixel, c);
      const auto begin = static_cast<std::size_t>(p.row_begin[neuron]);
      const auto end = static_cast<std::size_t>(p.row_begin[neuron + 1]);
      out.row_begin.push_back(out.places.size());
      out.fan_out.push_back(end - begin);
      for (std::size_t s = begin; s < end; ++s) {
        const std::size_t place = target.place(static_cast<std::size_t>(p.targets[s]));
        out.places.push_back(static_cast<std::uint32_t>(place));
        out.weight.push_back(weight[s]);
        sums[place] += magnitude(static_cast<double>(weight[s]));
      }
    }
  }
  out.row_begin.push_back(out.places.size());
  out.largest_sum = *std::ranges::max_element(sums);
}

}  // namespace

template <class Number>
ProjectionProgram<Number> pack(const Projection& p, const Grid& source, const Grid& target) {
  ProjectionProgram<Number> out;
  out.source = p.source;
  out.target = p.target;
  out.delay = p.delay_steps;
  out.shift = p.shift;
  switch (p.kind) {
    case Kind::kDense:
      pack_dense(p, source, target, out);
      break;
    case Kind::kConv2d:
      pack_conv(p, source, target, out);
      break;
    case Kind::kSumPool2d:
      out.route = Route::kPool;
      pack_pool(p, source, target, static_cast<double>(p.kernel[0] * p.kernel[1]), out);
      break;
    case Kind::kMaxPool2d:
      out.route = Route::kMaxPool;
      out.pool_base = p.base;
      out.pool_begin = p.begin;
      out.pool_end = p.end;
      // What arrives is no larger than a payload. A float train of 2^24 payloads may round by as
      // much as one payload wherever it is made or read.
      pack_pool(p, source, target, std::is_same_v<Number, float> ? 4 : 1, out);
      break;
    case Kind::kOneToOne:
      pack_one_to_one(p, source, target, out);
      break;
    case Kind::kSparse:
      pack_sparse(p, source, target, out);
      break;
  }
  const std::uint64_t channels = out.route == Route::kSparse ? 1 : source.channels;
  for (const std::uint64_t fan : out.fan_out) out.synapses += fan * channels;
  return out;
}

template ProjectionProgram<float> pack(const Projection&, const Grid&, const Grid&);
template ProjectionProgram<std::int32_t> pack(const Projection&, const Grid&, const Grid&);

}  // namespace neurotool::cpu
