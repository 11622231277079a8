#include "session/report.hpp"

#include <gtest/gtest.h>

#include "session/raster.hpp"
#include "session/report_rows.hpp"
#include "support/golden.hpp"
#include "support/graphs.hpp"

namespace neurotool {
namespace {

/// A report with something in every section, and names that want to be markup.
Report full_report() {
  Report report;
  report.title = "net|1";
  report.tool_version = "0.0.0";
  report.target = "cpu";
  report.target_version = "1.2.3";
  report.files = {{"model", "net.onnx", std::string(64, 'a')}};
  report.data_name = "t10k.gz";
  report.samples = 10000;
  report.steps = 16;
  report.seed = 1;
  report.float_accuracy = Accuracy{.correct = 9801, .samples = 10000};
  report.spiking_accuracy = Accuracy{.correct = 9795, .samples = 10000};
  report.agreement = 9950;
  report.neurons = 138;
  report.spiking_neurons = 128;
  report.synapses = 101632;
  report.metrics = {{.name = "events_per_neuron",
                     .unit = "events",
                     .value = 3.21875,
                     .limit = 0,
                     .origin = Origin::kSimulated},
                    {.name = "synaptic_operations_per_sample",
                     .unit = "operations",
                     .value = 4120.5,
                     .limit = 0,
                     .origin = Origin::kSimulated},
                    {.name = "input_macs_per_sample",
                     .unit = "operations",
                     .value = 100352,
                     .limit = 0,
                     .origin = Origin::kModelled},
                    {.name = "activation_sparsity",
                     .unit = "1",
                     .value = 0.798828125,
                     .limit = 0,
                     .origin = Origin::kSimulated},
                    {.name = "core.0.neurons",
                     .unit = "1",
                     .value = 128,
                     .limit = 256,
                     .origin = Origin::kModelled}};
  report.populations = {{.name = "image",
                         .model = "input",
                         .shape = "[784]",
                         .neurons = 784,
                         .synapses_in = 0,
                         .origins = {}},
                        {.name = "fc1",
                         .model = "if",
                         .shape = "[128]",
                         .neurons = 128,
                         .synapses_in = 100352,
                         .origins = {"/fc1/Gemm", "Relu_1"}}};
  report.populations[1].events_per_neuron = 3.21875;
  report.populations[1].events_per_neuron_step = 3.21875 / 16;
  report.populations[1].synaptic_operations = 4120.5;
  report.passes = {{.name = "qcfs",
                    .summary = "Lowers.",
                    .options = {{"steps", OptionValue(std::int64_t{16})},
                                {"method", OptionValue(std::string("mmse"))}},
                    .ran = true,
                    .changed = true,
                    .nodes_before = 3,
                    .nodes_after = 5,
                    .neurons_after = 138,
                    .synapses_after = 101632}};
  report.facts = {{"qcfs", "fc1", "dead_channels", 2}};
  report.expectations = {{"accuracy", ">=", 0.97, 0.9795, true}, {"gap", "<", 0.01, 0.06, false}};
  report.artifacts = {"listing.asm"};
  report.diagnostics = {
      warning("qcfs.dead", ModelNode{"net.onnx", "Relu_1"}, "2 channels are dead")};
  report.timing.stages = {{"simulate", 1.5}};
  report.timing.total_seconds = 2.25;
  report.timing.threads = 2;
  return report;
}

TEST(ReportText, IsAShortTable) {
  test::expect_golden("session", "report_text", report_text(full_report()));
}

TEST(ReportText, ShowsTheStructureOfAPlan) {
  Report report = full_report();
  report.float_accuracy.reset();
  report.spiking_accuracy.reset();
  report.agreement.reset();
  report.metrics.clear();
  report.expectations.clear();
  report.provisional = true;
  test::expect_golden("session", "report_text_plan", report_text(report));
}

TEST(ReportMarkdown, SaysAllOfIt) {
  test::expect_golden("session", "report_markdown", report_markdown(full_report()));
}

TEST(ReportMarkdown, EscapesNamesOfModels) {
  EXPECT_NE(report_markdown(full_report()).find("# net\\|1 on cpu"), std::string::npos);
}

TEST(ReportMarkdown, DependsOnTheClockInItsLastSectionOnly) {
  Report later = full_report();
  later.timing.total_seconds = 99;
  later.timing.threads = 1;
  const std::string a = report_markdown(full_report()), b = report_markdown(later);
  const std::size_t time = a.find("\n## Time\n");
  ASSERT_NE(time, a.npos);
  EXPECT_EQ(a.find("\n## ", time + 1), a.npos);
  EXPECT_EQ(a.substr(0, time), b.substr(0, time));
  EXPECT_NE(a, b);
}

TEST(ReportJson, HasStableKeys) {
  test::expect_golden("session", "report_json", report_json(full_report()).dump());
}

TEST(ReportJson, KeepsEveryKeyInAnEmptyReport) {
  const Json full = report_json(full_report()), empty = report_json(Report{});
  const auto& keys = std::get<Json::Object>(full.value());
  const auto& few = std::get<Json::Object>(empty.value());
  ASSERT_EQ(keys.size(), few.size());
  for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(keys[i].first, few[i].first);
}

TEST(ReportJson, DependsOnTheClockUnderTimingOnly) {
  Report later = full_report();
  later.timing = {};
  Json a = report_json(full_report()), b = report_json(later);
  EXPECT_NE(a, b);
  a["timing"] = nullptr;
  b["timing"] = nullptr;
  EXPECT_EQ(a, b);
}

TEST(ReportChart, DrawsOneBarForEachPopulationThatFires) {
  test::expect_golden("session", "report_chart", report_chart(full_report()));
}

TEST(RasterChart, DrawsALineForEachNeuronOrForSomeAtEqualDistances) {
  SpikeRaster raster{.sample = 0, .steps = 4, .rows = {}};
  raster.rows.push_back({"few<3>", 3, {{0, 0, false}, {1, 2, true}, {3, 1, false}}});
  // Neurons 0, 2, 4, … of 64 have a line; neuron 3 has none.
  raster.rows.push_back({"many", 64, {{0, 2, false}, {2, 3, false}, {3, 62, false}}});
  test::expect_golden("session", "raster_chart", raster_chart(raster, "net on cpu"));
}

TEST(RasterChart, IsEmptyWithoutNeuronsThatFire) { EXPECT_EQ(raster_chart({}, "net"), ""); }

TEST(WeightsChart, CountsWeightsAroundZero) {
  test::expect_golden("session", "weights_chart",
                      weights_chart(test::small_integer_mlp(), "net on cpu"));
}

TEST(ReportChart, IsEmptyWithoutASimulation) { EXPECT_EQ(report_chart(Report{}), ""); }

TEST(AccuracyGap, IsInPercentagePoints) {
  EXPECT_NEAR(*accuracy_gap(full_report()), 0.06, 1e-12);
  EXPECT_FALSE(accuracy_gap(Report{}).has_value());
  // 1 - 0.995 is not 0.005, and an expectation of "<= 0.5" would not be met.
  Report half;
  half.float_accuracy = Accuracy{200, 200};
  half.spiking_accuracy = Accuracy{199, 200};
  EXPECT_EQ(accuracy_gap(half), 0.5);
}

TEST(CountText, ShowsAsManyDigitsAsHelp) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(3.21875), "3.22");
  EXPECT_EQ(count_text(0.0625), "0.0625");
  EXPECT_EQ(count_text(4120.5), "4,121");
  EXPECT_EQ(count_text(-2), "-2");
  EXPECT_EQ(count_text(0.0001234), "0.000123");
}

}  // namespace
}  // namespace neurotool
