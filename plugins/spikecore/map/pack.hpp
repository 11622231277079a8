// Runs of weights into pages of 256 bytes, and into the ACC that read them: equal rows share bytes,
// and regular sequences become REP.
#pragma once

#include <cstdint>
#include <vector>

#include "isa/object.hpp"

namespace neurotool::spikecore {

/// One ACC to be: 8-bit weights from an axon on, for a slot. The bytes belong to somebody else.
struct PackedRun {
  std::uint32_t key = 0;
  std::uint16_t slot = 0;
  std::uint16_t length = 0;
  std::uint32_t axon = 0;
  /// Unsigned 8-bit inputs: the axon of the second half, 0 = none. See Rows.
  std::uint32_t second = 0;
  const std::int8_t* weights = nullptr;
  bool graded = false;
};

struct PageProgram {
  Page page;
  std::vector<std::uint64_t> code;  ///< ACC and REP only
  std::uint32_t first_axon = 0, last_axon = 0;
};

/// Runs must be sorted by key, then slot; `base` is added to their slots. The order of sums does
/// not matter: they are exact.
std::vector<PageProgram> pack_runs(const std::vector<PackedRun>& runs, int base);

/// Words that repeat their neighbours with slot + 1 become REP: FIRE and BIAS of many neurons.
/// `group` words belong to each slot.
std::vector<std::uint64_t> fold_slots(const std::vector<Instruction>& words, std::size_t group);

}  // namespace neurotool::spikecore
