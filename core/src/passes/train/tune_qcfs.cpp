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

enum class Statistics { kTrain, kFrozen };

struct TuneQcfsOptions : training::TuneOptions {
  std::int32_t levels = 4;
  double threshold_rate_factor = 5;
  Statistics batch_norm = Statistics::kTrain;
};

const OptionTable<TuneQcfsOptions>& table() {
  using Options = TuneQcfsOptions;
  static const OptionTable<Options> rows = training::tune_table<Options>(
      option("levels", &Options::levels, "L, the steps of an activation from 0 to its threshold.")
          .range(1, 255),
      option("threshold_rate_factor", &Options::threshold_rate_factor,
             "Learning rate of thresholds, in that of the weights; 0 keeps them.")
          .range(0, 1000),
      choice("batch_norm", &Options::batch_norm,
             "Whether batch normalisation follows the batches or keeps its statistics.",
             {{"train", Statistics::kTrain}, {"frozen", Statistics::kFrozen}}));
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
                    .threshold_rate = options_.threshold_rate_factor,
                    .batch_statistics = options_.batch_norm == Statistics::kTrain},
         .levels = options_.levels,
         .options = options_});
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
