// Lowers a trained network of linear layers and rectifiers to integrate-and-fire neurons.
//
// Every rectifier becomes a population of binary neurons with soft reset. Its threshold theta, one
// per channel, is the largest activation that it can represent, and calibration chooses it; v(0) =
// theta/2 makes the first layer round to nearest. A spike is worth theta of its source: that value
// is folded into the weights that read it, so payloads stay 0 and 1. Biases are added every step.
// Linear layers become projections as they are; where one follows another a relay stands between
// them. See docs/passes/qcfs.md.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "passes/lower/calibrate.hpp"
#include "passes/lower/lower_passes.hpp"
#include "passes/lower/lowering.hpp"

namespace neurotool {
namespace {

using lower::Granularity;
using lower::Initial;
using lower::ThresholdMethod;

struct QcfsOptions {
  std::uint32_t steps = 0;
  ThresholdMethod method = ThresholdMethod::kMmse;
  double percentile = 0.999;
  Granularity granularity = Granularity::kChannel;
  std::int64_t samples = 512;
  Initial initial = Initial::kHalf;
};

const OptionTable<QcfsOptions>& table() {
  static const OptionTable<QcfsOptions> rows{
      option("steps", &QcfsOptions::steps, "Steps per sample that thresholds are made for.")
          .range(1, 4096)
          .required(),
      choice("method", &QcfsOptions::method, "How a threshold is chosen from the activations.",
             {{"mmse", ThresholdMethod::kMmse},
              {"max", ThresholdMethod::kMax},
              {"percentile", ThresholdMethod::kPercentile}}),
      option("percentile", &QcfsOptions::percentile,
             "Share of activations at or below the threshold, with method percentile.")
          .range(0.5, 1),
      choice("granularity", &QcfsOptions::granularity, "What shares one threshold.",
             {{"channel", Granularity::kChannel}, {"layer", Granularity::kLayer}}),
      option("samples", &QcfsOptions::samples, "Calibration samples to look at, at most.")
          .range(1, 1e9),
      choice("initial", &QcfsOptions::initial, "Membrane before the first step.",
             {{"half", Initial::kHalf}, {"zero", Initial::kZero}}),
  };
  return rows;
}

/// The largest payload of one step: neurons are binary.
constexpr std::int64_t kMaxPerStep = 1;

class QcfsPass final : public Pass {
 public:
  explicit QcfsPass(QcfsOptions options) : options_(options) {}

  Result<Changed> run(Model& model, Context& context) override;
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

 private:
  void report(const lower::Site& site, const lower::SiteThresholds& found, const Model& model,
              Context& context) const;

  QcfsOptions options_;
};

Result<Changed> QcfsPass::run(Model& model, Context& context) {
  const lower::LoweringOptions lowering{options_.steps, options_.initial, options_.granularity};
  NT_TRY(lower::Lowered lowered,
         lower::lower_graph(model.tensor(), model.path, lowering, {}, context.diagnostics));
  if (context.calibration != nullptr && !lowered.sites.empty()) {
    const lower::CalibrationOptions calibration{options_.method, options_.percentile,
                                                options_.granularity, options_.samples,
                                                options_.steps * kMaxPerStep};
    NT_TRY(const auto found, lower::calibrate(model.tensor(), lowered.sites, calibration, context));
    std::vector<std::vector<float>> thresholds;
    for (std::size_t i = 0; i < found.size(); ++i) {
      report(lowered.sites[i], found[i], model, context);
      thresholds.push_back(found[i].threshold);
    }
    // The same walk with thresholds: the structure cannot differ from the plan's.
    Diagnostics said_before;
    NT_TRY(lowered,
           lower::lower_graph(model.tensor(), model.path, lowering, thresholds, said_before));
  }
  if (lowered.graph.name.empty()) lowered.graph.name = model.name;
  model.graph = std::move(lowered.graph);
  return Changed::kYes;
}

void QcfsPass::report(const lower::Site& site, const lower::SiteThresholds& found,
                      const Model& model, Context& context) const {
  std::vector<float> sorted = found.threshold;
  std::ranges::sort(sorted);
  const auto fact = [&](const char* name, double value) {
    context.facts.push_back({"qcfs", site.population, name, value});
  };
  fact("threshold_median", double{sorted[sorted.size() / 2]});
  fact("clipped_share", found.clipped_share);
  fact("dead_channels", static_cast<double>(found.dead_channels));
  if (found.dead_channels == 0) return;
  const std::int64_t samples = std::min(options_.samples, context.calibration->size());
  context.diagnostics.report(warning(
      "qcfs.dead-channel", ModelNode{model.path, site.node},
      fmt::format("{} of {} channels of '{}' are never above 0 on {} calibration samples",
                  found.dead_channels, found.threshold.size(), site.population, samples),
      "they are kept with the layer's median threshold; more varied samples may wake them"));
}

}  // namespace

PassEntry qcfs_entry() {
  return {.info = {.name = "qcfs",
                   .summary = "Lowers linear layers and rectifiers to integrate-and-fire neurons.",
                   .from = Level::kTensor,
                   .to = Level::kSpike},
          .options = table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<QcfsPass>(table(), "qcfs", section, path, out);
          }};
}

}  // namespace neurotool
