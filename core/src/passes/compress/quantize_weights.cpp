// Brings the weights of a trained network to a grid of a few bits while they stay float32 numbers:
// what later passes and the float evaluation see is the network with its few-bit weights. Layers
// are taken in order; with calibration samples each one is rounded for the inputs that the layers
// before it make now (GPTQ), and its bias takes back what the mean of its outputs has lost. See
// docs/passes/quantize_weights.md.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "passes/compress/compress_passes.hpp"
#include "passes/compress/equalize.hpp"
#include "passes/compress/layer_walk.hpp"
#include "passes/compress/row_quantizer.hpp"
#include "passes/tensor/pass_tools.hpp"

namespace neurotool {
namespace {

using namespace compress;

enum class Method { kNearest, kGptq };

struct QuantizeWeightsOptions {
  std::uint32_t bits = 8;
  bool per_channel = true;
  Method method = Method::kNearest;
  ScaleRule scale = ScaleRule::kMaxAbs;
  bool power_of_two = false;
  bool bias_correction = true;
  bool equalize = false;
  std::int64_t samples = 512;
};

const OptionTable<QuantizeWeightsOptions>& table() {
  using Options = QuantizeWeightsOptions;
  static const OptionTable<Options> rows{
      option("bits", &Options::bits, "Bits per weight, sign included; 1 leaves only the sign.")
          .range(1, 9),
      option("per_channel", &Options::per_channel,
             "One scale per output channel, or one per layer."),
      choice("method", &Options::method, "How a weight gets its place on the grid.",
             {{"nearest", Method::kNearest}, {"gptq", Method::kGptq}}),
      choice("scale", &Options::scale, "How the step of a grid is chosen.",
             {{"max_abs", ScaleRule::kMaxAbs}, {"mse", ScaleRule::kMse}}),
      option("power_of_two", &Options::power_of_two, "Steps that are powers of two."),
      option("bias_correction", &Options::bias_correction,
             "Bring the mean of each output back to what it was, with calibration data."),
      option("equalize", &Options::equalize, "Run equalize_layers first."),
      option("samples", &Options::samples, "Calibration samples to look at, at most.")
          .range(1, 1e9),
  };
  return rows;
}

/// Mean square of what D x is, D the difference of two sets of rows; relative to that of W x.
double output_error(const Rows& before, const Rows& after, const SquareMatrix& moments) {
  double wrong = 0, whole = 0;
  std::vector<double> difference(before.columns);
  const auto power = [&](std::span<const double> row) {
    double sum = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      double inner = 0;
      for (std::size_t j = 0; j < row.size(); ++j) inner += moments.at(i, j) * row[j];
      sum += inner * row[i];
    }
    return sum;
  };
  for (std::size_t r = 0; r < before.rows; ++r) {
    for (std::size_t c = 0; c < before.columns; ++c) {
      difference[c] = after.row(r)[c] - before.row(r)[c];
    }
    wrong += power(difference);
    whole += power(before.row(r));
  }
  return whole > 0 ? std::sqrt(std::max(wrong, 0.0) / whole) : 0;
}

double weight_error(const Rows& before, const Rows& after) {
  double wrong = 0, whole = 0;
  for (std::size_t i = 0; i < before.value.size(); ++i) {
    wrong += (after.value[i] - before.value[i]) * (after.value[i] - before.value[i]);
    whole += before.value[i] * before.value[i];
  }
  return whole > 0 ? std::sqrt(wrong / whole) : 0;
}

class QuantizeWeightsPass final : public Pass {
 public:
  explicit QuantizeWeightsPass(QuantizeWeightsOptions options) : options_(options) {}

  Result<Changed> run(Model& model, Context& context) override;
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

 private:
  Result<> check(const Model& model, Context& context) const;
  /// Rounds one layer and stores it; `moments`: one for each group, or none.
  void round(TensorGraph& graph, LinearLayer layer, std::span<const SquareMatrix> moments,
             Context& context) const;

