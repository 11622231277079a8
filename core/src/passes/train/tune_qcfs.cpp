// Fine-tunes a network with clip-floor-shift activations, so that neurons lose little later on.
//
// Every rectifier becomes a(z) = λ clip(⌊zL/λ + ½⌋ / L, 0, 1), with one threshold λ for each
// channel that is trained together with the weights; gradients go straight through the floor. An
// integrate-and-fire neuron with threshold λ and v(0) = λ/2 computes that function exactly when its
// input is even over L steps. The result is a tensor graph with quantised activations: a lowering
// takes their thresholds, an exact mode their levels. See docs/passes/tune_qcfs.md.
#include "passes/train/train_passes.hpp"
#include "passes/train/tune.hpp"

namespace neurotool {
namespace {

using training::Augment;

enum class Statistics { kTrain, kFrozen };

struct TuneQcfsOptions {
  std::int32_t levels = 4;
  std::int64_t epochs = 8;
  double learning_rate = 0.01, threshold_rate_factor = 5, weight_decay = 5e-4;
  std::int64_t batch = 64;
  double held_out = 0.05;
  std::int64_t patience = 0;
  double max_minutes = 0;
  Augment augment = Augment::kNone;
  Statistics batch_norm = Statistics::kTrain;
  std::int64_t samples = 512;
  std::uint64_t seed = 0;
};

const OptionTable<TuneQcfsOptions>& table() {
  using Options = TuneQcfsOptions;
  static const OptionTable<Options> rows{
      option("levels", &Options::levels, "L, the steps of an activation from 0 to its threshold.")
          .range(1, 255),
      option("epochs", &Options::epochs, "How often every training sample is seen.")
          .range(1, 10000),
      option("learning_rate", &Options::learning_rate,
             "Of the first batch; falls to 0 along half a cosine.")
          .range(1e-7, 10),
      option("threshold_rate_factor", &Options::threshold_rate_factor,
             "Learning rate of thresholds, in that of the weights; 0 keeps them.")
          .range(0, 1000),
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
      choice("batch_norm", &Options::batch_norm,
             "Whether batch normalisation follows the batches or keeps its statistics.",
             {{"train", Statistics::kTrain}, {"frozen", Statistics::kFrozen}}),
      option("samples", &Options::samples,
             "Samples that the first thresholds are calibrated on, at most.")
          .range(1, 1e9),
      option("seed", &Options::seed, "Of the order of samples; 0: run.seed."),
  };
  return rows;
}

class TuneQcfsPass final : public Pass {
 public:
  explicit TuneQcfsPass(TuneQcfsOptions options) : options_(options) {}

  Result<Changed> run(Model& model, Context& context) override {
    return training::tune(
        model, context,
        {.pass = "tune_qcfs",
         .recipe = {.activation = train::Activation::kFloorShift,
                    .levels = options_.levels,
                    .weight_decay = options_.weight_decay,
                    .threshold_rate = options_.threshold_rate_factor,
                    .batch_statistics = options_.batch_norm == Statistics::kTrain},
         .fit = {.epochs = options_.epochs,
                 .learning_rate = options_.learning_rate,
                 .patience = options_.patience,
                 .max_minutes = options_.max_minutes,
                 .augment = options_.augment},
         .levels = options_.levels,
         .samples = options_.samples,
         .batch = options_.batch,
         .held_out = options_.held_out,
         .seed = options_.seed});
  }
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

 private:
  TuneQcfsOptions options_;
};

}  // namespace

PassEntry tune_qcfs_entry() {
  return {.info = {.name = "tune_qcfs",
                   .summary = "Fine-tunes weights and thresholds with quantised activations.",
                   .from = Level::kTensor,
                   .to = Level::kTensor,
                   .trains = true},
          .options = table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<TuneQcfsPass>(table(), "tune_qcfs", section, path, out);
          }};
}

}  // namespace neurotool
