// Gives every rectifier of a float network L = 2^bits - 1 levels above 0: the threshold of each
// channel is the value that L levels represent best on the calibration samples, and the rectifier
// becomes scale * clip(floor(x / scale + 1/2), 0, L) with scale = threshold / L. The network stays
// a tensor network; its accuracy can be measured before anything spikes. What one linear layer
// hands to another without a rectifier gets levels on both sides of 0.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "passes/lower/calibrate.hpp"
#include "passes/lower/dead_channels.hpp"
#include "passes/tensor/bias_correction.hpp"
#include "passes/tensor/linear_values.hpp"
#include "passes/tensor/pass_tools.hpp"
#include "passes/tensor/tensor_passes.hpp"
#include "passes/tensor/watch.hpp"

namespace neurotool {
namespace {

using lower::Granularity;
using lower::ThresholdMethod;

struct QuantizeActivationsOptions {
  std::int64_t bits = 4;
  ThresholdMethod method = ThresholdMethod::kMmse;
  double percentile = 0.999;
  Granularity granularity = Granularity::kChannel;
  std::int64_t samples = 512;
  bool bias_correction = false;
  std::int64_t linear_bits = 8;
};

const OptionTable<QuantizeActivationsOptions>& table() {
  static const OptionTable<QuantizeActivationsOptions> rows{
      option("bits", &QuantizeActivationsOptions::bits,
             "Bits per activation; there are 2^bits - 1 levels above 0.")
          .range(1, 8),
      choice("method", &QuantizeActivationsOptions::method, "How the largest level is chosen.",
             {{"mmse", ThresholdMethod::kMmse},
              {"max", ThresholdMethod::kMax},
              {"percentile", ThresholdMethod::kPercentile}}),
      option("percentile", &QuantizeActivationsOptions::percentile,
             "Share of activations at or below the largest level, with method percentile.")
          .range(0.5, 1),
      choice("granularity", &QuantizeActivationsOptions::granularity,
             "One scale for each channel, or for the layer.",
             {{"channel", Granularity::kChannel}, {"layer", Granularity::kLayer}}),
      option("samples", &QuantizeActivationsOptions::samples,
             "Calibration samples to look at, at most.")
          .range(1, 1e6),
      option("bias_correction", &QuantizeActivationsOptions::bias_correction,
             "Shift each channel so that its mean is that of the float network."),
      option("linear_bits", &QuantizeActivationsOptions::linear_bits,
             "Bits, with a sign, of a value that one linear layer hands to another.")
          .range(2, 8),
  };
  return rows;
}

/// The bound of a rectifier, infinite for Relu; nothing for any other operation.
std::optional<std::optional<double>> rectifier(const TensorGraph& graph, const OpNode& node) {
  using Cap = std::optional<double>;
  const auto* unary = std::get_if<Unary>(&node.op);
  if (unary != nullptr && unary->kind == UnaryKind::kRelu) return Cap{};
  if (!std::holds_alternative<Clip>(node.op)) return {};
  const Tensor& low = tensor_passes::constant_of(graph, node, 1);
  const Tensor& high = tensor_passes::constant_of(graph, node, 2);
  const bool known = low.defined() && low.at(0) == 0 &&
                     (!tensor_passes::input_of(node, 2).valid() || high.defined());
  if (!known) return {};
  return high.defined() ? Cap{high.at(0)} : Cap{};
}

class QuantizeActivations final : public Pass {
 public:
  explicit QuantizeActivations(QuantizeActivationsOptions options) : options_(options) {}

  Result<Changed> run(Model& model, Context& context) override;
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

 private:
  struct Rectifier {
    OpId op;
    lower::Site site;
  };

  std::vector<Rectifier> rectifiers(const TensorGraph& graph) const;
  void replace(TensorGraph& graph, const Rectifier& rectifier,
               const std::vector<float>& threshold) const;
  void report(const Rectifier& rectifier, const lower::SiteThresholds& found,
              Context& context) const;
  /// Levels below and above 0 for what passes from one linear layer to another without an
  /// activation; true if there is such a value.
  Result<bool> quantize_linear_values(TensorGraph& graph, const std::vector<Rectifier>& rectifiers,
                                      Context& context) const;
  std::int64_t levels() const { return (std::int64_t{1} << options_.bits) - 1; }

