// Layer by layer: sums of whole numbers, then clip(floor((sum + v0) / theta), low, high). Products
// run through float32 convolutions where every partial sum is below 2^24, so that each is exact,
// and through plain 64-bit loops otherwise.
#include "eval/integer_eval.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/parallel.hpp"
#include "eval/tensor_linear.hpp"

namespace neurotool {
namespace {

constexpr double kExactFloat = 1 << 24;  // below, float32 holds every whole number

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  const std::int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

/// One number for each neuron.
std::vector<std::int64_t> spread(const Tensor& parameter, const Population& population) {
  const auto size = index(population.size());
  std::vector<std::int64_t> values(size, 0);
  if (!parameter.defined()) return values;
  const std::size_t repeat = size / index(parameter.size());
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = static_cast<std::int64_t>(parameter.at(static_cast<std::int64_t>(i / repeat)));
  }
  return values;
}

/// The layer that a projection is, on [samples, neurons] of its source.
class Layer {
 public:
  Layer(const SpikeGraph& graph, const Projection& projection)
      : projection_(projection),
        source_(graph[projection.source].shape),
        target_(graph[projection.target].shape),
        linear_(std::make_unique<LinearCache>()) {
    const Tensor* const weight = weight_of(projection.connectivity);
    if (weight == nullptr || !weight->defined() || weight->rank() < 2) return;
    float_weight_ = weight->converted(DType::kFloat32);
    const std::int64_t rows = weight->shape()[0], inner = weight->size() / rows;
    for (std::int64_t row = 0; row < rows; ++row) {
      double sum = 0;
      for (std::int64_t i = 0; i < inner; ++i) sum += std::abs(weight->at(row * inner + i));
      largest_row_ = std::max(largest_row_, sum);
    }
  }

  const Projection& projection() const { return projection_; }

  /// Adds the sums of all samples to `total`.
  Result<> add(const std::vector<std::int64_t>& counts, std::int64_t samples,
               std::vector<std::int64_t>& total) const {
    const bool matrix = std::holds_alternative<Dense>(projection_.connectivity) ||
                        std::holds_alternative<Conv2d>(projection_.connectivity);
    std::int64_t most = 0;
    for (const std::int64_t count : counts) most = std::max(most, std::abs(count));
    if (matrix && largest_row_ * static_cast<double>(most) < kExactFloat) {
      return add_in_float(counts, samples, total);
    }
    const std::size_t from = counts.size() / index(samples), to = total.size() / index(samples);
    parallel_for(index(samples), [&](std::size_t first, std::size_t last) {
      for (std::size_t s = first; s < last; ++s) {
        add_sample(std::span(counts).subspan(s * from, from), std::span(total).subspan(s * to, to));
      }
    });
    return {};
  }

 private:
  using In = std::span<const std::int64_t>;
  using Out = std::span<std::int64_t>;

  Result<> add_in_float(const std::vector<std::int64_t>& counts, std::int64_t samples,
                        std::vector<std::int64_t>& total) const {
    const bool dense = std::holds_alternative<Dense>(projection_.connectivity);
    std::vector<float> values(counts.begin(), counts.end());
    Shape in{samples}, out{samples};
    if (dense) {
      in.push_back(element_count(source_).value_or(0));
      out.push_back(element_count(target_).value_or(0));
    } else {
      in.insert(in.end(), source_.begin(), source_.end());
      out.insert(out.end(), target_.begin(), target_.end());
    }
    const Tensor arguments[] = {Tensor::from<float>(std::move(in), std::move(values)),
                                float_weight_};
    TensorType type;
    type.dtype = DType::kFloat32;
    type.shape = std::move(out);
    Gemm gemm;
    gemm.trans_b = true;
    NT_TRY(const Tensor sums, dense ? linear_->run(gemm, arguments, type, true)
                                    : linear_->run(convolution(), arguments, type, true));
    const auto found = sums.as<float>();
    for (std::size_t i = 0; i < total.size(); ++i) {
      total[i] += static_cast<std::int64_t>(found[i]) << projection_.shift;
    }
    return {};
  }

  Conv convolution() const {
    const auto& kind = std::get<Conv2d>(projection_.connectivity);
    Conv op;
    op.strides = {kind.stride.begin(), kind.stride.end()};
    op.dilations = {kind.dilation.begin(), kind.dilation.end()};
    op.pads = {kind.padding.begin(), kind.padding.end()};
    op.group = kind.groups;
    return op;
  }

  void add_sample(In in, Out out) const {
    std::visit([&](const auto& kind) { add_kind(kind, in, out); }, projection_.connectivity);
  }
  void put(Out out, std::size_t at, std::int64_t sum) const {
    out[at] += sum * (std::int64_t{1} << projection_.shift);
  }

  void add_kind(const Dense& kind, In in, Out out) const {
    for (std::size_t t = 0; t < out.size(); ++t) {
      std::int64_t sum = 0;
      for (std::size_t s = 0; s < in.size(); ++s) {
        sum += whole(kind.weight, t * in.size() + s) * in[s];
      }
      put(out, t, sum);
    }
  }

