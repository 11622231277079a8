// Grows a graph from its inputs: a frontier of nodes with known shapes, and layers that fit one of
// them.
#include "support/random_nir.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/random.hpp"
#include "ir/nir/shapes.hpp"

namespace neurotool::test {
namespace {

using namespace nir;  // the primitives

struct End {
  std::string name;
  Shape shape;
};

class Maker {
 public:
  Maker(RandomStream& random, const RandomNirOptions& options, int depth)
      : random_(random), options_(options), depth_(depth) {}

  /// A graph that takes `in`, and what it gives.
  Graph make(const Shape& in, Shape& out) {
    start("input", in);
    if (depth_ == 0 && options_.allow_many_ends && chance(4)) start("input_b", random_shape());
    const int count = 1 + below(options_.max_nodes);
    for (int i = 0; i < count; ++i) grow();
    finish(out);
    if (options_.allow_metadata && chance(3)) graph_.metadata = metadata(2);
    return std::move(graph_);
  }

  Shape random_shape() {
    switch (below(3)) {
      case 0:
        return {1 + below(6)};
      case 1:
        return {1 + below(3), 4 + below(6)};
      default:
        return {1 + below(3), 4 + below(4), 4 + below(4)};
    }
  }

 private:
  int below(int bound) {
    return static_cast<int>(random_.below(static_cast<std::uint64_t>(bound)));
  }
  bool chance(int in) { return below(in) == 0; }

  void start(const std::string& name, const Shape& shape) {
    add(graph_, name, Input{shape_tensor(shape)});
    ends_.push_back({name, shape});
  }

  /// Every end that nothing follows gets an Output; nested graphs have one.
  void finish(Shape& out) {
    out = ends_.back().shape;
    int outputs = 0;
    for (std::size_t i = ends_.size(); i-- > 0;) {
      const bool last = i + 1 == ends_.size();
      const bool open = std::ranges::none_of(
          graph_.edges, [&](const Edge& edge) { return edge.source == ends_[i].name; });
      if (!last && !open) continue;
      if (!last && depth_ > 0) {
        close_off(ends_[i]);
        continue;
      }
      const std::string name = outputs == 0 ? "output" : fmt::format("output_{}", outputs);
      add(graph_, name, Output{shape_tensor(ends_[i].shape)});
      connect(graph_, ends_[i].name, name);
      ++outputs;
    }
  }

  /// An end that leads nowhere stays in a loop with itself.
  void close_off(const End& end) {
    const std::string name = fresh("Scale");
    add(graph_, name, Scale{numbers(end.shape)});
    connect(graph_, end.name, name);
    connect(graph_, name, name);
  }

  std::string fresh(std::string_view type) { return fmt::format("{}_{}", type, count_++); }

  void grow() {
    const End from = ends_[static_cast<std::size_t>(below(static_cast<int>(ends_.size())))];
    Primitive primitive = layer(from.shape);
    Shape out;
    if (std::holds_alternative<Graph>(primitive)) {
      RandomNirOptions smaller = options_;
      smaller.max_nodes = 3;
      primitive = Maker(random_, smaller, depth_ + 1).make(from.shape, out);
    } else {
      const auto shape = output_shape(primitive, from.shape);
      if (!shape) throw std::logic_error(shape.error().message);
      out = *shape;
    }
    const std::string name = fresh(type_name(primitive));
    const bool is_graph = std::holds_alternative<Graph>(primitive);
    Node& node = add(graph_, name, std::move(primitive));
    if (options_.allow_metadata && !is_graph && chance(4)) node.metadata = metadata(2);
    connect(graph_, from.name, name);
    for (const End& other : ends_) {  // a sum
      if (other.name != from.name && other.shape == from.shape && chance(4)) {
        connect(graph_, other.name, name);
      }
    }
    if (options_.allow_loops && out == from.shape && chance(5)) loop(name, out);
    ends_.push_back({name, out});
  }

  void loop(const std::string& name, const Shape& shape) {
    const std::string back = fresh("Back");
    const std::int64_t n = shape.front();
    Primitive weight = Delay{numbers(shape)};
    if (shape.size() == 1) weight = Linear{numbers({n, n})};
    add(graph_, back, std::move(weight));
    connect(graph_, name, back);
    connect(graph_, back, name);
  }

  Primitive layer(const Shape& in) {
    if (depth_ < 2 && options_.allow_nested && chance(8)) return Graph{};
    if (chance(2)) return neuron(in);
    switch (in.size()) {
      case 1:
        return dense(in[0]);
      case 2:
        return chance(4) ? flatten(in) : conv1d(in);
      default:
        return chance(4) ? flatten(in) : chance(3) ? pool(in) : conv2d(in);
    }
  }

  Primitive neuron(const Shape& s) {
    switch (below(9)) {
      case 0:
        return I{numbers(s)};
      case 1:
        return LI{numbers(s), numbers(s), numbers(s)};
      case 2:
        return IF{numbers(s), numbers(s), maybe(s)};
      case 3:
        return LIF{numbers(s), numbers(s), numbers(s), numbers(s), maybe(s)};
      case 4:
        return CubaLI{numbers(s), numbers(s), numbers(s), numbers(s), maybe(s)};
      case 5:
        return CubaLIF{numbers(s), numbers(s), numbers(s), numbers(s),
                       numbers(s), maybe(s),   maybe(s)};
      case 6:
        return Scale{numbers(s)};
      case 7:
        return Threshold{numbers(s)};
      default:
        return Delay{numbers(s)};
    }
  }

