// What run-sco prints while a program runs: each instruction with the state that it changes, and
// the core at a breakpoint.
#pragma once

#include <set>
#include <string>

#include "machine/machine.hpp"

namespace neurotool::cli {

struct Breakpoint {
  std::uint32_t chip = 0, core = 0, pc = 0;
  auto operator<=>(const Breakpoint&) const = default;
};

/// "0.1.12": chip, core, word.
bool parse_breakpoint(std::string_view text, Breakpoint& out);

/// "step 0  c0.k0  0000  ACC a0, w[0:3], s[0:3]   a0: 0 -> 12, 2 active\n"
std::string trace_line(const spikecore::TraceEvent& event, std::uint64_t step);

/// The accumulators that are not 0 and the axons with a spike.
std::string core_text(const spikecore::ImageCore& core, const spikecore::CoreState& state,
                      const spikecore::AxonSpace& space, std::uint32_t axons);

/// Chips, cores, counters, modelled cycles and energy at the end of a run.
std::string summary_text(const spikecore::Machine& machine);

}  // namespace neurotool::cli
