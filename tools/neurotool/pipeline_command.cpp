// Reading a pipeline for a command. Whatever is wrong with the file or its overrides, nothing ran.
#include "pipeline_command.hpp"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

#include "base/log.hpp"
#include "base/parallel.hpp"
#include "base/text.hpp"
#include "render.hpp"

namespace neurotool::cli {
namespace {

Result<std::vector<Override>> parse_overrides(const std::vector<std::string>& texts) {
  std::vector<Override> overrides;
  for (const std::string& text : texts) {
    NT_TRY(Override item, parse_override(text, static_cast<std::uint32_t>(overrides.size() + 1)));
    overrides.push_back(std::move(item));
  }
  return overrides;
}

void send_log_to(Terminal& terminal) {
  if (terminal.verbosity == 0) return;
  set_log_sink(
      [&terminal](LogLevel, std::string_view message) {
        terminal.err().write(escape_control(message) + "\n");
      },
      terminal.verbosity > 1 ? LogLevel::kDebug : LogLevel::kInfo);
}

}  // namespace

CLI::Validator whole_number(int least, int most) {
  const auto judge = [least, most](const std::string& text) -> std::string {
    int value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_whole = problem == std::errc() && end == text.data() + text.size();
    if (is_whole && value >= least && value <= most) return {};
    return fmt::format("is '{}', expected a whole number from {} to {}", text, least, most);
  };
  return CLI::Validator(judge, "");
}

int exit_code(Outcome outcome) { return static_cast<int>(outcome); }

int fail(Error reason, Terminal& terminal) {
  const int code = exit_code(outcome_of(reason.code));
  show(reason, terminal);
  return code;
}

void add_pipeline_options(Command& command, PipelineOptions& options) {
  add_value(command, "--set", options.overrides, "PATH=VALUE",
            "Override one value of the file, such as run.steps=16 or passes.qcfs.steps=16; "
            "repeatable.")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  add_value(command, "--threads", options.threads, "N",
            "Number of threads, 0 for one per core. Results do not depend on it.")
      ->check(whole_number(0, 1024));
  add_plugin_options(command, options.plugins);
}

std::optional<PipelineConfig> read_pipeline_or_show(const PipelineOptions& options,
                                                    Diagnostics& diagnostics, Terminal& terminal,
                                                    int& exit) {
  send_log_to(terminal);
  set_thread_count(options.threads);
  auto overrides = parse_overrides(options.overrides);
  if (!overrides) {
    exit = fail(std::move(overrides).error(), terminal);
    return std::nullopt;
  }
  auto config = read_pipeline(options.file, *overrides, diagnostics);
  if (config) return *std::move(config);
  if (!diagnostics.has_errors()) diagnostics.report(config.error());
  show(diagnostics, terminal, render_options(terminal));
  exit = exit_code(Outcome::kConfig);
  return std::nullopt;
}

}  // namespace neurotool::cli
