// Weights, windows, biases and delays of a file in our terms. An average becomes a sum with a
// factor, a signal of one axis an image one pixel high.
#include "frontend/nir/import_linear.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <utility>

#include "eval/nir/plan_shapes.hpp"
#include "frontend/nir/neurons.hpp"

namespace neurotool::from_nir {
namespace {

using nir::Affine, nir::AvgPool2d, nir::Conv1d, nir::Conv2d, nir::Linear, nir::Scale,
    nir::SumPool2d;
using nir::PlannedNode, nir::Primitive, nir::WindowGeometry;
using nir::spread, nir::window_geometry;

Error cannot(std::string message, std::string help) {
  return error("nir.cannot-express", {}, std::move(message), std::move(help));
}

Tensor floats(const Tensor& tensor) { return tensor.converted(DType::kFloat32); }

neurotool::Conv2d conv2d(const Tensor& weight, const WindowGeometry& w) {
  neurotool::Conv2d conv{.weight = floats(weight)};
  if (weight.rank() == 3) {
    const Shape& s = weight.shape();
    conv.weight = conv.weight.reshaped({s[0], s[1], 1, s[2]});
  }
  conv.stride = {w.stride[0], w.stride[1]};
  conv.dilation = {w.dilation[0], w.dilation[1]};
  conv.padding = {w.before[0], w.before[1], w.after[0], w.after[1]};
  conv.groups = w.groups;
  return conv;
}

Result<neurotool::SumPool2d> sum_pool(const PlannedNode& node, const Location& at,
                                      Diagnostics& diagnostics) {
  NT_TRY(const WindowGeometry w, window_geometry(node.primitive));
  neurotool::SumPool2d pool{.kernel = {w.kernel[0], w.kernel[1]},
                            .stride = {w.stride[0], w.stride[1]},
                            .padding = {w.before[0], w.before[1], w.after[0], w.after[1]},
                            .weight = {}};
  if (!std::holds_alternative<AvgPool2d>(node.primitive)) return pool;
  const auto area = static_cast<float>(w.kernel[0] * w.kernel[1]);
  pool.weight = Tensor::scalar(1.0F / area);
  if (std::exp2(std::round(std::log2(area))) != area) {
    diagnostics.report(warning(
        "nir.rounding", at,
        fmt::format("its mean over {} values becomes a product with 1/{}, which may differ from a "
                    "division in the last bit",
                    area, area),
        "a pooling over a power of two is exact"));
  }
  return pool;
}

Sparse picked(const std::vector<std::size_t>& members, std::size_t size) {
  std::vector<std::int64_t> begin(size + 1);
  std::vector<std::int32_t> targets;
  for (const std::size_t k : members) {
    begin[k + 1] = 1;
    targets.push_back(static_cast<std::int32_t>(k));
  }
  for (std::size_t k = 0; k < size; ++k) begin[k + 1] += begin[k];
  const auto count = static_cast<std::int64_t>(members.size());
  return {Tensor::from<std::int64_t>({static_cast<std::int64_t>(size + 1)}, std::move(begin)),
          Tensor::from<std::int32_t>({count}, std::move(targets)),
          Tensor::from<float>({count}, std::vector<float>(members.size(), 1.0F))};
}

}  // namespace

std::string population_name(std::string_view name) {
  std::string made;
  for (const char c : name) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    made += word ? c : '_';
  }
  const bool letter =
      !made.empty() && ((made[0] >= 'a' && made[0] <= 'z') || (made[0] >= 'A' && made[0] <= 'Z'));
  return letter ? made : "n" + made;
}

Result<Shape> population_shape(const Shape& shape) {
  if (shape.size() == 1 || shape.size() == 3) return shape;
  if (shape.size() == 2) return Shape{shape[0], 1, shape[1]};
  return cannot(fmt::format("its shape {} has {} axes", to_string(shape), shape.size()),
                "one axis, [channels, length] or [channels, height, width] can be read");
}

bool is_linear(const Primitive& p) {
  return std::holds_alternative<Affine>(p) || std::holds_alternative<Linear>(p) ||
         std::holds_alternative<Conv1d>(p) || std::holds_alternative<Conv2d>(p) ||
         std::holds_alternative<SumPool2d>(p) || std::holds_alternative<AvgPool2d>(p) ||
         std::holds_alternative<Scale>(p);
}

Result<Connectivity> connectivity_of(const PlannedNode& node, const Location& at,
                                     Diagnostics& diagnostics) {
  if (const auto* p = std::get_if<Affine>(&node.primitive)) return Dense{floats(p->weight)};
  if (const auto* p = std::get_if<Linear>(&node.primitive)) return Dense{floats(p->weight)};
  if (const auto* p = std::get_if<Scale>(&node.primitive)) {
    NT_TRY(const std::vector<double> values, spread(p->scale, node.shape, 1));
    NT_TRY(const Shape shape, population_shape(node.shape));
    return OneToOne{compressed(values, shape)};
  }
  if (std::holds_alternative<SumPool2d>(node.primitive) ||
      std::holds_alternative<AvgPool2d>(node.primitive)) {
    NT_TRY(neurotool::SumPool2d pool, sum_pool(node, at, diagnostics));
    return pool;
  }
  NT_TRY(const WindowGeometry w, window_geometry(node.primitive));
  const auto* wide = std::get_if<Conv2d>(&node.primitive);
  return conv2d(wide ? wide->weight : std::get<Conv1d>(node.primitive).weight, w);
}

Result<Tensor> bias_of(const PlannedNode& node) {
  const Tensor* bias = nullptr;
  if (const auto* p = std::get_if<Affine>(&node.primitive)) bias = &p->bias;
  if (const auto* p = std::get_if<Conv1d>(&node.primitive)) bias = &p->bias;
  if (const auto* p = std::get_if<Conv2d>(&node.primitive)) bias = &p->bias;
  if (bias == nullptr || !bias->defined()) return Tensor{};
  NT_TRY(const std::vector<double> values, spread(*bias, node.shape, 0));
  NT_TRY(const Shape shape, population_shape(node.shape));
  return compressed(values, shape, true);
}

OneToOne one_to_one() { return {Tensor::scalar(1.0F)}; }

Result<std::vector<LatePart>> late_parts(const PlannedNode& node, const nir::Delay& delay,
                                         double dt) {
  NT_TRY(const std::vector<double> times, spread(delay.delay, node.shape, 0));
  std::map<std::uint32_t, std::vector<std::size_t>> groups;
  for (std::size_t k = 0; k < times.size(); ++k) {
    const double steps = std::nearbyint(times[k] / dt);
    if (!(steps >= 0 && steps <= 1 << 20)) {
      return cannot(fmt::format("a delay of {} is {} steps", times[k], steps),
                    "check dt and the time unit");
    }
    groups[static_cast<std::uint32_t>(steps)].push_back(k);
  }
  std::vector<LatePart> parts;
  for (const auto& [steps, members] : groups) {
    if (groups.size() == 1) {
      parts.push_back({steps, one_to_one()});
    } else {
      parts.push_back({steps, picked(members, times.size())});
    }
  }
  return parts;
}

}  // namespace neurotool::from_nir