  void add_kind(const OneToOne& kind, In in, Out out) const {
    const std::size_t repeat = out.size() / index(kind.weight.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      put(out, i, whole(kind.weight, i / repeat) * in[i]);
    }
  }

  void add_kind(const Sparse& kind, In in, Out out) const {
    const auto rows = kind.row_begin.as<std::int64_t>();
    const auto targets = kind.targets.as<std::int32_t>();
    for (std::size_t s = 0; s < in.size(); ++s) {
      for (std::size_t k = index(rows[s]); k < index(rows[s + 1]); ++k) {
        put(out, index(targets[k]), whole(kind.weight, k) * in[s]);
      }
    }
  }

  void add_kind(const SumPool2d& kind, In in, Out out) const {
    for_windows(kind.kernel, kind.stride, kind.padding, {1, 1}, [&](auto at, auto each) {
      for (std::int64_t c = 0; c < target_[0]; ++c) {
        std::int64_t sum = 0;
        each([&](std::int64_t, std::int64_t pixel) { sum += in[index(c * plane() + pixel)]; });
        const Tensor& weight = kind.weight;
        const std::size_t place = weight.defined() && weight.size() > 1 ? index(c) : 0;
        put(out, index(c * out_plane() + at), sum * (weight.defined() ? whole(weight, place) : 1));
      }
    });
  }

  void add_kind(const MaxPool2d& kind, In in, Out out) const {
    for_windows(kind.kernel, kind.stride, kind.padding, {1, 1}, [&](auto at, auto each) {
      for (std::int64_t c = 0; c < target_[0]; ++c) {
        std::optional<std::int64_t> most;
        each([&](std::int64_t, std::int64_t pixel) {
          const std::int64_t count = in[index(c * plane() + pixel)];
          most = std::max(most.value_or(count), count);
        });
        const Tensor& weight = kind.weight;
        const std::size_t place = weight.defined() && weight.size() > 1 ? index(c) : 0;
        put(out, index(c * out_plane() + at),
            most.value_or(0) * (weight.defined() ? whole(weight, place) : 1));
      }
    });
  }

  void add_kind(const Conv2d& kind, In in, Out out) const {
    const Shape& shape = kind.weight.shape();
    const std::int64_t group_out = shape[0] / kind.groups, taps = shape[2] * shape[3];
    for_windows({shape[2], shape[3]}, kind.stride, kind.padding, kind.dilation,
                [&](auto at, auto each) {
                  for (std::int64_t m = 0; m < shape[0]; ++m) {
                    std::int64_t sum = 0;
                    const std::int64_t first = m / group_out * shape[1];
                    each([&](std::int64_t tap, std::int64_t pixel) {
                      for (std::int64_t c = 0; c < shape[1]; ++c) {
                        sum += whole(kind.weight, index((m * shape[1] + c) * taps + tap)) *
                               in[index((first + c) * plane() + pixel)];
                      }
                    });
                    put(out, index(m * out_plane() + at), sum);
                  }
                });
  }

  /// body(output pixel, each), each(f) calls f(tap, input pixel) for the taps inside the input.
  template <class Body>
  void for_windows(std::array<std::int64_t, 2> kernel, std::array<std::int64_t, 2> stride,
                   std::array<std::int64_t, 4> padding, std::array<std::int64_t, 2> dilation,
                   const Body& body) const {
    const std::int64_t height = source_[1], width = source_[2];
    for (std::int64_t at = 0; at < out_plane(); ++at) {
      const std::int64_t top = at / target_[2] * stride[0] - padding[0];
      const std::int64_t left = at % target_[2] * stride[1] - padding[1];
      body(at, [&](const auto& visit) {
        for (std::int64_t tap = 0; tap < kernel[0] * kernel[1]; ++tap) {
          const std::int64_t y = top + tap / kernel[1] * dilation[0];
          const std::int64_t x = left + tap % kernel[1] * dilation[1];
          if (y >= 0 && y < height && x >= 0 && x < width) visit(tap, y * width + x);
        }
      });
    }
  }

  std::int64_t plane() const { return source_[1] * source_[2]; }
  std::int64_t out_plane() const { return target_[1] * target_[2]; }
  static std::int64_t whole(const Tensor& weight, std::size_t i) {
    return static_cast<std::int64_t>(weight.at(static_cast<std::int64_t>(i)));
  }

