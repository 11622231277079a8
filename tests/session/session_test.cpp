// Whole sessions on the shipped MNIST perceptron and the cpu target, on few samples.
#include <gtest/gtest.h>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "session/lock.hpp"
#include "session/reproducer.hpp"
#include "session_support.hpp"
#include "support/graphs.hpp"
#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;
using test::Ended, test::data_section, test::kConfigs, test::kPasses, test::model_line,
    test::options, test::plan, test::read, test::run, test::timeless, test::whole_pipeline;

TEST(SessionDoctor, AccountsForEveryLayerAndDrawsIt) {
  const test::TempFolder temp;
  const Ended ended = run(read(temp.write(
      "p.yaml", whole_pipeline("report: { directory: out, doctor: { samples: 100 } }\n"))));
  ASSERT_EQ(ended.result.outcome, Outcome::kDone) << ended.text();
  const Diagnosis& diagnosis = ended.result.report.diagnosis.value();
  EXPECT_EQ(diagnosis.samples, 100);
  ASSERT_EQ(diagnosis.layers.size(), 1u);
  const LayerDiagnosis& layer = diagnosis.layers.front();
  // The first layer sees a constant current: nothing comes in wrong, and timing cannot err.
  EXPECT_NEAR(layer.inherited, 0, 1e-6);
  EXPECT_LT(layer.unevenness, 0.01);  // float sums may differ by one count at a tie
  EXPECT_GT(layer.quantization, layer.unevenness);
  EXPECT_GT(layer.cosine, 0.98);
  EXPECT_EQ(layer.alone.correct, diagnosis.spiking_accuracy.correct);
  EXPECT_EQ(layer.up_to_here.correct, diagnosis.spiking_accuracy.correct);
  ASSERT_FALSE(diagnosis.advice.empty());
  EXPECT_TRUE(diagnosis.advice.front().tried.has_value());
  EXPECT_TRUE(fs::exists(temp.path() / "out/doctor.svg"));
  const Json report = *Json::parse(test::slurp(temp.path() / "out/report.json"));
  EXPECT_EQ(report.find("doctor")->find("samples")->dump(0), "100");
}

TEST(SessionDoctor, SeesOneExactNetworkInEveryCodeAndComparesItWithTheFloatOne) {
  std::optional<Diagnosis> first;
  for (const std::string mode : {"radix", "two_phase", "graded", "st_bif"}) {
    const test::TempFolder temp;
    const Ended ended = run(read(temp.write(
        "p.yaml",
        "version: 1\n" + model_line() + data_section() +
            "passes: [infer_shapes, fold_constants, remove_identity, fold_batch_norm, "
            "quantize_activations: { bits: 2 }, exact: { weight_bits: 12, fraction_bits: 4, "
            "realisation: " +
            mode + " }]\ntarget: cpu\nreport: { doctor: { samples: 60 } }\n")));
    ASSERT_EQ(ended.result.outcome, Outcome::kDone) << ended.text();
    const Diagnosis& diagnosis = ended.result.report.diagnosis.value();
    EXPECT_TRUE(diagnosis.unseen.empty());
    ASSERT_EQ(diagnosis.layers.size(), 1u);
    const LayerDiagnosis& layer = diagnosis.layers.front();
    // Two bits are the trouble; exact counts leave nothing to timing.
    EXPECT_GT(layer.quantization, 0.1);
    EXPECT_LT(layer.unevenness, 0.25 * layer.quantization);
    EXPECT_LT(layer.over_fired + layer.under_fired, 0.005);  // sums beside a step
    EXPECT_NEAR(layer.inherited, 0, 1e-6);
    EXPECT_TRUE(std::ranges::any_of(diagnosis.advice, [](const Advice& advice) {
      return advice.setting == "passes.quantize_activations.bits=3" && advice.tried.has_value();
    }));
    if (!first) first = diagnosis;
    EXPECT_EQ(layer.quantization, first->layers[0].quantization) << mode;
    EXPECT_EQ(layer.unevenness, first->layers[0].unevenness) << mode;
    EXPECT_EQ(layer.up_to_here.correct, first->layers[0].up_to_here.correct) << mode;
    EXPECT_EQ(diagnosis.spiking_accuracy.correct, first->spiking_accuracy.correct) << mode;
  }
}

