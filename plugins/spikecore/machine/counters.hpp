// What a run costs, as the specification counts it: exact numbers out of the simulator. Cycles and
// energy are formulas over them, and called modelled wherever they are shown.
#pragma once

#include <array>
#include <cstdint>

namespace neurotool::spikecore {

inline constexpr std::size_t kOpcodeCount = 9;

struct CoreCounters {
  /// NOP, ACC, FIRE, LEAK, HALT, BIAS, ADDA, PSUM, REP
  std::array<std::uint64_t, kOpcodeCount> instructions{};
  std::uint64_t cycles = 0;
  std::uint64_t sop = 0;                ///< active synapses, graded ones included
  std::uint64_t graded_sop = 0;         ///< of these, weighed by a payload
  std::uint64_t skipped = 0;            ///< silent synapses
  std::uint64_t leaked = 0, added = 0;  ///< accumulators of LEAK; of ADDA and BIAS
  std::uint64_t spikes = 0, psum = 0, page_bytes = 0, ovf = 0, traps = 0;

  CoreCounters& operator+=(const CoreCounters& other);
  bool operator==(const CoreCounters&) const = default;
};

struct ChipCounters {
  std::uint64_t packets = 0, hops = 0, dup = 0, wait_cycles = 0, page_bytes = 0, skipped_pages = 0,
                load_cycles = 0;
  ChipCounters& operator+=(const ChipCounters& other);
  bool operator==(const ChipCounters&) const = default;
};

struct Totals {
  CoreCounters cores;
  ChipCounters chips;
  std::uint64_t cycles = 0;  ///< of the whole machine, barriers and loads included
  Totals& operator+=(const Totals& other);
  bool operator==(const Totals&) const = default;
};

/// Picojoules; the defaults are those of the specification.
struct EnergyModel {
  double synapse = 0.5, graded_synapse = 0.7, fire = 1.0, leak = 4.2, add = 0.6, fetch = 1.2,
         packet = 5, hop = 50, page_byte = 12.5;
  double static_milliwatts = 10;  ///< per chip
  double clock_megahertz = 100;
};

struct Energy {
  double dynamic_pj = 0, static_pj = 0, seconds = 0;
  double total_pj() const { return dynamic_pj + static_pj; }
};
Energy energy_of(const Totals& totals, std::uint32_t chips, const EnergyModel& model);

}  // namespace neurotool::spikecore
