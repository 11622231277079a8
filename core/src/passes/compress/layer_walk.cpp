// One op after the other, all batches of it before the next. While nothing has changed both values
// of an op are one tensor and are computed once.
#include "passes/compress/layer_walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "eval/tensor_eval.hpp"
#include "passes/tensor/pass_tools.hpp"

namespace neurotool::compress {
namespace {

constexpr std::int64_t kBatch = 64;
constexpr std::int64_t kMostBytes = std::int64_t{768} << 20;
constexpr std::int64_t kMostPositions = 32768;

using Batches = std::vector<Tensor>;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// The op after which a value is not read any more.
std::map<ValueId, OpId> last_readers(const TensorGraph& graph, const std::vector<OpId>& order) {
  std::map<ValueId, OpId> last;
  for (const OpId id : order) {
    for (const ValueId input : graph[id].inputs) {
      if (input.valid()) last[input] = id;
    }
    for (const ValueId output : graph[id].outputs) last[output] = id;
  }
  return last;
}

/// Bytes of the values that are alive at once, for one sample.
std::int64_t bytes_of_sample(const TensorGraph& graph, const std::vector<OpId>& order,
                             const std::map<ValueId, OpId>& last) {
  const ValueTypes types = tensor_passes::types_of(graph);
  const auto bytes = [&](ValueId id) -> std::int64_t {
    if (!id.valid() || graph[id].constant.defined() || !types[id].shape) return 0;
    Shape shape = *types[id].shape;
    if (!shape.empty() && shape[0] != kFreeDim) shape[0] = 1;
    std::ranges::replace(shape, kFreeDim, std::int64_t{1});
    return element_count(shape).value_or(0) * 4;
  };
  std::int64_t alive = 0, most = 1;
  for (const ValueId id : graph.inputs) alive += bytes(id);
  for (const OpId id : order) {
    alive += bytes(graph[id].outputs[0]);
    most = std::max(most, alive);
    for (const auto& [value, reader] : last) {
      if (reader == id) alive -= bytes(value);
    }
  }
  return 2 * most;
}

Result<Batches> read_samples(const TensorGraph& graph, std::int64_t wanted, Context& context) {
  if (graph.inputs.size() != 1) {
    return error("compress.inputs", {},
                 fmt::format("the network has {} inputs, and calibration samples are for one",
                             graph.inputs.size()),
                 "bind the other inputs to constants before this pass");
  }
  const SampleSource& source = *context.calibration;
  const Value& input = graph[graph.inputs[0]];
  Shape shape = input.shape.value_or(Shape{kFreeDim});
  if (shape.empty() || shape[0] == 0) {
    return error("compress.inputs", {},
                 fmt::format("the network's input '{}' is {}, without a batch of samples",
                             input.name, to_string(shape)),
                 "export the network with a batch that is free, or of 1 sample");
  }
  const std::int64_t step = shape[0] == kFreeDim ? kBatch : shape[0];
  const bool fixed = shape[0] != kFreeDim;
  const std::int64_t samples = fixed ? wanted / step * step : wanted;
  if (samples == 0) {
    return error("compress.calibration-empty", {},
                 fmt::format("{} samples of '{}' are too few to run the network once", wanted,
                             source.name()),
                 "give more samples under data.calibration, or raise the option 'samples'");
  }
  const Shape sample(shape.begin() + 1, shape.end());
  if (element_count(sample) != element_count(source.sample_shape())) {
    return error(
        "compress.calibration-shape", {},
        fmt::format("samples of '{}' are {}, the network's input '{}' takes {}", source.name(),
                    to_string(source.sample_shape()), input.name, to_string(sample)),
        "give calibration data of the shape that the network was trained on");
  }
  Batches batches;
  for (std::int64_t first = 0; first < samples; first += step) {
    shape[0] = std::min(step, samples - first);
    NT_TRY(const Tensor batch, source.batch(first, shape[0]));
    batches.push_back(batch.reshaped(shape));
  }
  return batches;
}

/// Mean of each slice along `axis`, over all batches.
std::vector<double> means(const Batches& batches, std::size_t axis) {
  const std::size_t outputs = index(batches[0].shape()[axis]);
  std::int64_t inner = 1;
  for (std::size_t i = axis + 1; i < batches[0].rank(); ++i) inner *= batches[0].shape()[i];
  std::vector<double> mean(outputs, 0);
  parallel_for(outputs, [&](std::size_t begin, std::size_t end) {
    for (std::size_t o = begin; o < end; ++o) {
      double sum = 0;
      std::int64_t count = 0;
      for (const Tensor& batch : batches) {
        const auto values = batch.as<float>();
        const std::size_t stride = outputs * index(inner);
        for (std::size_t at = o * index(inner); at < values.size(); at += stride) {
          for (std::size_t i = 0; i < index(inner); ++i) sum += double{values[at + i]};
          count += inner;
        }
      }
      mean[o] = sum / static_cast<double>(std::max<std::int64_t>(count, 1));
    }
  });
  return mean;
}

/// `batch` with amount[c] added along `axis`.
Tensor shifted(const Tensor& batch, std::size_t axis, std::span<const double> amount) {
  std::size_t inner = 1;
  for (std::size_t i = axis + 1; i < batch.rank(); ++i) inner *= index(batch.shape()[i]);
  const auto old = batch.as<float>();
  std::vector<float> values(old.size());
  for (std::size_t i = 0; i < old.size(); ++i) {
    values[i] = static_cast<float>(double{old[i]} + amount[i / inner % amount.size()]);
  }
  return Tensor::from<float>(batch.shape(), std::move(values));
}

class Walk {
 public:
  Walk(TensorGraph& graph, const WalkOptions& options, const LayerVisitor& visit)
      : graph_(graph),
        before_(graph),
        options_(options),
        visit_(visit),
        order_(graph.topological_order()),
        last_(last_readers(graph, order_)) {
    was_.resize(graph.values.size());
    now_.resize(graph.values.size());
  }