  QuantizeActivationsOptions options_;
};

std::vector<QuantizeActivations::Rectifier> QuantizeActivations::rectifiers(
    const TensorGraph& graph) const {
  const ValueTypes types = tensor_passes::types_of(graph);
  std::vector<Rectifier> found;
  for (const OpId id : graph.topological_order()) {
    const OpNode& node = graph[id];
    const auto cap = rectifier(graph, node);
    if (!cap) continue;
    const auto& shape = types[node.inputs[0]].shape;
    if (shape && shape->empty()) continue;  // one number for all samples is nobody's activation
    const bool has_channels = shape && shape->size() >= 2 && (*shape)[1] > 0;
    const std::string& name = node.origins.empty() ? node.name : node.origins.front();
    lower::Site site;
    site.value = node.inputs[0];
    site.population = node.name;
    site.node = name;
    site.channels = has_channels ? (*shape)[1] : 1;
    site.cap = *cap;
    found.push_back({id, std::move(site)});
  }
  return found;
}

void QuantizeActivations::replace(TensorGraph& graph, const Rectifier& rectifier,
                                  const std::vector<float>& threshold) const {
  std::vector<float> scale = threshold;
  for (float& value : scale) value /= static_cast<float>(levels());
  const auto count = static_cast<std::int64_t>(scale.size());
  const Shape shape = count == 1 ? Shape{} : Shape{count};
  const ValueId constant = graph.add_constant(graph[rectifier.op].name + "/scale",
                                              Tensor::from<float>(shape, std::move(scale)));
  OpNode& node = graph[rectifier.op];
  node.op = QuantizedActivation{
      .low = 0, .high = levels(), .rounding = LevelRounding::kFloor, .offset = 0.5f};
  node.inputs = {node.inputs[0], constant};
}

void QuantizeActivations::report(const Rectifier& rectifier, const lower::SiteThresholds& found,
                                 Context& context) const {
  std::vector<float> sorted = found.threshold;
  std::ranges::sort(sorted);
  const auto fact = [&](const char* name, double value) {
    context.facts.push_back({"quantize_activations", rectifier.site.node, name, value});
  };
  fact("threshold_median", double{sorted[sorted.size() / 2]});
  fact("clipped_share", found.clipped_share);
  fact("dead_channels", static_cast<double>(found.dead_channels));
}

/// The largest magnitude of each channel on the first samples.
Result<std::vector<std::vector<float>>> channel_magnitudes(const TensorGraph& graph,
                                                           const std::vector<ValueId>& values,
                                                           std::int64_t samples, Context& context) {
  std::vector<std::vector<float>> most(values.size());
  const auto see = [&](std::size_t i, const Tensor& batch) {
    const auto channels = static_cast<std::size_t>(batch.rank() > 1 ? batch.shape()[1] : 1);
    const auto data = batch.as<float>();
    const std::size_t rows = static_cast<std::size_t>(batch.shape()[0]) * channels;
    const std::size_t inner = std::max<std::size_t>(1, data.size() / rows);
    most[i].resize(channels, 0);
    for (std::size_t k = 0; k < data.size(); ++k) {
      float& channel = most[i][k / inner % channels];
      channel = std::max(channel, std::abs(data[k]));
    }
  };
  NT_TRY_VOID(tensor_passes::watch(graph, values, samples, "looking at sums", context, see));
  return most;
}

Result<bool> QuantizeActivations::quantize_linear_values(TensorGraph& graph,
                                                         const std::vector<Rectifier>& rectifiers,
                                                         Context& context) const {
  std::set<OpId> activations;
  for (const Rectifier& one : rectifiers) activations.insert(one.op);
  for (const OpId id : graph.live_ops()) {
    if (std::holds_alternative<QuantizedActivation>(graph[id].op)) activations.insert(id);
  }
  const std::vector<ValueId> values = tensor_passes::linear_values(graph, activations);
  std::vector<std::vector<float>> most(values.size(), {1.0f});
  if (context.calibration != nullptr && !values.empty()) {
    const std::int64_t samples = std::min(options_.samples, context.calibration->size());
    NT_TRY(most, channel_magnitudes(graph, values, samples, context));
  }
  const std::int64_t high = (std::int64_t{1} << (options_.linear_bits - 1)) - 1;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float largest = std::ranges::max(most[i]);
    for (float& scale : most[i]) {
      // A channel that is always 0 takes the layer's unit.
      if (scale == 0) scale = largest > 0 ? largest : 1;
      scale /= static_cast<float>(high);
    }
    const std::string name = graph[values[i]].name;
    const auto count = static_cast<std::int64_t>(most[i].size());
    const ValueId scale = graph.add_constant(
        name + "/scale",
        Tensor::from<float>(count == 1 ? Shape{} : Shape{count}, std::move(most[i])));
    const OpNode maker = graph[graph[values[i]].producer];  // adding moves them
    const ValueId rounded = graph.add_op(
        maker.name + "/levels",
        QuantizedActivation{
            .low = -high, .high = high, .rounding = LevelRounding::kFloor, .offset = 0.5f},
        {values[i], scale}, maker.origins);
    graph[rounded].shape = graph[values[i]].shape;
    graph[rounded].dtype = graph[values[i]].dtype;
    const OpId rounder = graph[rounded].producer;
    graph.replace_uses(values[i], rounded);
    graph[rounder].inputs[0] = values[i];
    context.facts.push_back(
        {"quantize_activations", maker.name, "linear_levels", static_cast<double>(2 * high + 1)});
  }
  return !values.empty();
}

Result<Changed> QuantizeActivations::run(Model& model, Context& context) {
  TensorGraph& graph = model.tensor();
  NT_TRY(const bool between, quantize_linear_values(graph, rectifiers(graph), context));
  const std::vector<Rectifier> found = rectifiers(graph);
  if (found.empty()) return between ? Changed::kYes : Changed::kNo;
  if (context.calibration == nullptr) {
    for (const Rectifier& one : found) {
      const bool layer = options_.granularity == Granularity::kLayer;
      const auto channels = static_cast<std::size_t>(layer ? 1 : one.site.channels);
      replace(graph, one, std::vector<float>(channels, 1.0f));
    }
    return Changed::kYes;
  }
  std::vector<lower::Site> sites;
  for (const Rectifier& one : found) sites.push_back(one.site);
  lower::CalibrationOptions calibration;
  calibration.method = options_.method;
  calibration.percentile = options_.percentile;
  calibration.granularity = options_.granularity;
  calibration.samples = options_.samples;
  calibration.levels = levels();
  NT_TRY(const auto thresholds, lower::calibrate(graph, sites, calibration, context));
  std::optional<tensor_passes::BiasCorrection> correction;
  if (options_.bias_correction) {
    std::vector<OpId> activations;
    for (const Rectifier& one : found) activations.push_back(one.op);
    NT_TRY(correction,
           tensor_passes::BiasCorrection::measure(graph, activations, options_.samples, context));
  }
  lower::DeadChannels dead;
  for (std::size_t i = 0; i < found.size(); ++i) {
    report(found[i], thresholds[i], context);
    dead.add(sites[i].node, sites[i].node, thresholds[i]);
    replace(graph, found[i], thresholds[i].threshold);
  }
  dead.report({.code = "quantize_activations.dead-channel",
               .help = "they keep the layer's median scale; more varied samples may wake them",
               .model_path = model.path,
               .samples = std::min(options_.samples, context.calibration->size())},
              context.diagnostics);
  if (correction) NT_TRY_VOID(correction->apply(graph, context));
  return Changed::kYes;
}

}  // namespace

PassEntry quantize_activations_entry() {
  return {.info = {.name = "quantize_activations",
                   .summary = "Gives every rectifier of a float network a few levels.",
                   .from = Level::kTensor,
                   .to = Level::kTensor},
          .options = table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<QuantizeActivations>(table(), "quantize_activations", section, path,
                                                    out);
          }};
}

}  // namespace neurotool
