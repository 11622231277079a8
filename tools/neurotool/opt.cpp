// `neurotool opt MODEL --passes '…'`: passes without a pipeline file, to look at what they do.
#include <fmt/format.h>

#include <memory>

#include "cli.hpp"
#include "model_output.hpp"
#include "passes/pipeline.hpp"
#include "progress.hpp"
#include "render.hpp"
#include "session/session.hpp"

namespace neurotool::cli {
namespace {

struct OptOptions {
  std::string model, passes;
  std::uint64_t seed = 1;
  ModelFormat format;
};

int opt(const OptOptions& options, Terminal& terminal) {
  RenderOptions rendering = render_options(terminal);
  rendering.sources = {{"--passes", options.passes}};
  Diagnostics diagnostics;
  auto passes = parse_pass_list(options.passes);
  if (!passes) {
    terminal.err().write(render(passes.error(), rendering));
    return kExitUsage;
  }
  PipelineConfig config;
  config.model.value = options.model;
  config.passes = *std::move(passes);
  config.mode.value = RunMode::kPlan;
  config.seed.value = options.seed;
  TerminalProgress progress(terminal, install_interrupt_handler());
  Session session(std::move(config), {.plugins = {},
                                      .verify = true,
                                      .dump_ir = {},
                                      .from_snapshot = {},
                                      .tool_version = NEUROTOOL_VERSION});
  const SessionResult result = session.plan(diagnostics, progress);
  progress.finish();
  if (result.outcome == Outcome::kDone && result.model) {
    terminal.out().write(model_text(*result.model, options.format));
  }
  show(diagnostics, terminal, rendering);
  return static_cast<int>(result.outcome);
}

}  // namespace

void add_opt(CommandLine& line) {
  auto options = std::make_shared<OptOptions>();
  Command& command =
      line.add(line.root(), "opt", "Run passes on a model without a file and print the result.");
  command.details =
      "Passes see no calibration data, so thresholds in the result are provisional; the structure "
      "is "
      "that of a real run.";
  command.examples = {
      {"neurotool opt net.onnx --passes infer_shapes,fold_batch_norm",
       "What two passes make of it."},
      {"neurotool opt net.onnx --passes 'infer_shapes,qcfs{steps=8}'", "A pass with an option."},
      {"neurotool passes", "The names of the passes."}};
  require(command, add_value(command, "model", options->model, "MODEL", "The model file."));
  require(command, add_value(command, "--passes", options->passes, "LIST",
                             "Passes between commas, options in braces."));
  add_value(command, "--seed", options->seed, "N", "Seed of everything random in the passes.");
  add_model_format(command, options->format);
  command.action = [options](Terminal& terminal) { return opt(*options, terminal); };
}

}  // namespace neurotool::cli
