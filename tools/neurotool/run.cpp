// `neurotool --config FILE` and `neurotool run FILE`: the product. Reads the pipeline, lets a
// session run it, shows what came out.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "cli.hpp"
#include "events.hpp"
#include "explain_plan.hpp"
#include "help.hpp"
#include "passes/registry.hpp"
#include "pipeline_command.hpp"
#include "progress.hpp"
#include "render.hpp"
#include "session/session.hpp"

namespace neurotool::cli {
namespace {

struct RunOptions {
  PipelineOptions pipeline;
  bool dry_run = false, explain = false, timing = false, no_verify = false;
  std::string dump_ir, from, format = "text", events;
};

/// What one run needs at hand.
struct RunContext {
  const RunOptions& options;
  Terminal& terminal;
  Diagnostics diagnostics;
  std::unique_ptr<EventLog> log;
};

/// "all", "changed" or names of passes between commas.
Result<DumpFilter> parse_dump_filter(const std::string& text) {
  DumpFilter filter;
  if (text == "all") return filter;
  filter.only_changed = text == "changed";
  if (filter.only_changed) return filter;
  std::vector<std::string> known{"all", "changed"};
  for (const PassEntry& entry : pass_registry()) known.emplace_back(entry.info.name);
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    if (find_pass(name) == nullptr) {
      return error("cli.value", {}, fmt::format("--dump-ir names '{}', which is no pass", name),
                   suggest(name, known));
    }
    filter.names.insert(name);
    begin = end + 1;
  }
  return filter;
}

Result<SessionOptions> session_options(const RunOptions& options) {
  SessionOptions result{.plugins = options.pipeline.plugins.search_path(),
                        .verify = !options.no_verify,
                        .dump_ir = {},
                        .from_snapshot = options.from,
                        .tool_version = NEUROTOOL_VERSION};
  if (options.dump_ir.empty()) return result;
  if (options.dry_run || options.explain) {
    return error("cli.usage", {}, "--dump-ir writes files, and --dry-run and --explain write none",
                 "leave one of them out, or print with 'neurotool opt'");
  }
  NT_TRY(result.dump_ir, parse_dump_filter(options.dump_ir));
  return result;
}

std::string timing_table(const Report& report) {
  std::vector<std::vector<std::string>> rows{{"stage", "seconds", "peak memory"}};
  for (const auto& [name, seconds] : report.timing.stages) {
    std::string memory;
    for (const PassTiming& pass : report.timing.passes) {
      if (pass.pass == name) memory = fmt::format("{} MiB", pass.peak_memory_bytes >> 20);
    }
    rows.push_back({name, fmt::format("{:.3f}", seconds), memory});
  }
  rows.push_back({"total", fmt::format("{:.3f}", report.timing.total_seconds), ""});
  return "\n" + align_columns(rows, {false, true, true});
}

bool has_answer(const SessionResult& result) {
  return result.outcome == Outcome::kDone || !result.report.expectations.empty() ||
         result.report.nir_export.has_value();
}

void print_result(const RunContext& context, const SessionResult& result) {
  const RunOptions& options = context.options;
  Stream& out = context.terminal.out();
  if (!has_answer(result) || options.events == "-") return;
  if (options.explain) {
    out.write(explain_plan(result));
  } else if (options.format == "json") {
    out.write(report_json(result.report).dump() + "\n");
  } else {
    out.write(report_text(result.report));
    if (options.timing) out.write(timing_table(result.report));
  }
}

void print_end(RunContext& context, const SessionResult& result) {
  Terminal& terminal = context.terminal;
  if (result.outcome == Outcome::kInterrupted) {
    terminal.err().write("interrupted; nothing was written\n");
  } else {
    show(context.diagnostics, terminal, render_options(terminal));
  }
  std::filesystem::path folder = result.resolved.report_directory.value;
  const bool wrote = !context.options.dry_run && !context.options.explain && !folder.empty();
  if (wrote && has_answer(result) && !terminal.quiet) {
    const auto near = folder.lexically_proximate(std::filesystem::current_path());
    if (!near.string().starts_with("..")) folder = near;
    terminal.err().write(fmt::format("report: {}\n", escape_control(folder.string())));
  }
}

SessionResult run_session(RunContext& context, PipelineConfig config, SessionOptions options) {
  TerminalProgress shown(context.terminal, install_interrupt_handler());
  std::optional<EventProgress> logged;
  Progress* progress = &shown;
  if (context.log) progress = &logged.emplace(shown, *context.log, context.diagnostics);
  Session session(std::move(config), std::move(options));
  SessionResult result = context.options.dry_run || context.options.explain
                             ? session.plan(context.diagnostics, *progress)
                             : session.run(context.diagnostics, *progress);
  shown.finish();
  if (!context.log) return result;
  logged->write_findings();
  context.log->write(
      Json::Object{{"event", "end"},
                   {"exit", exit_code(result.outcome)},
                   {"report", has_answer(result) ? report_json(result.report) : Json(nullptr)}});
  return result;
}

int run_pipeline(const RunOptions& options, Terminal& terminal) {
  RunContext context{.options = options, .terminal = terminal, .diagnostics = {}, .log = nullptr};
  auto session = session_options(options);
  if (!session) return fail(std::move(session).error(), terminal);
  int exit = kExitDone;
  auto config = read_pipeline_or_show(options.pipeline, context.diagnostics, terminal, exit);
  if (!config) return exit;
  if (!options.events.empty()) {
    auto log = EventLog::open(options.events, terminal);
    if (!log) return fail(std::move(log).error(), terminal);
    context.log = *std::move(log);
  }
  const SessionResult result = run_session(context, *std::move(config), *std::move(session));
  print_result(context, result);
  print_end(context, result);
  return exit_code(result.outcome);
}

void add_run_options(Command& command, RunOptions& options) {
  CLI::App& app = *command.app;
  add_pipeline_options(command, options.pipeline);
  app.add_flag("--dry-run", options.dry_run,
               "Plan, check and print the network that would run; reads no data, writes nothing.");
  app.add_flag("--explain", options.explain,
               "Like --dry-run, but print each value and where it came from, each pass and what it "
               "does.");
  app.add_flag("--dump-ir{all}", options.dump_ir,
               "Write the network after each pass to the report folder, as text and as a snapshot; "
               "'changed' skips passes that did nothing.")
      ->type_name("[=PASS,...]");
  app.add_flag("--timing", options.timing, "Print the time and memory of each stage.");
  app.add_flag("--no-verify", options.no_verify,
               "Do not check the network after each pass, to time without it.");
  add_value(command, "--from", options.from, "SNAPSHOT",
            "Start from a snapshot that --dump-ir wrote, instead of the file's model.");
  add_value(command, "--format", options.format, "text|json", "What goes to stdout.");
  add_value(command, "--events", options.events, "FILE",
            "Write what happens as JSON lines; - means stdout, instead of the result.");
}

constexpr std::string_view kDetails =
    "Reads the pipeline, loads the model, runs the passes, compiles for the target and simulates "
    "the "
    "test set; prints accuracy and cost, and writes the report folder.\n\n"
    "Exit codes: 0 done; 1 it ran and the answer is no (an expectation failed, the network does "
    "not "
    "fit); 2 usage or configuration; 3 a model or data file; 4 a plugin; 5 a bug in neurotool, "
    "with "
    "the path of a reproducer; 130 interrupted.\n\n"
    "Environment: NEUROTOOL_PLUGIN_PATH holds folders with plugins; NO_COLOR and TERM=dumb turn "
    "colour off.";

}  // namespace