  Result<std::int64_t> run(std::string_view pass, Context& context) {
    const std::int64_t fit =
        std::max<std::int64_t>(1, kMostBytes / bytes_of_sample(graph_, order_, last_));
    const std::int64_t wanted = std::min({options_.samples, context.calibration->size(), fit});
    NT_TRY(Batches input, read_samples(graph_, wanted, context));
    std::int64_t samples = 0;
    for (const Tensor& batch : input) samples += batch.shape()[0];
    was_[graph_.inputs[0].index] = now_[graph_.inputs[0].index] = std::move(input);
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const double done = static_cast<double>(i) / static_cast<double>(order_.size());
      if (!context.progress.update(done, fmt::format("layer {} of {}", i + 1, order_.size()))) {
        return error("pass.cancelled", {}, fmt::format("cancelled in '{}'", pass));
      }
      NT_TRY_VOID(step(order_[i]));
    }
    return samples;
  }

 private:
  Result<> step(OpId id) {
    const auto layer = linear_layer(graph_, id);
    LayerChange changed = LayerChange::kNo;
    const ValueId out = graph_[id].outputs[0];
    if (layer) {
      const ValueId data = graph_[id].inputs[0];
      NT_TRY_VOID(check_finite(id, now_[data.index]));
      NT_TRY(changed, visit_(*layer, {was_[data.index], now_[data.index]}));
    }
    const std::size_t batches = was_[graph_.inputs[0].index].size();
    NT_TRY(was_[out.index], outputs(before_, id, was_, batches));
    if (changed == LayerChange::kNo && reads_same(id)) {
      now_[out.index] = was_[out.index];
    } else {
      NT_TRY(now_[out.index], outputs(graph_, id, now_, batches));
      if (changed == LayerChange::kYes && options_.correct_bias) correct_bias(*layer, out);
    }
    forget_after(id);
    return {};
  }

  Result<> check_finite(OpId id, const Batches& batches) const {
    for (const Tensor& batch : batches) {
      const auto values = batch.as<float>();
      if (std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) continue;
      return error("compress.not-finite", ModelNode{{}, graph_[id].name},
                   fmt::format("the values that go into '{}' are not all finite", graph_[id].name),
                   "check the preprocessing and the network's weights");
    }
    return {};
  }

  /// Whether the op's data are the same tensors in both runs.
  bool reads_same(OpId id) const {
    return std::ranges::all_of(graph_[id].inputs, [&](ValueId input) {
      if (!input.valid() || input.index >= was_.size()) return true;
      const Batches &was = was_[input.index], &now = now_[input.index];
      return std::ranges::equal(was, now, {}, &Tensor::data, &Tensor::data);
    });
  }

  Result<Batches> outputs(const TensorGraph& graph, OpId id, const std::vector<Batches>& values,
                          std::size_t batches) const {
    const OpNode& node = graph[id];
    Batches result(batches);
    std::vector<std::optional<Error>> problems(batches);
    parallel_for(batches, [&](std::size_t begin, std::size_t end) {
      for (std::size_t b = begin; b < end; ++b) {
        std::vector<Tensor> arguments;
        for (const ValueId input : node.inputs) {
          if (!input.valid())
            arguments.emplace_back();
          else if (graph[input].constant.defined())
            arguments.push_back(graph[input].constant);
          else
            arguments.push_back(values[input.index][b]);
        }
        auto out = evaluate_op(node.op, arguments);
        if (out)
          result[b] = std::move((*out)[0]);
        else
          problems[b] = std::move(out).error();
      }
    });
    for (std::optional<Error>& problem : problems) {
      if (!problem) continue;
      problem->at = ModelNode{{}, node.name};
      return *std::move(problem);
    }
    return result;
  }