TEST(SessionDoctor, NeedsTheFloatNetwork) {
  const test::TempFolder temp;
  SessionOptions with = options();
  with.dump_ir = DumpFilter{};
  ASSERT_EQ(run(read(temp.write("p.yaml", whole_pipeline("report: { directory: out }\n"))), with)
                .result.outcome,
            Outcome::kDone);
  SessionOptions from = options();
  for (const auto& entry : fs::directory_iterator(temp.path() / "out/ir")) {
    if (entry.path().filename().string().ends_with("qcfs.h5")) from.from_snapshot = entry.path();
  }
  ASSERT_FALSE(from.from_snapshot.empty());
  const Ended ended =
      run(read(temp.write("q.yaml", "version: 1\n" + model_line() + data_section() +
                                        "target: cpu\nreport: { doctor: { samples: 10 } }\n")),
          from);
  EXPECT_EQ(ended.code(), "doctor.no-float-network");
  EXPECT_EQ(ended.result.outcome, Outcome::kConfig);
}

TEST(SessionPlan, SeesTheWholeNetworkAndWritesNothing) {
  const test::TempFolder temp;
  const Ended ended =
      plan(read(temp.write("p.yaml", whole_pipeline("report: { directory: out }\n"))));
  ASSERT_EQ(ended.result.outcome, Outcome::kDone) << ended.text();
  EXPECT_EQ(ended.result.report.neurons, 138);
  EXPECT_TRUE(ended.result.report.provisional);
  EXPECT_FALSE(ended.result.report.spiking_accuracy.has_value());
  EXPECT_EQ(ended.result.report.steps, 8u);
  EXPECT_FALSE(fs::exists(temp.path() / "out"));
}

struct CodedCase {
  const char* options;
  double least;  ///< accuracy of 200 samples in 32 steps; direct coding has 0.98
};

TEST(SessionRun, ClassifiesWithEveryCodeOfTheInput) {
  const test::TempFolder temp;
  for (const CodedCase& c :
       {CodedCase{"{ coding: direct }", 0.97}, CodedCase{"{ coding: rate }", 0.96},
        CodedCase{"{ coding: poisson }", 0.93}, CodedCase{"{ coding: ttfs }", 0.96},
        CodedCase{"{ coding: bitplane }", 0.93}, CodedCase{"{ coding: delta }", 0.97},
        CodedCase{"{ coding: rate, signs: channels }", 0.96}}) {
    const Ended ended = run(read(temp.write(
        "p.yaml", "version: 1\n" + model_line() + data_section() +
                      "passes: [infer_shapes, fold_constants, remove_identity, "
                      "fold_batch_norm, qcfs: { steps: 32 }, encode_input: " +
                      std::string(c.options) + "]\ntarget: cpu\nreport: { directory: out }\n")));
    ASSERT_EQ(ended.result.outcome, Outcome::kDone) << c.options << ended.text();
    const Report& report = ended.result.report;
    ASSERT_TRUE(report.spiking_accuracy.has_value());
    EXPECT_GE(report.spiking_accuracy->share(), c.least) << c.options;
    const bool coded = report.populations[0].model != "input";
    EXPECT_EQ(find_metric(report, "input_macs_per_sample")->value, coded ? 0 : 784 * 128)
        << c.options;
  }
}

TEST(SessionRun, ClassifiesWithEveryCodeOfTheInputInWholeNumbers) {
  const test::TempFolder temp;
  for (const CodedCase& c :
       {CodedCase{"{ coding: rate }", 0.96}, CodedCase{"{ coding: poisson }", 0.93},
        CodedCase{"{ coding: ttfs }", 0.96}, CodedCase{"{ coding: bitplane }", 0.93},
        CodedCase{"{ coding: delta }", 0.97}, CodedCase{"{ coding: delta, signs: channels }", 0.97},
        CodedCase{"{ coding: delta, least_change: 0.05 }", 0.95}}) {
    const Ended ended =
        run(read(temp.write("p.yaml", "version: 1\n" + model_line() + data_section() +
                                          "passes: [infer_shapes, fold_constants, remove_identity, "
                                          "fold_batch_norm, qcfs: { steps: 32 }, encode_input: " +
                                          std::string(c.options) + ", quantize]\ntarget: cpu\n")));
    ASSERT_EQ(ended.result.outcome, Outcome::kDone) << c.options << ended.text();
    ASSERT_TRUE(ended.result.report.spiking_accuracy.has_value());
    EXPECT_GE(ended.result.report.spiking_accuracy->share(), c.least) << c.options;
  }
}

