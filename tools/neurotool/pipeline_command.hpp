// What commands that run a pipeline file have in common: its options, and how they end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli.hpp"
#include "config/pipeline.hpp"
#include "plugin_options.hpp"
#include "session/session.hpp"

namespace neurotool::cli {

struct PipelineOptions {
  std::string file;
  std::vector<std::string> overrides;
  std::size_t threads = 0;
  PluginOptions plugins;
};

/// Accepts whole numbers of a range, and says so otherwise.
CLI::Validator whole_number(int least, int most);

/// --set, --threads and the options of plugins; the file is named by each command in its own way.
void add_pipeline_options(Command& command, PipelineOptions& options);

int exit_code(Outcome outcome);
/// Shows the reason; returns the exit code that it stands for.
int fail(Error reason, Terminal& terminal);

/// Applies threads and log level, reads the file with its overrides. What is wrong is shown, and
/// `exit` set; nothing ran then.
std::optional<PipelineConfig> read_pipeline_or_show(const PipelineOptions& options,
                                                    Diagnostics& diagnostics, Terminal& terminal,
                                                    int& exit);

}  // namespace neurotool::cli
