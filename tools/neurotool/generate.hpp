// Man page and completions out of the command tree.
#pragma once

#include <string>

#include "cli.hpp"

namespace neurotool::cli {

std::string man_page(const CommandLine& line);
std::string bash_completion(const CommandLine& line);
std::string zsh_completion(const CommandLine& line);
std::string fish_completion(const CommandLine& line);

}  // namespace neurotool::cli