  Primitive dense(std::int64_t n) {
    const std::int64_t m = 1 + below(6);
    if (chance(2)) return Linear{numbers({m, n})};
    return Affine{numbers({m, n}), numbers({m})};
  }

  Tensor whole(std::int64_t value) {
    return options_.allow_widths && chance(4) ? Tensor::scalar(static_cast<std::int32_t>(value))
                                              : int_tensor(value);
  }

  Padding padding(std::size_t axes, std::int64_t kernel, bool stride_is_one) {
    const bool same_is_safe = stride_is_one || options_.allow_what_nir_misreads;
    if (same_is_safe && kernel % 2 == 1 && chance(5)) return std::string("same");
    if (chance(5)) return std::string("valid");
    const std::int64_t pad = below(2);
    return axes == 1 || chance(3) ? whole(pad) : pair_tensor(pad, pad);
  }

  /// Of a kernel that fits the extent.
  std::int64_t side(std::int64_t extent) { return std::min<std::int64_t>(1 + below(3), extent); }

  Primitive conv1d(const Shape& in) {
    const std::int64_t kernel = side(in[1]), stride = 1 + below(2);
    const std::int64_t groups = options_.allow_what_nir_misreads && chance(3) ? in[0] : 1;
    const std::int64_t out = groups * (1 + below(3));
    return Conv1d{whole(in[1]),  numbers({out, in[0] / groups, kernel}),
                  whole(stride), padding(1, kernel, stride == 1),
                  whole(1),      whole(groups),
                  numbers({out})};
  }

  Primitive conv2d(const Shape& in) {
    const std::int64_t height = side(std::min(in[1], in[2]));
    const std::int64_t width = options_.allow_what_nir_misreads ? side(in[2]) : height;
    const std::int64_t stride = 1 + below(2);
    const std::int64_t groups = options_.allow_what_nir_misreads && chance(3) ? in[0] : 1;
    const std::int64_t out = groups * (1 + below(3));
    return Conv2d{pair_tensor(in[1], in[2]),
                  numbers({out, in[0] / groups, height, width}),
                  chance(2) ? whole(stride) : pair_tensor(stride, stride),
                  padding(2, height % 2 == 1 && width % 2 == 1 ? 1 : 2, stride == 1),
                  chance(2) ? whole(1) : pair_tensor(1, 1),
                  whole(groups),
                  numbers({out})};
  }

  Primitive pool(const Shape& in) {
    const std::int64_t edge = std::min<std::int64_t>(1 + below(2), std::min(in[1], in[2]));
    const Tensor kernel = pair_tensor(edge, edge), none = pair_tensor(0, 0);
    if (chance(2)) return SumPool2d{kernel, kernel, none};
    return AvgPool2d{kernel, kernel, none};
  }

  Primitive flatten(const Shape& in) {
    return Flatten{int_tensor(0), int_tensor(-1), chance(4) ? Tensor() : shape_tensor(in)};
  }

  Tensor maybe(const Shape& shape) { return chance(2) ? Tensor() : numbers(shape); }

  /// Never zero, so that a v_reset has something to say.
  Tensor numbers(const Shape& shape) {
    std::vector<float> values(static_cast<std::size_t>(*element_count(shape)));
    for (float& value : values) value = static_cast<float>(1 + below(63)) / 8;
    const Tensor tensor = Tensor::from(shape, std::move(values));
    if (!options_.allow_widths || !chance(4)) return tensor;
    constexpr DType kWidths[]{DType::kFloat64, DType::kFloat16, DType::kInt8, DType::kInt64,
                              DType::kUint16};
    return tensor.converted(kWidths[below(5)]);
  }

  Metadata metadata(int levels) {
    Metadata made;
    set(made, "text", std::string("Grüße"));
    if (chance(2)) set(made, "flag", int_tensor(below(2)).converted(DType::kBool));
    if (chance(2)) set(made, "number", Tensor::scalar(random_.uniform()));
    if (chance(2)) set(made, "array", Tensor::from<std::int32_t>({2, 2}, {1, 2, 3, 4}));
    if (chance(3)) set(made, "list", Texts{{2}, {"a", "b"}});
    if (levels > 0 && chance(2)) set(made, "tree", metadata(levels - 1));
    return made;
  }

  RandomStream& random_;
  const RandomNirOptions& options_;
  int depth_;
  Graph graph_;
  std::vector<End> ends_;
  int count_ = 0;
};

}  // namespace

nir::Document random_nir(const RandomNirOptions& options) {
  RandomStream random(options.seed, "random_nir", "");
  Maker maker(random, options, 0);
  const Shape in = maker.random_shape();
  Shape out;
  return {std::string(nir::kNewestVersion), maker.make(in, out)};
}

}  // namespace neurotool::test
