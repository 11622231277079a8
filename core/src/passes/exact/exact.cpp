// Makes an integer spiking network of a network whose activations are quantised, so that every
// spike count is the count that the network's own arithmetic gives, for any input: weights, sums
// and thresholds are whole numbers, a certificate says that one threshold rounds as the network
// does, and a schedule gives each neuron its whole sum. docs/passes/exact.md has the derivation.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "passes/exact/exact_options.hpp"
#include "passes/exact/exact_passes.hpp"
#include "passes/exact/integer_layers.hpp"
#include "passes/exact/schedule.hpp"
#include "passes/lower/lowering.hpp"
#include "passes/spike/input_range.hpp"

namespace neurotool {
namespace {

using exact::ExactOptions;
using exact::InputCoding;
using exact::Realisation;
using exact::RoundingRule;

const OptionTable<ExactOptions>& table() {
  static const OptionTable<ExactOptions> rows{
      choice("realisation", &ExactOptions::realisation, "How neurons send their counts.",
             {{"auto", Realisation::kAuto},
              {"two_phase", Realisation::kTwoPhase},
              {"radix", Realisation::kRadix},
              {"st_bif", Realisation::kStBif},
              {"graded", Realisation::kGraded},
              {"sigma_delta", Realisation::kSigmaDelta}}),
      choice("input", &ExactOptions::input, "How the input reaches the first layer.",
             {{"direct", InputCoding::kDirect}, {"bitplane", InputCoding::kBitplane}}),
      choice("rounding", &ExactOptions::rounding,
             "Which way halves go: as the network says, or up.",
             {{"model", RoundingRule::kModel}, {"half_up", RoundingRule::kHalfUp}}),
      option("weight_bits", &ExactOptions::weight_bits, "Bits per stored weight, sign included.")
          .range(2, 16),
      option("input_bits", &ExactOptions::input_bits,
             "Bits per input value, where the network does not quantise its input.")
          .range(2, 16),
      option("fraction_bits", &ExactOptions::fraction_bits,
             "Membrane bits below the weights' unit; -1 takes the most that fit, up to 16.")
          .range(-1, 16),
      option("steps", &ExactOptions::steps,
             "Steps of the concurrent realisations; 0 takes the number that provably suffices.")
          .range(0, 65536),
  };
  return rows;
}

class ExactPass final : public Pass {
 public:
  explicit ExactPass(ExactOptions options) : options_(options) {}

  Result<Changed> run(Model& model, Context& context) override;
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

 private:
  ExactOptions options_;
};

/// Rectifiers without levels have no count to keep.
Result<> check_sites(const lower::Lowered& lowered, const std::string& path, Diagnostics& out) {
  for (const lower::Site& site : lowered.sites) {
    out.report(error("exact.not-quantised", ModelNode{path, site.node},
                     fmt::format("'{}' has no levels, so there is no count to keep", site.node),
                     "put 'recognise_quantizers' before 'exact' for a quantised network, or "
                     "'quantize_activations' for a float one"));
  }
  if (!lowered.sites.empty()) return out.first_error();
  return {};
}

Result<Changed> ExactPass::run(Model& model, Context& context) {
  Diagnostics own;
  Context inner{own, context.progress, context.seed, context.calibration, context.limits, {}};
  bool has_split = false;
  const auto convert = [&](Realisation wanted) -> Result<SpikeGraph> {
    lower::LoweringOptions lowering;
    lowering.pass = "exact";
    lowering.keeps_levels = true;
    NT_TRY(lower::Lowered lowered,
           lower::lower_graph(model.tensor(), model.path, lowering, {}, own));
    NT_TRY_VOID(check_sites(lowered, model.path, own));
    NT_TRY(const auto range, calibrated_input_range(inner));
    const Realisation realisation =
        wanted == Realisation::kAuto ? exact::chosen_realisation(lowered.graph) : wanted;
    exact::IntegerLayers layers(lowered, options_, realisation, model.path, inner);
    NT_TRY_VOID(layers.run(range));
    has_split = layers.has_split();
    // Parts of the levels have counts that binary digits do not bound.
    if (has_split && wanted == Realisation::kAuto && realisation == Realisation::kRadix) {
      return SpikeGraph{};
    }
    SpikeGraph graph = std::move(lowered.graph);
    if (options_.input == InputCoding::kBitplane) {
      NT_TRY_VOID(exact::encode_inputs(graph, model.path, own));
    }
    NT_TRY_VOID(exact::schedule(graph, options_, realisation, model.path, own));
    return graph;
  };
  auto converted = convert(options_.realisation);
  if (converted && has_split && converted->populations.empty()) {
    inner.facts.clear();
    converted = convert(Realisation::kTwoPhase);
  }
  for (Diagnostic& diagnostic : own.all()) context.diagnostics.report(std::move(diagnostic));
  NT_TRY(SpikeGraph graph, std::move(converted));
  std::ranges::move(inner.facts, std::back_inserter(context.facts));
  context.facts.push_back({"exact", "network", "steps", static_cast<double>(graph.steps)});
  if (graph.name.empty()) graph.name = model.name;
  if (context.calibration == nullptr) {
    for (Population& population : graph.populations) population.provisional = true;
  }
  model.graph = std::move(graph);
  return Changed::kYes;
}

}  // namespace

PassEntry exact_entry() {
  return {.info = {.name = "exact",
                   .summary = "Makes an integer spiking network that keeps every count.",
                   .from = Level::kTensor,
                   .to = Level::kSpike},
          .options = table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<ExactPass>(table(), "exact", section, path, out);
          }};
}

}  // namespace neurotool
