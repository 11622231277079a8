// The commands below `neurotool plugin` that have a file of their own.
#pragma once

#include "cli.hpp"

namespace neurotool::cli {

void add_plugin_check(CommandLine& line, Command& parent);
void add_plugin_new(CommandLine& line, Command& parent);

}  // namespace neurotool::cli
