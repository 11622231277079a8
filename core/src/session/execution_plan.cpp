// The steps up to a spiking network that the target accepts: all that a dry run does. With data,
// thresholds are calibrated; without, they are provisional and everything else is the same.
#include <fmt/format.h>

#include <algorithm>

#include "io/snapshot.hpp"
#include "ir/print.hpp"
#include "session/execution.hpp"
#include "session/findings.hpp"
#include "session/inputs.hpp"
#include "session/lock.hpp"
#include "session/metrics.hpp"
#include "session/self_check.hpp"

namespace neurotool {
namespace {

/// Remembers what is running on what, for the reproducer; forgets it when all went well.
class SceneInstrument final : public Instrument {
 public:
  SceneInstrument(std::string& step, std::optional<Model>& model) : step_(step), model_(model) {}
  Result<> before(const PassInfo& info, const Model& model) override {
    step_ = info.name;
    model_ = model;
    return {};
  }

 private:
  std::string& step_;
  std::optional<Model>& model_;
};

/// Keeps the tensor graph that is lowered, once a pass has made
/// another network of it.
class TensorInstrument final : public Instrument {
 public:
  explicit TensorInstrument(std::optional<TensorGraph>& kept) : kept_(kept) {}
  Result<> after(const PassInfo& info, const Model& model, Changed changed) override {
    approximated_ = approximated_ || (info.approximates && changed == Changed::kYes);
    if (approximated_ && model.level() == Level::kTensor) kept_ = model.tensor();
    return {};
  }

 private:
  std::optional<TensorGraph>& kept_;
  bool approximated_ = false;
};

/// Keeps the float network that a lowering pass starts from, and the one before its activations
/// were given levels.
class LoweringInstrument final : public Instrument {
 public:
  LoweringInstrument(std::optional<TensorGraph>& network, std::optional<TensorGraph>& unrounded)
      : network_(network), unrounded_(unrounded) {}
  Result<> before(const PassInfo& info, const Model& model) override {
    if (info.from != info.to) network_ = model.tensor();
    if (info.name == "quantize_activations" && !unrounded_) unrounded_ = model.tensor();
    return {};
  }

