// The commands under `neurotool nir`, and what they share.
#pragma once

#include <optional>
#include <string>

#include "cli.hpp"
#include "io/nir/nir_file.hpp"

namespace neurotool::cli {

void add_nir_lint(CommandLine& line, Command& parent);
void add_nir_diff(CommandLine& line, Command& parent);

/// Reads a file and shows the findings, which are in `diagnostics` then; nothing after an error,
/// whose exit code goes to `code`.
std::optional<nir::Document> read_nir(const std::string& path, nir::Strictness strictness,
                                      Terminal& terminal, int& code, Diagnostics& diagnostics);

/// "net.nir: nir 1.0.7, 12 nodes, 11 edges", nested nodes counted.
std::string nir_headline(const std::string& path, const nir::Document& document);

}  // namespace neurotool::cli
