// `neurotool doctor`: runs a pipeline on a few test samples and says where the accuracy goes.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "cli.hpp"
#include "pipeline_command.hpp"
#include "progress.hpp"
#include "render.hpp"
#include "session/session.hpp"

namespace neurotool::cli {
namespace {

struct DoctorOptions {
  PipelineOptions pipeline;
  std::int64_t samples = 256;
  bool no_trials = false;
  std::string format = "text";
};

/// The pipeline as the doctor runs it: few samples, no expectations, nothing written.
PipelineConfig for_examination(PipelineConfig config, const DoctorOptions& options) {
  config.mode.value = RunMode::kSimulate;
  auto& count = config.test.count.value;
  count = count == 0 ? options.samples : std::min(count, options.samples);
  config.doctor_samples.value = options.samples;
  config.doctor_trials.value = !options.no_trials;
  config.neurobench_samples.value = 0;
  config.report_directory = {};
  config.expect.clear();
  return config;
}

int run_doctor(const DoctorOptions& options, Terminal& terminal) {
  Diagnostics diagnostics;
  int exit = kExitDone;
  auto config = read_pipeline_or_show(options.pipeline, diagnostics, terminal, exit);
  if (!config) return exit;
  TerminalProgress progress(terminal, install_interrupt_handler());
  Session session(for_examination(*std::move(config), options),
                  {.plugins = options.pipeline.plugins.search_path(),
                   .verify = true,
                   .dump_ir = {},
                   .from_snapshot = {},
                   .tool_version = NEUROTOOL_VERSION});
  const SessionResult result = session.run(diagnostics, progress);
  progress.finish();
  if (result.outcome == Outcome::kInterrupted) {
    terminal.err().write("interrupted\n");
    return exit_code(result.outcome);
  }
  if (const auto& diagnosis = result.report.diagnosis) {
    terminal.out().write(options.format == "json" ? diagnosis_json(*diagnosis).dump() + "\n"
                                                  : diagnosis_text(*diagnosis));
  }
  show(diagnostics, terminal, render_options(terminal));
  return exit_code(result.outcome);
}

}  // namespace

void add_doctor(CommandLine& line) {
  auto options = std::make_shared<DoctorOptions>();
  Command& command =
      line.add(line.root(), "doctor", "Say where the accuracy of a conversion goes.");
  command.details =
      "Runs the pipeline on the first test samples and compares every layer of neurons with the "
      "activation that it replaced: how much of its error is inherited, cut off, rounded, or made "
      "by the timing of spikes; what the accuracy is with this layer alone spiking, and with all "
      "layers up to it. Ends with the settings that are most likely to help, each tried on the "
      "same samples.\n\nNothing is written. docs/doctor.md defines every number. Choose settings "
      "on samples that you do not report.";
  command.examples = {
      {"neurotool doctor --config configs/mnist_cpu.yaml", "Where do the points go?"},
      {"neurotool doctor --config net.yaml --samples 64 --no-trials", "The table only, soon."},
      {"neurotool doctor --config net.yaml --format json", "The same for a program."}};
  require(command, add_value(command, "--config", options->pipeline.file, "FILE",
                             "The pipeline to examine."));
  add_value(command, "--samples", options->samples, "N", "Test samples to look at.")
      ->check(whole_number(1, 1000000));
  command.app->add_flag("--no-trials", options->no_trials, "Do not try the advice.");
  add_value(command, "--format", options->format, "text|json", "What goes to stdout.");
  add_pipeline_options(command, options->pipeline);
  command.action = [options](Terminal& terminal) { return run_doctor(*options, terminal); };
}

}  // namespace neurotool::cli