TEST(SessionPlan, RefusesPassesInTheWrongOrderBeforeTheTargetIsOpened) {
  const test::TempFolder temp;
  const Ended ended = plan(read(temp.write(
      "p.yaml", "version: 1\n" + model_line() +
                    "passes: [quantize, qcfs]\ntarget: nobody\nrun: { mode: compile }\n")));
  EXPECT_EQ(ended.result.outcome, Outcome::kConfig);
  EXPECT_EQ(ended.code(), "pass.level");
}

TEST(SessionPlan, RefusesATargetBeforeLowering) {
  const test::TempFolder temp;
  const Ended ended = plan(read(
      temp.write("p.yaml", "version: 1\n" + model_line() +
                               "passes: [infer_shapes]\ntarget: cpu\nrun: { mode: compile }\n")));
  EXPECT_EQ(ended.code(), "run.not-spiking");
  EXPECT_EQ(ended.result.outcome, Outcome::kConfig);
}

TEST(SessionPlan, NamesATargetThatIsNotThere) {
  const test::TempFolder temp;
  const Ended ended = plan(read(temp.write(
      "p.yaml",
      "version: 1\n" + model_line() +
          "passes: [infer_shapes, qcfs: { steps: 4 }]\ntarget: nobody\nrun: { mode: compile }\n")));
  EXPECT_EQ(ended.code(), "target.missing");
  EXPECT_EQ(ended.result.outcome, Outcome::kPlugin);
}

TEST(SessionRun, ReportsAccuracyAndCost) {
  const test::TempFolder temp;
  const Ended ended =
      run(read(temp.write("p.yaml", whole_pipeline("report: { directory: out }\n"))));
  ASSERT_EQ(ended.result.outcome, Outcome::kDone) << ended.text();
  const Report& report = ended.result.report;
  ASSERT_TRUE(report.float_accuracy && report.spiking_accuracy);
  EXPECT_EQ(report.float_accuracy->samples, 200);
  EXPECT_GT(report.float_accuracy->share(), 0.95);
  EXPECT_GT(report.spiking_accuracy->share(), 0.9);
  EXPECT_FALSE(report.provisional);
  ASSERT_NE(find_metric(report, "events_per_neuron"), nullptr);
  EXPECT_GT(find_metric(report, "events_per_neuron")->value, 0);
  for (const char* name : {"report.json", "report.md", "pipeline.lock.yaml", "events.svg",
                           "raster.svg", "weights.svg"}) {
    EXPECT_TRUE(fs::exists(temp.path() / "out" / name)) << name;
  }
}

TEST(SessionRun, GivesTheSameBytesForAnyThreadsAndBatch) {
  const test::TempFolder temp;
  const fs::path file = temp.write("p.yaml", whole_pipeline("report: { directory: out }\n"));
  set_thread_count(2);
  ASSERT_EQ(run(read(file)).result.outcome, Outcome::kDone);
  const Json first = timeless(temp.path() / "out");
  const std::string lock = test::slurp(temp.path() / "out/pipeline.lock.yaml");
  set_thread_count(1);
  ASSERT_EQ(run(read(file)).result.outcome, Outcome::kDone);
  EXPECT_EQ(timeless(temp.path() / "out"), first);
  EXPECT_EQ(test::slurp(temp.path() / "out/pipeline.lock.yaml"), lock);
  ASSERT_EQ(run(read(file, {"run.batch=7"})).result.outcome, Outcome::kDone);
  set_thread_count(0);
  EXPECT_EQ(timeless(temp.path() / "out"), first);
}

TEST(SessionRun, LeavesALockFileThatRepeatsIt) {
  const test::TempFolder temp;
  ASSERT_EQ(run(read(temp.write("p.yaml", whole_pipeline("report: { directory: out }\n")),
                     {"passes.qcfs.steps=4"}))
                .result.outcome,
            Outcome::kDone);
  const Json first = timeless(temp.path() / "out");
  const fs::path lock = temp.path() / "out/pipeline.lock.yaml";
  const std::string locked = test::slurp(lock);
  const Ended again = run(read(lock));
  ASSERT_EQ(again.result.outcome, Outcome::kDone) << again.text();
  EXPECT_EQ(timeless(temp.path() / "out"), first);
  EXPECT_EQ(test::slurp(lock), locked);
}