  QuantizeWeightsOptions options_;
};

Result<> QuantizeWeightsPass::check(const Model& model, Context& context) const {
  const TensorGraph& graph = model.tensor();
  for (const OpId id : graph.live_ops()) {
    if (linear_layer(graph, id) || !has_other_weights(graph, graph[id])) continue;
    context.diagnostics.report(warning(
        "quantize_weights.kept", tensor_passes::at_node(model, graph[id]),
        fmt::format("the weights of '{}' ({}) stay as they are: only Conv, Gemm and MatMul with "
                    "a constant weight are brought to a grid",
                    graph[id].name, op_name(graph[id].op))));
  }
  if (context.calibration != nullptr || context.plan) return {};
  if (options_.method == Method::kGptq) {
    return error("quantize_weights.no-calibration", {},
                 "method 'gptq' rounds for the inputs that calibration samples make, and there "
                 "are none",
                 "add data.calibration, or set method: nearest");
  }
  if (options_.bias_correction) {
    context.diagnostics.report(
        warning("quantize_weights.no-calibration", {},
                "biases are not corrected, because there are no calibration samples",
                "add data.calibration, or set bias_correction: false"));
  }
  return {};
}

void QuantizeWeightsPass::round(TensorGraph& graph, LinearLayer layer,
                                std::span<const SquareMatrix> moments, Context& context) const {
  const GridOptions grid{options_.bits, options_.scale, options_.power_of_two,
                         options_.per_channel};
  const Rows before = layer.weights;
  Quantization quantization{.scales = {}, .zero_point = 0, .bits = options_.bits};
  // One scale for the layer is one for all its groups.
  const std::vector<double> shared =
      options_.per_channel ? std::vector<double>() : choose_scales(before, grid);
  double wrong = 0;
  for (std::size_t g = 0; g < layer.groups; ++g) {
    const SquareMatrix* const known = moments.empty() ? nullptr : &moments[g];
    Rows rows = layer.group(g);
    const Rows real = rows;
    QuantizedRows rounded;
    if (options_.per_channel) {
      rounded = quantize_rows(rows, grid, known);
    } else {
      rounded.scale.assign(rows.rows, shared[0]);
      const std::optional<ErrorSpread> spread =
          known ? std::optional<ErrorSpread>(*known) : std::nullopt;
      rounded.whole = round_rows(rows, rounded.scale, options_.bits, spread ? &*spread : nullptr);
    }
    for (std::size_t i = 0; i < rows.value.size(); ++i) {
      rows.value[i] = rounded.whole[i] * rounded.scale[i / rows.columns];
    }
    layer.set_group(g, rows);
    if (known != nullptr) wrong = std::max(wrong, output_error(real, rows, *known));
    quantization.scales.insert(quantization.scales.end(), rounded.scale.begin(),
                               rounded.scale.end());
  }
  if (!options_.per_channel) quantization.scales.resize(1);
  const std::string& name = graph[layer.op].name;
  context.facts.push_back(
      {"quantize_weights", name, "weight_error", weight_error(before, layer.weights)});
  if (!moments.empty()) context.facts.push_back({"quantize_weights", name, "output_error", wrong});
  write_weights(graph, layer, quantization);
}

Result<Changed> QuantizeWeightsPass::run(Model& model, Context& context) {
  TensorGraph& graph = model.tensor();
  NT_TRY_VOID(check(model, context));
  bool any = false;
  if (options_.equalize) {
    const Equalized found = equalize(graph);
    context.facts.push_back(
        {"quantize_weights", model.name, "equalized_pairs", static_cast<double>(found.pairs)});
  }
  if (context.calibration == nullptr) {
    for (const OpId id : graph.live_ops()) {
      const auto layer = linear_layer(graph, id);
      if (!layer) continue;
      round(graph, *layer, {}, context);
      any = true;
    }
    return any ? Changed::kYes : Changed::kNo;
  }
  const auto visit = [&](const LinearLayer& layer, const LayerData& data) -> Result<LayerChange> {
    std::vector<SquareMatrix> moments;
    if (options_.method == Method::kGptq) moments = input_moments(graph, layer, data.now);
    round(graph, layer, moments, context);
    any = true;
    return LayerChange::kYes;
  };
  const WalkOptions walk{options_.samples, options_.bias_correction};
  NT_TRY(const std::int64_t samples, walk_layers(graph, "quantize_weights", walk, context, visit));
  context.facts.push_back(
      {"quantize_weights", model.name, "samples", static_cast<double>(samples)});
  return any ? Changed::kYes : Changed::kNo;
}

}  // namespace

PassEntry quantize_weights_entry() {
  return {.info = {.name = "quantize_weights",
                   .summary = "Brings the weights of a trained network to a grid of a few bits.",
                   .from = Level::kTensor,
                   .to = Level::kTensor,
                   .approximates = true},
          .options = table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<QuantizeWeightsPass>(table(), "quantize_weights", section, path,
                                                    out);
          }};
}

}  // namespace neurotool
