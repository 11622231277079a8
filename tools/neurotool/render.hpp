// Diagnostics for people: the message, the line it is about with a mark under it, notes and help.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/diagnostic.hpp"
#include "terminal.hpp"

namespace neurotool::cli {

struct RenderOptions {
  bool color = false;
  int width = 80;
  /// Texts that are no files, such as the value of --passes: name and content.
  std::vector<std::pair<std::string, std::string>> sources = {};
};

std::string_view word_of(Severity severity);

/// One diagnostic; ends with a line break.
std::string render(const Diagnostic& diagnostic, const RenderOptions& options);

/// All of them to stderr, errors only where -q was given.
void show(const Diagnostics& diagnostics, Terminal& terminal, const RenderOptions& options);
void show(const Diagnostic& diagnostic, Terminal& terminal);
RenderOptions render_options(const Terminal& terminal);

}  // namespace neurotool::cli
