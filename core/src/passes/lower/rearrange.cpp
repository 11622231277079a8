// Runs operations that only move elements on tensors of indices.
#include "passes/lower/rearrange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "eval/tensor_eval.hpp"
#include "passes/lower/linear_form.hpp"

namespace neurotool::lower {
namespace {

Shape with_batch(std::int64_t batch, const Shape& sample) {
  Shape shape{batch};
  shape.insert(shape.end(), sample.begin(), sample.end());
  return shape;
}

Tensor filled(Shape shape, std::int64_t value) {
  const auto count = static_cast<std::size_t>(element_count(shape).value_or(0));
  return Tensor::from<std::int64_t>(std::move(shape), std::vector<std::int64_t>(count, value));
}

Tensor counting(Shape shape) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(element_count(shape).value_or(0)));
  std::iota(values.begin(), values.end(), std::int64_t{0});
  return Tensor::from<std::int64_t>(std::move(shape), std::move(values));
}

/// Whether input `i` holds data to be moved: all of a Concat, the first of every other op.
bool is_data(const OpNode& node, std::size_t i) {
  return i == 0 || std::holds_alternative<Concat>(node.op);
}

std::vector<Tensor> index_inputs(const TensorGraph& graph, const OpNode& node, std::size_t which,
                                 std::span<const Shape> samples, std::int64_t batch) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (!id.valid()) {
      inputs.emplace_back();
    } else if (i == which) {
      inputs.push_back(counting(with_batch(batch, samples[i])));
    } else if (is_data(node, i)) {
      const Tensor& constant = graph[id].constant;
      const Shape shape = constant.defined() ? constant.shape() : with_batch(batch, samples[i]);
      inputs.push_back(filled(shape, View::kZero));
    } else {
      inputs.push_back(graph[id].constant);
    }
  }
  if (std::holds_alternative<Pad>(node.op)) {
    inputs.resize(std::max<std::size_t>(inputs.size(), 3));
    inputs[2] = Tensor::scalar<std::int64_t>(View::kZero);
  }
  return inputs;
}

}  // namespace

Result<std::vector<std::int64_t>> picks_of(const TensorGraph& graph, const OpNode& node,
                                           std::size_t which, std::span<const Shape> samples,
                                           std::int64_t batch) {
  NT_TRY(const std::vector<Tensor> outputs,
         evaluate_op(node.op, index_inputs(graph, node, which, samples, batch)));
  const Tensor& output = outputs.at(0);
  const std::int64_t read = element_count(samples[which]).value_or(0);
  const bool keeps_batch = output.rank() > 0 && output.shape()[0] == batch;
  const std::int64_t made = keeps_batch ? output.size() / batch : 0;
  const auto values = output.as<std::int64_t>();
  std::vector<std::int64_t> picks(values.begin(), values.begin() + made);
  bool same = keeps_batch;
  for (std::int64_t i = 0; same && i < output.size(); ++i) {
    const std::int64_t first = picks[static_cast<std::size_t>(i % made)];
    const std::int64_t wanted = first == View::kZero ? first : first + i / made * read;
    same = values[static_cast<std::size_t>(i)] == wanted && first < read;
  }
  if (same) return picks;
  return error("lowering.unsupported-op", {}, "moves elements between the samples of a batch");
}

std::optional<std::vector<double>> broadcast_constant(const Tensor& constant, const Shape& sample) {
  const Shape full = with_batch(1, sample);
  const Shape& own = constant.shape();
  if (own.size() > full.size()) return std::nullopt;
  // Strides of the constant along the axes of the value; 0 along those that it is spread over.
  std::vector<std::int64_t> stride(full.size(), 0);
  std::int64_t step = 1;
  for (std::size_t back = 1; back <= own.size(); ++back) {
    const std::int64_t extent = own[own.size() - back];
    const std::size_t axis = full.size() - back;
    if (extent != 1 && extent != full[axis]) return std::nullopt;
    if (extent != 1) stride[axis] = step;
    step *= extent;
  }
  std::vector<double> values(static_cast<std::size_t>(element_count(full).value_or(0)));
  for (std::size_t e = 0; e < values.size(); ++e) {
    auto rest = static_cast<std::int64_t>(e);
    std::int64_t place = 0;
    for (std::size_t axis = full.size(); axis-- > 0;) {
      place += rest % full[axis] * stride[axis];
      rest /= full[axis];
    }
    values[e] = constant.at(place);
  }
  return values;
}

}  // namespace neurotool::lower