  void correct_bias(const LinearLayer& layer, ValueId out) {
    const std::size_t rank = was_[out.index][0].rank();
    if (!takes_bias(graph_, layer.op, rank)) return;
    const std::size_t axis = output_axis(graph_[layer.op].op, rank);
    std::vector<double> amount = means(was_[out.index], axis);
    const std::vector<double> now = means(now_[out.index], axis);
    for (std::size_t o = 0; o < amount.size(); ++o) amount[o] -= now[o];
    add_to_bias(graph_, layer, amount);
    Batches& batches = now_[out.index];
    parallel_for(batches.size(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t b = begin; b < end; ++b) batches[b] = shifted(batches[b], axis, amount);
    });
  }

  void forget_after(OpId id) {
    for (const auto& [value, reader] : last_) {
      if (reader != id || value.index >= was_.size() || value == graph_.inputs[0]) continue;
      was_[value.index].clear();
      now_[value.index].clear();
    }
  }

  TensorGraph& graph_;
  const TensorGraph before_;
  const WalkOptions& options_;
  const LayerVisitor& visit_;
  const std::vector<OpId> order_;
  const std::map<ValueId, OpId> last_;
  std::vector<Batches> was_, now_;  ///< by value; empty: not known yet, or not needed any more
};

/// The i-th of `taken` positions out of `positions`: evenly spread, another start in each sample.
std::int64_t position_of(std::int64_t i, std::int64_t taken, std::int64_t positions,
                         std::int64_t sample) {
  if (taken == positions) return i;
  return (i * positions / taken + sample * 7919) % positions;
}

PatchReader reader_of(const TensorGraph& graph, const LinearLayer& layer, const Shape& input) {
  const OpNode& node = graph[layer.op];
  const auto* conv = std::get_if<Conv>(&node.op);
  const Shape& weight = tensor_passes::constant_of(graph, node, 1).shape();
  return conv ? PatchReader::convolution(*conv, weight, input) : PatchReader::matrix(input);
}

/// Inputs at `taken` positions of each sample of a batch, one row for each; `first` is the number
/// of the batch's first sample.
std::vector<float> rows_of(const PatchReader& reader, const Tensor& batch, std::int64_t first,
                           std::size_t group, std::int64_t taken) {
  const auto values = batch.as<float>();
  const std::size_t columns = reader.columns();
  const std::size_t count = index(batch.shape()[0]), size = values.size() / count;
  std::vector<float> rows(count * index(taken) * columns);
  parallel_for(count, [&](std::size_t begin, std::size_t end) {
    for (std::size_t s = begin; s < end; ++s) {
      for (std::int64_t i = 0; i < taken; ++i) {
        const std::int64_t position =
            position_of(i, taken, reader.positions(), first + static_cast<std::int64_t>(s));
        const std::size_t row = s * index(taken) + index(i);
        reader.read(values.subspan(s * size, size), position, group,
                    std::span(rows).subspan(row * columns, columns));
      }
    }
  });
  return rows;
}

/// How many positions of each sample are looked at.
std::int64_t positions_taken(const PatchReader& reader, std::span<const Tensor> batches) {
  std::int64_t samples = 0;
  for (const Tensor& batch : batches) samples += batch.shape()[0];
  return std::clamp<std::int64_t>(kMostPositions / samples, 1, reader.positions());
}

}  // namespace

Result<std::int64_t> walk_layers(TensorGraph& graph, std::string_view pass,
                                 const WalkOptions& options, Context& context,
                                 const LayerVisitor& visit) {
  return Walk(graph, options, visit).run(pass, context);
}

std::vector<SquareMatrix> input_moments(const TensorGraph& graph, const LinearLayer& layer,
                                        std::span<const Tensor> batches) {
  return input_moments(reader_of(graph, layer, batches[0].shape()), layer.groups, batches);
}

std::vector<SquareMatrix> input_moments(const PatchReader& reader, std::size_t groups,
                                        std::span<const Tensor> batches) {
  const std::int64_t taken = positions_taken(reader, batches);
  std::vector<SquareMatrix> result;
  for (std::size_t group = 0; group < groups; ++group) {
    Moments moments(reader.columns());
    std::int64_t first = 0;
    for (const Tensor& batch : batches) {
      moments.add(rows_of(reader, batch, first, group, taken));
      first += batch.shape()[0];
    }
    result.push_back(moments.mean());
  }
  return result;
}

std::vector<SquareMatrix> cross_moments(const TensorGraph& graph, const LinearLayer& layer,
                                        std::span<const Tensor> x, std::span<const Tensor> y) {
  const PatchReader reader = reader_of(graph, layer, x[0].shape());
  const std::int64_t taken = positions_taken(reader, x);
  std::vector<SquareMatrix> result;
  for (std::size_t group = 0; group < layer.groups; ++group) {
    CrossMoments moments(reader.columns());
    std::int64_t first = 0;
    for (std::size_t b = 0; b < x.size(); ++b) {
      moments.add(rows_of(reader, x[b], first, group, taken),
                  rows_of(reader, y[b], first, group, taken));
      first += x[b].shape()[0];
    }
    result.push_back(moments.mean());
  }
  return result;
}

}  // namespace neurotool::compress
