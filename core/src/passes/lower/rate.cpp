// Lowers a trained network of linear layers and rectifiers to integrate-and-fire neurons, without
// training.
//
// Every rectifier becomes a population with soft reset. Its threshold theta, one per channel, comes
// from calibration: the largest activation that one unit of payload per step can represent. v(0) =
// theta/2 makes the first layer round to nearest. A spike is worth theta of its source: that value
// is folded into the weights that read it, so payloads stay small whole numbers. Biases are added
// every step. Linear layers become projections as they are; where one follows another a relay
// stands between them. Then the network spikes on calibration samples, and each layer's biases are
// moved until its mean rates are the mean activations. See docs/passes/rate.md.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "passes/lower/balance.hpp"
#include "passes/lower/calibrate.hpp"
#include "passes/lower/dead_channels.hpp"
#include "passes/lower/in_loop.hpp"
#include "passes/lower/lower_passes.hpp"
#include "passes/lower/lowering.hpp"

namespace neurotool {
namespace {

using lower::Granularity;
using lower::Initial;
using lower::ThresholdMethod;

enum class Method { kMmse, kLloyd, kBalance, kMax, kPercentile };
enum class NeuronKind { kBinary, kSigned, kBurst, kSignedBurst };
enum class Start { kHalf, kZero, kFitted };

struct RateOptions {
  std::uint32_t steps = 0;
  Method method = Method::kMmse;
  double percentile = 0.999;
  Granularity granularity = Granularity::kChannel;
  std::int64_t samples = 512;
  Start initial = Start::kHalf;
  NeuronKind neuron = NeuronKind::kBinary;
  std::int32_t burst = 4;
  std::int64_t bias_iterations = 3;
  double bias_rate = 1;
  std::int64_t bias_samples = 128;
};

constexpr double kGoodAgreement = 0.9;
constexpr std::int64_t kFewSamples = 16;

template <class... More>
OptionTable<RateOptions> table_with(More... more) {
  return {option("steps", &RateOptions::steps, "Steps per sample that thresholds are made for.")
              .range(1, 4096)
              .required(),
          choice("method", &RateOptions::method, "How a threshold is chosen from the activations.",
                 {{"mmse", Method::kMmse},
                  {"lloyd", Method::kLloyd},
                  {"ltb", Method::kBalance},
                  {"max", Method::kMax},
                  {"percentile", Method::kPercentile}}),
          option("percentile", &RateOptions::percentile,
                 "Share of activations at or below the threshold, with method percentile.")
              .range(0.5, 1),
          choice("granularity", &RateOptions::granularity, "What shares one threshold.",
                 {{"channel", Granularity::kChannel}, {"layer", Granularity::kLayer}}),
          option("samples", &RateOptions::samples, "Calibration samples to look at, at most.")
              .range(1, 1e9),
          std::move(more)...};
}

const OptionTable<RateOptions>& rate_table() {
  static const OptionTable<RateOptions> rows = table_with(
      choice("initial", &RateOptions::initial, "Membrane before the first step.",
             {{"half", Start::kHalf}, {"zero", Start::kZero}, {"fitted", Start::kFitted}}),
      choice("neuron", &RateOptions::neuron, "What a neuron may send in one step.",
             {{"binary", NeuronKind::kBinary},
              {"signed", NeuronKind::kSigned},
              {"burst", NeuronKind::kBurst},
              {"signed_burst", NeuronKind::kSignedBurst}}),
      option("burst", &RateOptions::burst, "Most units in one step, with the burst neurons.")
          .range(2, 64),
      option("bias_iterations", &RateOptions::bias_iterations,
             "Corrections of each bias with the spiking network in the loop; 0: none.")
          .range(0, 100),
      option("bias_rate", &RateOptions::bias_rate,
             "Share of the difference that one correction takes away.")
          .range(0.01, 1),
      option("bias_samples", &RateOptions::bias_samples,
             "Calibration samples to run through the spiking network, at most.")
          .range(1, 1e6));
  return rows;
}

/// The plain form: binary neurons, and biases as they are.
const OptionTable<RateOptions>& qcfs_table() {
  static const OptionTable<RateOptions> rows =
      table_with(choice("initial", &RateOptions::initial, "Membrane before the first step.",
                        {{"half", Start::kHalf}, {"zero", Start::kZero}}));
  return rows;
}

/// What the statistics of activations are asked for. Balancing needs the network itself; they then
/// tell which channels are alive.
ThresholdMethod statistic_of(Method method) {
  switch (method) {
    case Method::kMmse:
      return ThresholdMethod::kMmse;
    case Method::kLloyd:
      return ThresholdMethod::kLloyd;
    case Method::kPercentile:
      return ThresholdMethod::kPercentile;
    case Method::kBalance:
    case Method::kMax:
      break;
  }
  return ThresholdMethod::kMax;
}

Emission emission_of(const RateOptions& options) {
  const bool burst =
      options.neuron == NeuronKind::kBurst || options.neuron == NeuronKind::kSignedBurst;
  const bool is_signed =
      options.neuron == NeuronKind::kSigned || options.neuron == NeuronKind::kSignedBurst;
  Emission emission;
  emission.max_per_step = burst ? options.burst : 1;
  emission.min_per_step = is_signed ? -emission.max_per_step : 0;
  return emission;
}

/// A channel that no sample woke keeps what the statistics gave it.
void keep_balanced(lower::SiteThresholds& site, std::span<const float> balanced) {
  for (std::size_t c = 0; c < balanced.size(); ++c) {
    if (balanced[c] > 0) site.threshold[c] = balanced[c];
  }
}

/// What calibration calls a threshold is the largest rate; a burst shares it among its units.
lower::NeuronParameters shared_among(std::int64_t units, std::vector<float> largest) {
  lower::NeuronParameters parameters;
  parameters.threshold = std::move(largest);
  for (float& threshold : parameters.threshold) threshold /= static_cast<float>(units);
  return parameters;
}

/// What is known without data: thresholds where the network rounds to levels of its own.
std::vector<lower::NeuronParameters> known_parameters(const lower::Lowered& unit,
                                                      const lower::LoweringOptions& lowering) {
  std::vector<lower::NeuronParameters> known;
  for (const lower::Site& site : unit.sites) {
    lower::NeuronParameters& parameters = known.emplace_back();
    if (site.largest.empty()) {
      const bool layer = lowering.granularity == Granularity::kLayer;
      parameters.threshold.assign(layer ? 1 : static_cast<std::size_t>(site.channels), 1.0f);
      parameters.provisional = true;
      continue;
    }
    parameters = shared_among(lowering.emission.max_per_step, site.largest);
    for (const float threshold : parameters.threshold) {
      parameters.initial.push_back(threshold * static_cast<float>(site.offset));
    }
  }
  return known;
}

class RatePass : public Pass {
 public:
  RatePass(RateOptions options, const OptionTable<RateOptions>& table, const char* name)
      : options_(options), table_(table), name_(name) {}

