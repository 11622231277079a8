// Fine-tunes a network as the spiking network it will be: back-propagation through time.
//
// Every rectifier, or quantised activation that 'tune_qcfs' has left, becomes integrate-and-fire
// neurons with soft reset, run for T steps on a held sample; membranes persist from step to step
// and the loss is of the mean logits. Where a neuron fires, the gradient is that of an arc tangent.
// This sees what quantised activations cannot: spikes that arrive unevenly. The result has the form
// that 'tune_qcfs' leaves. See docs/passes/tune_bptt.md.
#include "passes/train/train_passes.hpp"
#include "passes/train/tune.hpp"

namespace neurotool {
namespace {

enum class Thresholds { kTrain, kFixed };

struct TuneBpttOptions : training::TuneOptions {
  TuneBpttOptions() {
    epochs = 2;
    learning_rate = 0.005;
  }

  std::int32_t steps = 0;
  Thresholds thresholds = Thresholds::kTrain;
  double threshold_rate_factor = 1;
  double surrogate_width = 2;
};

const OptionTable<TuneBpttOptions>& table() {
  using Options = TuneBpttOptions;
  static const OptionTable<Options> rows = training::tune_table<Options>(
      option("steps", &Options::steps, "T, the steps that are unrolled.").range(1, 255).required(),
      choice("thresholds", &Options::thresholds, "Whether thresholds are trained too.",
             {{"train", Thresholds::kTrain}, {"fixed", Thresholds::kFixed}}),
      option("threshold_rate_factor", &Options::threshold_rate_factor,
             "Learning rate of their logarithms, in that of the weights.")
          .range(1e-6, 1000),
      option("surrogate_width", &Options::surrogate_width,
             "α of the surrogate gradient (α/2) / (1 + (π/2 αu)²).")
          .range(0.01, 100));
  return rows;
}

class TuneBpttPass final : public Pass {
 public:
  explicit TuneBpttPass(TuneBpttOptions options) : options_(options) {}

  Result<Changed> run(Model& model, Context& context) override {
    const bool fixed = options_.thresholds == Thresholds::kFixed;
    return training::tune(model, context,
                          {.pass = "tune_bptt",
                           .recipe = {.activation = train::Activation::kSpiking,
                                      .steps = options_.steps,
                                      .threshold_rate = fixed ? 0 : options_.threshold_rate_factor,
                                      .surrogate_width = options_.surrogate_width},
                           .levels = options_.steps,
                           .options = options_});
  }
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

 private:
  TuneBpttOptions options_;
};

}  // namespace

PassEntry tune_bptt_entry() {
  return {.info = {.name = "tune_bptt",
                   .summary = "Fine-tunes weights and thresholds through the steps of the neurons.",
                   .from = Level::kTensor,
                   .to = Level::kTensor,
                   .trains = true},
          .options = table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<TuneBpttPass>(table(), "tune_bptt", section, path, out);
          }};
}

}  // namespace neurotool
