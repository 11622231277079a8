// Plans, calibrates first thresholds, trains, and writes back. The model stays as it was until all
// of that has succeeded.
#include "passes/train/tune.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/parallel.hpp"
#include "passes/lower/calibrate.hpp"
#include "passes/train/fit.hpp"

namespace neurotool::training {
namespace {

/// Thresholds for the sites whose graph states none, by the smallest square error of `levels`
/// steps.
Result<> choose_thresholds(TrainingPlan& plan, const Model& model, const TuneSetup& setup,
                           Context& context) {
  std::vector<lower::Site> open;
  for (const TrainedSite& site : plan.sites) {
    if (site.given.empty()) open.push_back(site.site);
  }
  std::vector<lower::SiteThresholds> found;
  if (!open.empty()) {
    const SampleSource* source = context.calibration ? context.calibration : context.training;
    Context inner{context.diagnostics, context.progress, context.seed, source, context.limits, {}};
    NT_TRY(found, lower::calibrate(model.tensor(), open,
                                   {.method = lower::ThresholdMethod::kMmse,
                                    .granularity = lower::Granularity::kChannel,
                                    .samples = setup.options.samples,
                                    .levels = setup.levels},
                                   inner));
  }
  auto next = found.begin();
  for (const TrainedSite& site : plan.sites) {
    plan.network.parameters[site.parameter].data =
        site.given.empty() ? (next++)->threshold : site.given;
  }
  return {};
}

Result<> check_samples(const TrainingPlan& plan, const SampleSource& source) {
  const Shape& wanted = plan.network.sample_shape;
  if (element_count(wanted) == element_count(source.sample_shape())) return {};
  return error("train.samples", {},
               fmt::format("samples of '{}' are {}, the network takes {}", source.name(),
                           to_string(source.sample_shape()), to_string(wanted)),
               "give training data of the shape that the network was trained on");
}

void report(const TuneSetup& setup, const Feeder& feeder, const FitResult& result,
            const Model& model, Context& context) {
  const auto fact = [&](const char* name, double value) {
    context.facts.push_back({std::string(setup.pass), "network", name, value});
  };
  fact("epochs", static_cast<double>(result.epochs));
  fact("best_epoch", static_cast<double>(result.best_epoch));
  fact("batches", static_cast<double>(result.batches));
  fact("train_loss", result.train_loss);
  if (feeder.held_out_count() > 0) {
    fact("held_out_samples", static_cast<double>(feeder.held_out_count()));
    fact("held_out_accuracy_before", result.before.accuracy);
    fact("held_out_accuracy", result.best.accuracy);
    fact("held_out_loss", result.best.loss);
  }
  if (result.end == FitEnd::kTime) {
    context.diagnostics.report(warning(
        "train.time-limit", ModelNode{model.path, {}},
        fmt::format("{} stopped after {} minutes, in epoch {} of {}; how far it came depends on "
                    "the machine",
                    setup.pass, setup.options.max_minutes, result.epochs + 1, setup.options.epochs),
        fmt::format("for a run that can be repeated set epochs to {} and max_minutes to 0",
                    std::max<std::int64_t>(result.epochs, 1))));
  }
}

Result<FitResult> train_on(const TrainingPlan& plan, const TuneSetup& setup, Feeder& feeder,
                           Context& context) {
  train::Recipe recipe = setup.recipe;
  recipe.threads = static_cast<std::int32_t>(thread_count());
  recipe.weight_decay = setup.options.weight_decay;
  NT_TRY(const auto engine, train::make_engine(plan.network, recipe));
  const FitOptions options{.epochs = setup.options.epochs,
                           .learning_rate = setup.options.learning_rate,
                           .patience = setup.options.patience,
                           .max_minutes = setup.options.max_minutes,
                           .augment = setup.options.augment};
  return fit(*engine, feeder, options, context.progress,
             setup.recipe.activation == train::Activation::kSpiking
                 ? "training through time"
                 : "training with quantised activations");
}

}  // namespace

Result<Changed> tune(Model& model, Context& context, const TuneSetup& setup) {
  NT_TRY(TrainingPlan plan, plan_training(model, context.diagnostics));
  if (context.training == nullptr) {
    context.diagnostics.report(
        note("train.provisional", ModelNode{model.path, {}},
             fmt::format("{} sees no training samples: weights stay, thresholds are 1", setup.pass),
             "a run with data.train trains them"));
    write_back(model.tensor(), plan, {}, setup.levels);
    return Changed::kYes;
  }
  NT_TRY([[maybe_unused]] const train::TrainerApi* api, train::trainer_api());
  NT_TRY_VOID(check_samples(plan, *context.training));
  const TuneOptions& options = setup.options;
  const std::uint64_t seed = options.seed != 0 ? options.seed : context.seed;
  NT_TRY(Feeder feeder, Feeder::make(*context.training, plan.network.classes, options.held_out,
                                     options.batch, seed));
  NT_TRY_VOID(choose_thresholds(plan, model, setup, context));
  NT_TRY(const FitResult result, train_on(plan, setup, feeder, context));
  report(setup, feeder, result, model, context);
  write_back(model.tensor(), plan, result.values, setup.levels);
  context.tuned = model;
  return Changed::kYes;
}

}  // namespace neurotool::training
