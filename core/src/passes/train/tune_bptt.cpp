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

using training::Augment;

enum class Thresholds { kTrain, kFixed };

struct TuneBpttOptions {
  std::int32_t steps = 0;
  std::int64_t epochs = 2;
  double learning_rate = 0.005, threshold_rate_factor = 1, weight_decay = 5e-4;
  Thresholds thresholds = Thresholds::kTrain;
  double surrogate_width = 2;
  std::int64_t batch = 64;
  double held_out = 0.05;
  std::int64_t patience = 0;
  double max_minutes = 0;
  Augment augment = Augment::kNone;
  std::int64_t samples = 512;
  std::uint64_t seed = 0;
};

const OptionTable<TuneBpttOptions>& table() {
  using Options = TuneBpttOptions;
  static const OptionTable<Options> rows{
      option("steps", &Options::steps, "T, the steps that are unrolled.").range(1, 255).required(),
      option("epochs", &Options::epochs, "How often every training sample is seen.")
          .range(1, 10000),
      option("learning_rate", &Options::learning_rate,
             "Of the first batch; falls to 0 along half a cosine.")
          .range(1e-7, 10),
      choice("thresholds", &Options::thresholds, "Whether thresholds are trained too.",
             {{"train", Thresholds::kTrain}, {"fixed", Thresholds::kFixed}}),
      option("threshold_rate_factor", &Options::threshold_rate_factor,
             "Learning rate of their logarithms, in that of the weights.")
          .range(1e-6, 1000),
      option("surrogate_width", &Options::surrogate_width,
             "α of the surrogate gradient (α/2) / (1 + (π/2 αu)²).")
          .range(0.01, 100),
      option("batch", &Options::batch, "Samples of one step of gradient descent.").range(1, 65536),
      option("weight_decay", &Options::weight_decay,
             "How strongly weights and thresholds are pulled towards 0.")
          .range(0, 1),
      option("held_out", &Options::held_out,
             "Share of data.train that is not trained on and decides which epoch is kept.")
          .range(0, 0.5),
      option("patience", &Options::patience,
             "Epochs without a better one before training stops; 0: never.")
          .range(0, 10000),
      option("max_minutes", &Options::max_minutes, "Training stops after so long; 0: never.")
          .range(0, 1e6),
      choice("augment", &Options::augment, "What is done to training images.",
             {{"none", Augment::kNone}, {"shift_flip", Augment::kShiftFlip}}),
      option("samples", &Options::samples,
             "Samples that the first thresholds are calibrated on, at most.")
          .range(1, 1e9),
      option("seed", &Options::seed, "Of the order of samples; 0: run.seed."),
  };
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
                                      .weight_decay = options_.weight_decay,
                                      .threshold_rate = fixed ? 0 : options_.threshold_rate_factor,
                                      .surrogate_width = options_.surrogate_width},
                           .fit = {.epochs = options_.epochs,
                                   .learning_rate = options_.learning_rate,
                                   .patience = options_.patience,
                                   .max_minutes = options_.max_minutes,
                                   .augment = options_.augment},
                           .levels = options_.steps,
                           .samples = options_.samples,
                           .batch = options_.batch,
                           .held_out = options_.held_out,
                           .seed = options_.seed});
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
