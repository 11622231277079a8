// Makes an integer graph of a float graph: weights of a few bits with one scale per output channel,
// 32-bit thresholds, biases and membranes with fraction bits below the weights' unit, and inputs of
// `input_bits`. It proves that no current and no membrane leaves 32 bits during the steps of a run,
// whatever the input, or refuses with the width that would be needed. See docs/passes/quantize.md.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "passes/spike/input_range.hpp"
#include "passes/spike/quantizer.hpp"
#include "passes/spike/spike_passes.hpp"

namespace neurotool {
namespace {

using integer::BiasCorrection;
using integer::MeanRates;
using integer::QuantizeOptions;
using integer::WeightMethod;

const OptionTable<QuantizeOptions>& table() {
  static const OptionTable<QuantizeOptions> rows{
      option("weight_bits", &QuantizeOptions::weight_bits, "Bits per stored weight, sign included.")
          .range(1, 16),
      option("per_channel", &QuantizeOptions::per_channel, "One scale per output channel."),
      option("input_bits", &QuantizeOptions::input_bits, "Bits per input value.").range(2, 16),
      option("fraction_bits", &QuantizeOptions::fraction_bits,
             "Membrane bits below the weights' unit; -1 takes the most that fit, up to 16.")
          .range(-1, 16),
      choice("method", &QuantizeOptions::method, "How a weight gets its place on the grid.",
             {{"nearest", WeightMethod::kNearest}, {"gptq", WeightMethod::kGptq}}),
      choice("scale", &QuantizeOptions::scale, "How the step of a grid is chosen.",
             {{"max_abs", compress::ScaleRule::kMaxAbs}, {"mse", compress::ScaleRule::kMse}}),
      option("power_of_two", &QuantizeOptions::power_of_two, "Steps that are powers of two."),
      choice("bias_correction", &QuantizeOptions::bias_correction,
             "Bring mean currents back to what they were; auto: with method gptq.",
             {{"auto", BiasCorrection::kAuto},
              {"always", BiasCorrection::kAlways},
              {"never", BiasCorrection::kNever}}),
      option("samples", &QuantizeOptions::samples,
             "Calibration samples for gptq and bias correction, at most.")
          .range(1, 1e9),
  };
  return rows;
}

class QuantizePass final : public Pass {
 public:
  explicit QuantizePass(QuantizeOptions options) : options_(options) {}

  Result<Changed> run(Model& model, Context& context) override;
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

 private:
  QuantizeOptions options_;
};

/// Rates of the graph on calibration samples, where the options ask for them; none in a plan.
Result<std::optional<MeanRates>> rates_of(const SpikeGraph& graph, const QuantizeOptions& options,
                                          const std::string& path, Context& context) {
  if (!options.needs_rates()) return std::nullopt;
  const std::string_view what =
      options.method == WeightMethod::kGptq ? "method 'gptq'" : "bias_correction";
  if (context.calibration == nullptr || context.calibration->size() == 0) {
    if (context.plan) return std::nullopt;
    return error("quantize.no-calibration", {},
                 fmt::format("{} looks at calibration samples, and there are none", what),
                 "add data.calibration, or set method: nearest and bias_correction: never");
  }
  for (const PopulationId id : graph.live_populations()) {
    const std::string part = MeanRates::unknown_part(graph, id);
    if (part.empty()) continue;
    return error("quantize.no-rates", ModelNode{path, graph[id].name},
                 fmt::format("{} looks at mean rates, and '{}' has {}, which they do not describe",
                             what, graph[id].name, part),
                 "set method: nearest and bias_correction: never");
  }
  NT_TRY(MeanRates rates, MeanRates::start(graph, *context.calibration, options.samples));
  return std::optional(std::move(rates));
}

Result<Changed> QuantizePass::run(Model& model, Context& context) {
  SpikeGraph& graph = model.spike();
  if (graph.arithmetic == Arithmetic::kInteger) return Changed::kNo;
  if (graph.steps == 0) {
    return error("quantize.steps", {}, "the graph does not say for how many steps it was made",
                 "put 'quantize' behind 'rate', which sets the steps");
  }
  NT_TRY(const auto range, calibrated_input_range(context));
  NT_TRY(auto rates, rates_of(graph, options_, model.path, context));
  Diagnostics own;
  Context inner{own, context.progress, context.seed, context.calibration, context.limits, {}};
  auto result = integer::Quantizer(graph, options_, model.path, inner, std::move(rates)).run(range);
  for (Diagnostic& diagnostic : own.all()) context.diagnostics.report(std::move(diagnostic));
  NT_TRY_VOID(std::move(result));
  std::ranges::move(inner.facts, std::back_inserter(context.facts));
  return Changed::kYes;
}

}  // namespace

PassEntry quantize_entry() {
  return {.info = {.name = "quantize",
                   .summary = "Stores weights in few bits and computes in whole numbers.",
                   .from = Level::kSpike,
                   .to = Level::kSpike},
          .options = table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<QuantizePass>(table(), "quantize", section, path, out);
          }};
}

}  // namespace neurotool
