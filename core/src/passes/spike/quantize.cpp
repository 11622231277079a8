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

using integer::QuantizeOptions;

const OptionTable<QuantizeOptions>& table() {
  static const OptionTable<QuantizeOptions> rows{
      option("weight_bits", &QuantizeOptions::weight_bits, "Bits per stored weight, sign included.")
          .range(2, 16),
      option("per_channel", &QuantizeOptions::per_channel, "One scale per output channel."),
      option("input_bits", &QuantizeOptions::input_bits, "Bits per input value.").range(2, 16),
      option("fraction_bits", &QuantizeOptions::fraction_bits,
             "Membrane bits below the weights' unit; -1 takes the most that fit, up to 16.")
          .range(-1, 16),
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

Result<Changed> QuantizePass::run(Model& model, Context& context) {
  SpikeGraph& graph = model.spike();
  if (graph.arithmetic == Arithmetic::kInteger) return Changed::kNo;
  if (graph.steps == 0) {
    return error("quantize.steps", {}, "the graph does not say for how many steps it was made",
                 "put 'quantize' behind 'qcfs', which sets the steps");
  }
  NT_TRY(const auto range, calibrated_input_range(context));
  Diagnostics own;
  Context inner{own, context.progress, context.seed, context.calibration, context.limits, {}};
  auto result = integer::Quantizer(graph, options_, model.path, inner).run(range);
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