void add_run(CommandLine& line) {
  auto root_options = std::make_shared<RunOptions>();
  Command& root = line.root();
  root.details = kDetails;
  root.examples = {{"neurotool --config configs/mnist_cpu.yaml", "Run a pipeline."},
                   {"neurotool --config mnist.yaml --set passes.qcfs.steps=16 --format json",
                    "Try another number of steps and hand the numbers on."},
                   {"neurotool explain config.range", "Read about a message."}};
  CLI::Option* config =
      add_value(root, "--config", root_options->pipeline.file, "FILE", "The pipeline to run.");
  add_run_options(root, *root_options);
  root.action = [root_options, config, &line](Terminal& terminal) {
    if (config->count() > 0) return run_pipeline(*root_options, terminal);
    return print_short_help(line, line.root(), terminal);
  };

  auto options = std::make_shared<RunOptions>();
  Command& command =
      line.add(root, "run", "Run a pipeline; the same as 'neurotool --config FILE'.");
  command.details = kDetails;
  command.examples = {{"neurotool run mnist.yaml", "Run a pipeline."},
                      {"neurotool run mnist.yaml --dry-run", "See what would run, in a second."},
                      {"neurotool run mnist.yaml --set run.batch=10 --explain",
                       "See where each value comes from."}};
  require(command,
          add_value(command, "file", options->pipeline.file, "FILE", "The pipeline to run."));
  add_run_options(command, *options);
  command.action = [options](Terminal& terminal) { return run_pipeline(*options, terminal); };
}

}  // namespace neurotool::cli