  const Projection& projection_;
  const Shape &source_, &target_;
  std::unique_ptr<LinearCache> linear_;
  Tensor float_weight_;
  double largest_row_ = 0;
};

/// The bounds of a neuron's count.
struct CountBounds {
  std::int64_t low = 0, high = 0;
};

std::optional<CountBounds> bounds_of(const Firing& firing) {
  if (firing.radix_bits > 0) return CountBounds{0, (std::int64_t{1} << firing.radix_bits) - 1};
  const Emission& emission = firing.emission;
  if (emission.max_total == Emission::kUnbounded) {
    // A window bounds what its neuron can send.
    if (firing.window.fire_end == Window::kForever) return {};
    const std::int64_t steps = firing.window.fire_end - firing.window.fire_begin;
    return CountBounds{0, steps * emission.max_per_step};
  }
  return CountBounds{emission.min_total, emission.max_total};
}

struct Node {
  PopulationId id;
  std::vector<Layer> layers;
  std::vector<std::int64_t> bias, threshold, initial;
  std::optional<CountBounds> bounds;  ///< of neurons
};

Error not_feed_forward(const Population& population, std::string_view why) {
  return error(
      "eval.not-feed-forward", ModelNode{"", population.name},
      fmt::format("'{}' {}, so that its count is no function of its sum", population.name, why),
      "the integer reference is for networks that 'exact' made");
}

std::string problem_of(const Neuron& neuron) {
  if (std::holds_alternative<CubaLif>(neuron)) return "has a synaptic current";
  const Firing* const firing = firing_of(neuron);
  if (firing != nullptr && firing->reset != Reset::kSubtract) return "resets to a value";
  if (firing != nullptr && !bounds_of(*firing)) return "has no bound of its count";
  if (const auto* lif = std::get_if<Lif>(&neuron)) {
    const bool doubles = lif->decay.size() == 1 && lif->decay.at(0) == 2 && lif->decay_shift == 0;
    if (!doubles) return "leaks";
  }
  if (const auto* li = std::get_if<Li>(&neuron); li != nullptr && li->decay.defined()) {
    const bool doubles = li->decay.size() == 1 && li->decay.at(0) == 2 && li->decay_shift == 0;
    if (!doubles) return "leaks";
  }
  return {};
}

}  // namespace

struct IntegerReference::State {
  const SpikeGraph& graph;
  std::vector<Node> nodes;  ///< in the order of the layers
};

IntegerReference::IntegerReference(std::unique_ptr<State> state) : state_(std::move(state)) {}
IntegerReference::IntegerReference(IntegerReference&&) noexcept = default;
IntegerReference::~IntegerReference() = default;

Result<IntegerReference> IntegerReference::create(const SpikeGraph& graph) {
  if (graph.arithmetic != Arithmetic::kInteger) {
    return error("eval.not-feed-forward", {}, "the graph computes in float32, not in whole numbers",
                 "the integer reference is for networks that 'exact' made");
  }
  auto state = std::make_unique<State>(State{graph, {}});
  SpikeGraph without_delays = graph;
  for (Projection& projection : without_delays.projections) projection.delay_steps = 0;
  const std::vector<PopulationId> order = without_delays.step_order();
  if (order.empty() && !graph.populations.empty()) {
    return not_feed_forward(graph.populations.front(), "stands in a network with a cycle");
  }
  for (const PopulationId id : order) {
    const Population& population = graph[id];
    if (const std::string why = problem_of(population.neuron); !why.empty()) {
      return not_feed_forward(population, why);
    }
    Node node;
    node.id = id;
    for (const ProjectionId p : graph.incoming(id)) node.layers.emplace_back(graph, graph[p]);
    node.bias = spread(population.bias, population);
    if (const Firing* firing = firing_of(population.neuron)) {
      node.threshold = spread(firing->threshold, population);
      node.initial = spread(firing->initial_membrane, population);
      node.bounds = bounds_of(*firing);
    }
    state->nodes.push_back(std::move(node));
  }
  return IntegerReference(std::move(state));
}

Result<IntegerCounts> IntegerReference::run(std::span<const Stimulus> stimuli,
                                            std::int64_t samples) const {
  const SpikeGraph& graph = state_->graph;
  IntegerCounts counts(graph.populations.size());
  for (const Stimulus& stimulus : stimuli) {
    const auto values = stimulus.value.as<std::int32_t>();
    counts[stimulus.population.index].assign(values.begin(), values.end());
  }
  for (const Node& node : state_->nodes) {
    const Population& population = graph[node.id];
    std::vector<std::int64_t>& total = counts[node.id.index];
    const auto size = index(population.size()), all = size * index(samples);
    if (std::holds_alternative<Input>(population.neuron)) {
      if (total.size() == all) continue;
      return error("eval.stimulus", ModelNode{"", population.name},
                   fmt::format("the stimulus of '{}' has {} elements, not {}", population.name,
                               total.size(), all));
    }
    total.assign(all, 0);
    for (const Layer& layer : node.layers) {
      const Projection& projection = layer.projection();
      NT_TRY_VOID(layer.add(counts[projection.source.index], samples, total));
    }
    parallel_for(index(samples), [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first * size; i < last * size; ++i) {
        const std::size_t n = i % size;
        total[i] += node.bias[n];
        if (!node.bounds) continue;
        total[i] = std::clamp(floor_div(total[i] + node.initial[n], node.threshold[n]),
                              node.bounds->low, node.bounds->high);
      }
    });
  }
  return counts;
}

}  // namespace neurotool