  Result<Changed> run(Model& model, Context& context) override;
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table_.values(options_);
  }

 private:
  /// Parameters of every site, from data.
  Result<std::vector<lower::NeuronParameters>> calibrated(
      const lower::Lowered& unit, const lower::LoweringOptions& lowering,
      std::vector<lower::NeuronParameters> parameters, const Model& model, Context& context) const;
  /// Thresholds of the sites that the network leaves open.
  Result<> choose_thresholds(const lower::Lowered& unit,
                             std::vector<lower::NeuronParameters>& parameters, std::int64_t units,
                             const Model& model, Context& context) const;
  void report(const lower::Site& site, const lower::SiteThresholds& found, Context& context) const;
  void report(const lower::Lowered& unit, const lower::InLoopResult& found, const Model& model,
              Context& context) const;

  RateOptions options_;
  const OptionTable<RateOptions>& table_;
  const char* name_;
};

class PlainRatePass final : public RatePass {
 public:
  explicit PlainRatePass(RateOptions options)
      : RatePass(without_loop(options), qcfs_table(), "qcfs") {}

 private:
  static RateOptions without_loop(RateOptions options) {
    options.bias_iterations = 0;
    return options;
  }
};

class FullRatePass final : public RatePass {
 public:
  explicit FullRatePass(RateOptions options) : RatePass(options, rate_table(), "rate") {}
};

Result<Changed> RatePass::run(Model& model, Context& context) {
  const lower::LoweringOptions lowering{
      .pass = name_,
      .steps = options_.steps,
      .initial = options_.initial == Start::kZero ? Initial::kZero : Initial::kHalf,
      .granularity = options_.granularity,
      .emission = emission_of(options_),
      .corrects_bias = options_.bias_iterations > 0};
  NT_TRY(lower::Lowered lowered,
         lower::lower_graph(model.tensor(), model.path, lowering, {}, context.diagnostics));
  if (!lowered.sites.empty()) {
    std::vector<lower::NeuronParameters> parameters = known_parameters(lowered, lowering);
    if (context.calibration != nullptr) {
      NT_TRY(parameters, calibrated(lowered, lowering, std::move(parameters), model, context));
    }
    // The same walk with parameters: the structure cannot differ from the plan's.
    Diagnostics said_before;
    NT_TRY(lowered,
           lower::lower_graph(model.tensor(), model.path, lowering, parameters, said_before));
  }
  if (lowered.graph.name.empty()) lowered.graph.name = model.name;
  model.graph = std::move(lowered.graph);
  return Changed::kYes;
}

Result<> RatePass::choose_thresholds(const lower::Lowered& unit,
                                     std::vector<lower::NeuronParameters>& parameters,
                                     std::int64_t units, const Model& model,
                                     Context& context) const {
  std::vector<lower::Site> sites;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < unit.sites.size(); ++i) {
    if (!parameters[i].provisional) continue;
    sites.push_back(unit.sites[i]);
    places.push_back(i);
  }
  if (sites.empty()) return {};
  const lower::CalibrationOptions calibration{statistic_of(options_.method), options_.percentile,
                                              options_.granularity, options_.samples,
                                              options_.steps * units};
  NT_TRY(auto found, lower::calibrate(model.tensor(), sites, calibration, context));
  if (options_.method == Method::kBalance) {
    NT_TRY(const auto balanced,
           lower::balance_thresholds(model.tensor(), unit, options_.granularity, options_.samples,
                                     context));
    for (std::size_t i = 0; i < found.size(); ++i) keep_balanced(found[i], balanced[places[i]]);
  }
  lower::DeadChannels dead;
  for (std::size_t i = 0; i < found.size(); ++i) {
    report(sites[i], found[i], context);
    dead.add(sites[i].node, sites[i].population, found[i]);
    parameters[places[i]] = shared_among(units, found[i].threshold);
  }
  dead.report(
      {.code = "lowering.dead-channel",
       .help = "they are kept with the layer's median threshold; more varied samples may wake them",
       .model_path = model.path,
       .samples = std::min(options_.samples, context.calibration->size())},
      context.diagnostics);
  return {};
}