 private:
  std::optional<TensorGraph>&network_, &unrounded_;
};

std::string list_names(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    text += fmt::format("{}'{}'", i ? ", " : "", names[i]);
  }
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

Error missing(std::string_view code, const Location& at, std::string_view mode,
              std::string_view what, std::string help) {
  return error(code, at, fmt::format("run.mode '{}' needs {}", mode, what), std::move(help));
}

}  // namespace

Result<> Execution::check_request() {
  const auto& mode = config_.mode;
  const bool simulates = wants(RunMode::kSimulate);
  const std::string_view word = simulates ? "simulate" : "compile";
  if (wants(RunMode::kCompile) && config_.target.value.empty()) {
    return missing("run.no-target", mode.at, word, "a target",
                   "add 'target: { name: cpu }', or set run.mode to plan");
  }
  if (!uses_data()) return {};
  if (simulates && !config_.test.given) {
    return missing("run.no-data", mode.at, word, "test data",
                   "add 'data: { test: { images: FILE, labels: FILE } }'");
  }
  if (!config_.expect.empty() && !simulates) {
    const Expectation& first = config_.expect.front();
    return error("run.expect-mode", first.at,
                 fmt::format("'{}' is only known after a simulation, and run.mode stops before",
                             first.metric),
                 "set run.mode to simulate, or remove report.expect");
  }
  if (options_.dump_ir && !folder_.wanted()) {
    return error("run.no-report-folder", {}, "dumps go into the report folder, and there is none",
                 "set report.directory, or print with 'neurotool opt'");
  }
  NT_TRY_VOID(check_export_request());
  return folder_.check();
}

Result<> Execution::load() {
  clock_.stage("load model");
  NT_TRY_VOID(check_nir_reading(config_));
  NT_TRY(model_, read_model(config_.model.value, config_.model.at, diagnostics_,
                            load_options(config_), nir_reading(config_)));
  if (diagnostics_.has_errors()) return diagnostics_.first_error();
  NT_TRY(result_.report.files, describe_files(config_, uses_data()));
  result_.report.title = model_.name.empty() ? config_.model.value.stem().string() : model_.name;
  if (model_.level() == Level::kTensor) imported_ = model_.tensor();
  return {};
}

Result<> Execution::check_reference() {
  if (!uses_data() || config_.model_reference.value.empty()) return {};
  clock_.stage("self-check");
  NT_TRY(const SelfCheck check, check_against(model_, config_.model_reference.value, {}));
  if (!check.first) return {};
  return error("run.reference", config_.model_reference.at, to_string(check),
               "the import or the reference is wrong: neurotool inspect MODEL --check FILE shows "
               "more");
}

Result<> Execution::plan() {
  NT_TRY(passes_, plan_passes(config_.passes, model_.level(), diagnostics_));
  resolve_passes(passes_, result_.resolved);
  for (const PlannedPass& planned : passes_) {
    result_.report.passes.push_back({.name = std::string(planned.entry->info.name),
                                     .summary = std::string(planned.entry->info.summary),
                                     .options = planned.pass->options()});
  }
  Level level = model_.level();
  for (const PlannedPass& planned : passes_) level = planned.entry->info.to;
  if (level == Level::kSpike) return {};
  if (exports_nir() || exports_netx()) {
    return error(
        "run.not-spiking",
        exports_nir() ? config_.export_nir.profile.at : config_.export_netx.file.at,
        fmt::format("the passes leave a tensor graph, and a {} file holds a spiking network",
                    exports_nir() ? "NIR" : "Lava"),
        "add a pass that lowers it, such as 'rate'; neurotool passes lists them");
  }
  if (config_.target.value.empty()) return {};
  return error(
      "run.not-spiking", config_.target.at,
      fmt::format("the passes leave a tensor graph, and target '{}' takes spiking networks",
                  config_.target.value),
      "add a pass that lowers it, such as 'rate'; neurotool passes lists them");
}

Result<> Execution::open_target() {
  if (config_.target.value.empty()) return {};
  clock_.stage("open target");
  const TargetRequest request{.name = config_.target.value,
                              .at = config_.target.at,
                              .version = config_.target_version.value,
                              .sha256 = config_.target_sha256.value};
  NT_TRY(target_, registry_.open(request, config_.target_options, "target.options", call()));
  const TargetDescription& description = target_->description();
  result_.report.target = description.name;
  result_.report.target_version = description.plugin_version;
  result_.report.files.push_back(
      {"plugin", description.file.filename().string(), description.file_sha256});
  resolve_target(*target_, result_.resolved);
  if (!wants(RunMode::kSimulate) || description.can("nt.simulate/1")) return {};
  return error("target.no-simulate", config_.mode.at,
               fmt::format("target '{}' cannot simulate", description.name),
               "set run.mode to compile, or choose another target");
}

Result<> Execution::open_data() {
  if (!uses_data()) return {};
  NT_TRY_VOID(check_training());
  if (!config_.test.given && !config_.calibration.given && !config_.train.given) return {};
  clock_.stage("open data");
  NT_TRY(const Shape shape, sample_shape(model_, config_.steps.value));
  if (wants(RunMode::kSimulate) || (exports_nir() && config_.test.given)) {
    NT_TRY(test_, open_samples(config_.test, config_.preprocess, shape));
    if (wants(RunMode::kSimulate)) NT_TRY_VOID(check_labels(*test_, config_.test.at));
    result_.report.data_name = config_.test.images.value.filename().string();
    result_.report.samples = static_cast<std::uint64_t>(test_->size());
  }
  NT_TRY(calibration_, open_role(config_.calibration, "data.calibration", shape));
  NT_TRY(train_, open_role(config_.train, "data.train", shape));
  return {};
}

Result<std::unique_ptr<SampleSource>> Execution::open_role(const DataConfig& data,
                                                           std::string_view key,
                                                           const Shape& shape) const {
  if (!data.given) return std::unique_ptr<SampleSource>();
  NT_TRY(auto source, open_samples(data, config_.preprocess, shape));
  if (source->size() > 0) return source;
  return error("run.no-samples", data.at, fmt::format("'{}' holds no samples", source->name()),
               fmt::format("check 'first' and 'count' of {}", key));
}

Result<> Execution::check_training() const {
  for (const PlannedPass& planned : passes_) {
    if (!planned.entry->info.trains || config_.train.given) continue;
    return error("run.no-training-data", planned.at,
                 fmt::format("pass '{}' needs labelled training samples, and the pipeline has no "
                             "'data.train'",
                             planned.entry->info.name),
                 "add 'data: { train: { images: FILE, labels: FILE } }', not the test set");
  }
  return {};
}

void Execution::add_instruments(PassManager& manager) {
  manager.add(std::make_unique<SceneInstrument>(step_, before_step_));
  manager.add(std::make_unique<TensorInstrument>(changed_));
  manager.add(std::make_unique<LoweringInstrument>(lowered_, unrounded_));
  if (options_.verify) manager.add(verify_instrument());
  manager.add(timing_instrument(result_.report.timing.passes));
  if (!options_.dump_ir || depth_ == Depth::kPlan) return;
  manager.add(dump_instrument(
      *options_.dump_ir, [this](int index, std::string_view pass, const Model& model) -> Result<> {
        NT_TRY(const std::filesystem::path folder, folder_.folder("ir"));
        const std::string stem = fmt::format("{:02}-{}", index + 1, pass);
        NT_TRY_VOID(write_file_atomic(folder / (stem + ".txt"), print_text(model)));
        return write_snapshot(model, folder / (stem + ".h5"));
      }));
}

Result<> Execution::run_passes() {
  PassManager manager;
  add_instruments(manager);
  Context context{.diagnostics = diagnostics_,
                  .progress = clock_,
                  .seed = config_.seed.value,
                  .calibration = calibration_.get(),
                  .limits = target_ ? target_->limits(call()) : DeviceLimits{},
                  .facts = {},
                  .plan = depth_ == Depth::kPlan,
                  .training = train_.get()};
  const Result<> done = manager.run(passes_, model_, context);
  const std::vector<PassTiming>& rows = result_.report.timing.passes;
  for (std::size_t i = 0; i < rows.size() && i < result_.report.passes.size(); ++i) {
    PassReport& pass = result_.report.passes[i];
    pass.ran = true;
    pass.changed = rows[i].changed;
    pass.nodes_before = rows[i].nodes_before;
    pass.nodes_after = rows[i].nodes_after;
    pass.neurons_after = rows[i].neurons_after;
    pass.synapses_after = rows[i].synapses_after;
  }
  result_.report.facts = std::move(context.facts);
  tuned_ = std::move(context.tuned);
  if (!done) return done.error();
  if (diagnostics_.has_errors()) return diagnostics_.first_error();
  step_.clear();
  before_step_ = model_;
  result_.model = model_;
  describe_model();
  return {};
}

void Execution::describe_model() {
  if (model_.level() == Level::kSpike) describe_graph(model_.spike(), result_.report);
}

Location Execution::lowering_place() const {
  Location at;
  for (const PlannedPass& planned : passes_) {
    if (planned.entry->info.from != planned.entry->info.to) at = planned.at;
  }
  return at;
}

Result<> Execution::choose_steps() {
  if (model_.level() != Level::kSpike) return {};
  const std::uint64_t made_for = model_.spike().steps;
  const auto wanted = static_cast<std::uint64_t>(config_.steps.value);
  result_.report.steps = wanted > 0 ? wanted : made_for;
  result_.resolved.steps.value = static_cast<std::int64_t>(result_.report.steps);
  if (wanted == 0) result_.resolved.steps.at = lowering_place();
  if (wanted > 0 && made_for > 0 && wanted != made_for) {
    diagnostics_.report(warning(
        "run.steps-differ", config_.steps.at,
        fmt::format("run.steps is {}, but thresholds were made for {} steps", wanted, made_for),
        fmt::format("set the lowering pass to {} steps too, or leave run.steps out", wanted)));
  }
  const bool runs = wants(RunMode::kSimulate) || (uses_data() && exports_nir() && test_);
  if (result_.report.steps > 0 || !runs) return {};
  return error("run.no-steps", config_.mode.at,
               "neither run.steps nor a pass says how many steps a sample takes", "set run.steps");
}

Result<> Execution::check_target() {
  if (model_.level() != Level::kSpike) return {};
  if (uses_data() && result_.report.provisional && (wants(RunMode::kCompile) || exports_nir())) {
    std::vector<std::string> waiting;
    for (const PopulationId id : model_.spike().live_populations()) {
      if (model_.spike()[id].provisional) waiting.push_back(model_.spike()[id].name);
    }
    return error("run.calibration", lowering_place(),
                 fmt::format("thresholds of {} wait for calibration data", list_names(waiting)),
                 "add 'data: { calibration: { images: FILE } }', not the test set");
  }
  graph_ = std::make_shared<const SpikeGraph>(model_.spike());
  if (!target_) return {};
  clock_.stage("check");
  NT_TRY_VOID(target_->check(*graph_, call()));
  if (diagnostics_.has_errors()) return diagnostics_.first_error();
  return {};
}

}  // namespace neurotool
