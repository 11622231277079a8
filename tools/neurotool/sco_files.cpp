// Programs for SpikeCore, from files.
#include "sco_files.hpp"

#include <fmt/format.h>

#include "base/files.hpp"
#include "cli.hpp"
#include "render.hpp"

namespace neurotool::cli {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;

std::optional<spikecore::Object> assembled(const std::string& path, const std::string& text,
                                           Diagnostics& diagnostics) {
  spikecore::Assembly assembly = spikecore::assemble(text);
  for (const spikecore::TextError& problem : assembly.errors) {
    diagnostics.report(error("spikecore.syntax", FilePosition{path, problem.line, problem.column},
                             problem.message, problem.help));
  }
  if (!assembly.errors.empty()) return std::nullopt;
  return std::move(assembly.object);
}

}  // namespace

Error object_error(const std::string& path, const spikecore::ObjectError& problem) {
  return error("spikecore.object", FilePosition{path, 0, 0},
               fmt::format("{}: {}", problem.place, problem.what()), problem.help);
}

std::optional<spikecore::Object> read_assembly(const std::string& path, Diagnostics& diagnostics) {
  const Result<std::string> bytes = read_file(path, kMostBytes);
  if (!bytes) {
    diagnostics.report(bytes.error());
    return std::nullopt;
  }
  return assembled(path, *bytes, diagnostics);
}

std::optional<spikecore::Object> read_program(const std::string& path, Diagnostics& diagnostics) {
  const Result<std::string> bytes = read_file(path, kMostBytes);
  if (!bytes) {
    diagnostics.report(bytes.error());
    return std::nullopt;
  }
  const bool binary = bytes->find('\0') != bytes->npos;
  if (!binary && !spikecore::looks_like_object(*bytes)) return assembled(path, *bytes, diagnostics);
  try {
    return spikecore::read_object(*bytes);
  } catch (const spikecore::ObjectError& problem) {
    diagnostics.report(object_error(path, problem));
    return std::nullopt;
  }
}

int finish_with(const Diagnostics& diagnostics, Terminal& terminal, int code_if_fine) {
  show(diagnostics, terminal, render_options(terminal));
  return diagnostics.has_errors() ? kExitBadFile : code_if_fine;
}

}  // namespace neurotool::cli