TEST(SessionRun, FailsAnExpectationAfterWritingTheReport) {
  const test::TempFolder temp;
  const Ended ended = run(read(temp.write(
      "p.yaml",
      whole_pipeline(
          "report: { directory: out, expect: { accuracy: \"> 0.9999\", gap: \"< 50\" } }\n"))));
  EXPECT_EQ(ended.result.outcome, Outcome::kNo);
  EXPECT_EQ(ended.code(), "run.expect");
  ASSERT_EQ(ended.result.report.expectations.size(), 2u);
  EXPECT_FALSE(ended.result.report.expectations[0].met);
  EXPECT_TRUE(ended.result.report.expectations[1].met);
  EXPECT_TRUE(fs::exists(temp.path() / "out/report.json"));
}

TEST(SessionRun, WarnsWhenStepsAreNotThoseOfTheThresholds) {
  const test::TempFolder temp;
  const Ended ended = run(read(temp.write("p.yaml", whole_pipeline("run: { steps: 12 }\n"))));
  EXPECT_EQ(ended.result.outcome, Outcome::kDone) << ended.text();
  ASSERT_TRUE(ended.has("run.steps-differ"));
  EXPECT_NE(ended.text().find("run.steps is 12, but thresholds were made for 8 steps"),
            std::string::npos);
  EXPECT_EQ(ended.result.report.steps, 12u);
}

TEST(SessionRun, NeedsCalibrationData) {
  const test::TempFolder temp;
  const std::string data = (kConfigs / "data").string();
  const Ended ended = run(read(temp.write(
      "p.yaml", "version: 1\n" + model_line() + "data: { test: { images: " + data +
                    "/t10k-images-idx3-ubyte.gz, labels: " + data +
                    "/t10k-labels-idx1-ubyte.gz } }\n" + std::string(kPasses) + "target: cpu\n")));
  EXPECT_EQ(ended.code(), "run.calibration") << ended.text();
  EXPECT_EQ(ended.result.outcome, Outcome::kConfig);
}

TEST(SessionRun, NeedsLabels) {
  const test::TempFolder temp;
  const std::string images = (kConfigs / "data/mnist_calibration-idx3-ubyte.gz").string();
  const Ended ended = run(read(temp.write(
      "p.yaml", "version: 1\n" + model_line() + "data: { test: { images: " + images + " } }\n" +
                    std::string(kPasses) + "target: cpu\nreport: { directory: deep/out }\n")));
  EXPECT_EQ(ended.code(), "run.no-labels") << ended.text();
  EXPECT_EQ(ended.result.outcome, Outcome::kInput);
  EXPECT_FALSE(fs::exists(temp.path() / "deep"));
}

TEST(SessionRun, RefusesDataOfAnotherShape) {
  const test::TempFolder temp;
  const fs::path labels = kConfigs / "data/t10k-labels-idx1-ubyte.gz";
  const Ended ended =
      run(read(temp.write("p.yaml", "version: 1\n" + model_line() + "data: { test: { images: " +
                                        labels.string() + ", labels: " + labels.string() +
                                        " } }\n" + std::string(kPasses) + "target: cpu\n")));
  EXPECT_EQ(ended.result.outcome, Outcome::kInput) << ended.text();
  EXPECT_TRUE(ended.code().starts_with("data.")) << ended.code();
}

TEST(SessionRun, SaysWhatAModeNeedsToThoseWhoBuildConfigsInCode) {
  PipelineConfig config;
  config.model.value = kConfigs / "models/mnist_mlp_784_128_10.onnx";
  EXPECT_EQ(run(config).code(), "run.no-target");
  config.target.value = "cpu";
  EXPECT_EQ(run(config).code(), "run.no-data");
  config.mode.value = RunMode::kCompile;
  config.expect = {{"gap", "<", 1, {}}};
  EXPECT_EQ(run(config).code(), "run.expect-mode");
}

TEST(SessionRun, KeepsFoldersThatAreNoReports) {
  const test::TempFolder temp;
  temp.write("out/thesis.tex", "work of years");
  const Ended ended =
      run(read(temp.write("p.yaml", whole_pipeline("report: { directory: out }\n"))));
  EXPECT_EQ(ended.code(), "run.report-folder");
  EXPECT_EQ(test::slurp(temp.path() / "out/thesis.tex"), "work of years");
}

