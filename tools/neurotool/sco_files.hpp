// What `as`, `dis` and `run-sco` share: reading programs for SpikeCore, and its errors as
// diagnostics. With the other sco_ files the only place of the tool that knows the toolchain
// (docs/adr/0011-spikecore-toolchain.md).
#pragma once

#include <string>

#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "isa/object.hpp"
#include "terminal.hpp"

namespace neurotool::cli {

/// A program as text or as an object, whichever the file holds. Every mistake of a text is
/// reported; the result is empty where there was one.
std::optional<spikecore::Object> read_program(const std::string& path, Diagnostics& diagnostics);

/// The same, where the file must be text.
std::optional<spikecore::Object> read_assembly(const std::string& path, Diagnostics& diagnostics);

Error object_error(const std::string& path, const spikecore::ObjectError& problem);

/// Shows what was found and says how the command ends.
int finish_with(const Diagnostics& diagnostics, Terminal& terminal, int code_if_fine);

inline constexpr int kExitBadFile = 3;

}  // namespace neurotool::cli