Result<std::vector<lower::NeuronParameters>> RatePass::calibrated(
    const lower::Lowered& unit, const lower::LoweringOptions& lowering,
    std::vector<lower::NeuronParameters> parameters, const Model& model, Context& context) const {
  const std::int64_t units = lowering.emission.max_per_step;
  NT_TRY_VOID(choose_thresholds(unit, parameters, units, model, context));
  const bool fits_initial = options_.initial == Start::kFitted;
  if (options_.bias_iterations == 0 && !fits_initial) return parameters;
  const lower::InLoopOptions loop{{options_.bias_iterations, options_.bias_rate, fits_initial},
                                  options_.bias_samples};
  NT_TRY(auto result, lower::calibrate_in_loop(model.tensor(), unit, lowering,
                                               std::move(parameters), loop, context));
  report(unit, result, model, context);
  return std::move(result.parameters);
}

void RatePass::report(const lower::Site& site, const lower::SiteThresholds& found,
                      Context& context) const {
  std::vector<float> sorted = found.threshold;
  std::ranges::sort(sorted);
  const auto fact = [&](const char* name, double value) {
    context.facts.push_back({name_, site.population, name, value});
  };
  fact("threshold_median", double{sorted[sorted.size() / 2]});
  fact("clipped_share", found.clipped_share);
  fact("dead_channels", static_cast<double>(found.dead_channels));
}

void RatePass::report(const lower::Lowered& unit, const lower::InLoopResult& found,
                      const Model& model, Context& context) const {
  for (std::size_t i = 0; i < unit.sites.size(); ++i) {
    context.facts.push_back(
        {name_, unit.sites[i].population, "rate_error", found.relative_error[i]});
  }
  const auto samples = static_cast<double>(found.samples);
  const double agreement = static_cast<double>(found.agreeing) / samples;
  context.facts.push_back({name_, "network", "loop_samples", samples});
  context.facts.push_back({name_, "network", "agreement", agreement});
  if (found.samples < std::min(kFewSamples, options_.bias_samples)) {
    context.diagnostics.report(warning(
        "rate.few-samples", ModelNode{model.path, {}},
        fmt::format("biases are calibrated on {} samples: the largest layer over {} steps leaves "
                    "memory for no more",
                    found.samples, options_.steps),
        "give fewer steps, or set bias_iterations to 0"));
  }
  if (agreement >= kGoodAgreement || found.samples < kFewSamples) return;
  context.diagnostics.report(warning(
      "rate.few-steps", ModelNode{model.path, {}},
      fmt::format("after {} steps the spiking network answers as the float network does on {} of "
                  "{} calibration samples",
                  options_.steps, found.agreeing, found.samples),
      options_.neuron == NeuronKind::kSignedBurst
          ? "give more steps, or more units with 'burst'"
          : "give more steps, or let neurons say more in a step: 'neuron: signed' or "
            "'neuron: signed_burst', where the target sends such payloads"));
}

}  // namespace

PassEntry rate_entry() {
  return {.info = {.name = "rate",
                   .summary = "Lowers linear layers and rectifiers to integrate-and-fire neurons, "
                              "calibrated with the spiking network in the loop.",
                   .from = Level::kTensor,
                   .to = Level::kSpike},
          .options = rate_table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<FullRatePass>(rate_table(), "rate", section, path, out);
          }};
}

PassEntry qcfs_entry() {
  return {.info = {.name = "qcfs",
                   .summary = "Lowers linear layers and rectifiers to integrate-and-fire neurons.",
                   .from = Level::kTensor,
                   .to = Level::kSpike},
          .options = qcfs_table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<PlainRatePass>(qcfs_table(), "qcfs", section, path, out);
          }};
}

}  // namespace neurotool