TEST(SessionRun, DumpsTheNetworkAndStartsFromADump) {
  const test::TempFolder temp;
  SessionOptions with = options();
  with.dump_ir = DumpFilter{.names = {"qcfs"}, .only_changed = false};
  const Ended first =
      run(read(temp.write("p.yaml", whole_pipeline("report: { directory: out }\n"))), with);
  ASSERT_EQ(first.result.outcome, Outcome::kDone) << first.text();
  EXPECT_TRUE(fs::exists(temp.path() / "out/ir/05-qcfs.txt"));
  fs::copy(temp.path() / "out/ir/05-qcfs.h5", temp.path() / "start.h5");

  SessionOptions from = options();
  from.from_snapshot = temp.path() / "start.h5";
  const Ended second =
      run(read(temp.write("p.yaml", whole_pipeline("report: { directory: out }\n")), {"passes=[]"}),
          from);
  ASSERT_EQ(second.result.outcome, Outcome::kDone) << second.text();
  EXPECT_EQ(second.result.report.spiking_accuracy->correct,
            first.result.report.spiking_accuracy->correct);
  EXPECT_FALSE(second.result.report.float_accuracy.has_value());
}

/// Says "stop" once a stage with this name has begun.
class StopAt final : public Progress {
 public:
  explicit StopAt(std::string name) : name_(std::move(name)) {}
  void stage(std::string_view name) override { stop_ = stop_ || name == name_; }
  bool update(double, std::string_view) override { return !stop_; }

 private:
  std::string name_;
  std::atomic<bool> stop_{false};
};

TEST(SessionRun, LeavesNothingBehindWhenInterrupted) {
  for (const char* stage : {"qcfs", "float accuracy", "simulate"}) {
    const test::TempFolder temp;
    const PipelineConfig config =
        read(temp.write("p.yaml", whole_pipeline("report: { directory: deep/out }\n")));
    Diagnostics diagnostics;
    StopAt progress(stage);
    const SessionResult result = Session(config, options()).run(diagnostics, progress);
    EXPECT_EQ(result.outcome, Outcome::kInterrupted) << stage;
    EXPECT_FALSE(fs::exists(temp.path() / "deep")) << stage;
  }
}

/// Stands for a bug: throws inside the pass that follows a stage.
class ThrowInside final : public Progress {
 public:
  void stage(std::string_view name) override { armed_ = name == "qcfs"; }
  bool update(double, std::string_view activity) override {
    if (armed_ && activity != "qcfs") NT_CHECK(false, "a bug");
    return true;
  }

 private:
  std::atomic<bool> armed_{false};
};

TEST(SessionRun, LeavesAReproducerForABug) {
  const test::TempFolder temp;
  const PipelineConfig config =
      read(temp.write("p.yaml", whole_pipeline("report: { directory: out }\n")));
  Diagnostics diagnostics;
  ThrowInside progress;
  const SessionResult result = Session(config, options()).run(diagnostics, progress);
  ASSERT_EQ(result.outcome, Outcome::kBug);
  EXPECT_EQ(diagnostics.first_error().code, "internal.check");
  EXPECT_NE(diagnostics.first_error().message.find("in pass 'qcfs'"), std::string::npos);
  EXPECT_NE(diagnostics.first_error().help.find(result.reproducer.string()), std::string::npos);
  EXPECT_FALSE(fs::exists(temp.path() / "out"));
  for (const char* name : {"model.h5", "pipeline.yaml", "diagnostic.txt"}) {
    EXPECT_TRUE(fs::exists(result.reproducer / name)) << name;
  }
  // Without the bug, the reproducer runs the one pass on the model as it was.
  const Ended again = run(read(result.reproducer / "pipeline.yaml"));
  EXPECT_EQ(again.result.outcome, Outcome::kDone) << again.text();
  ASSERT_EQ(again.result.report.passes.size(), 1u);
  EXPECT_EQ(again.result.report.passes[0].name, "qcfs");
  EXPECT_EQ(again.result.report.neurons, 138);
}

TEST(LockFile, NamesVersionsAndHashes) {
  Report report;
  report.tool_version = "9.9.9";
  report.files = {{"model", "net.onnx", std::string(64, 'b')}};
  const std::string text = lock_text(PipelineConfig{}, report, "/tmp/out");
  EXPECT_NE(text.find("# neurotool 9.9.9, pipeline 1"), std::string::npos);
  EXPECT_NE(text.find("# sha256 " + std::string(64, 'b') + "  model"), std::string::npos);
}

}  // namespace
}  // namespace neurotool
