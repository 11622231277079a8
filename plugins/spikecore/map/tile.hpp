// Code, pages and initial values for some neighbouring neurons of a population: what one core
// carries, and, in the resident schedule, the cores that help it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "network.hpp"
#include "pack.hpp"
#include "rows.hpp"

namespace neurotool::spikecore {

enum class Schedule { kAuto, kStreamed, kResident, kDirect };

/// Weights as digits in base 256, each -128 to 127: plane 0 has the lowest.
using Planes = std::vector<std::vector<std::int8_t>>;
Planes planes_of(std::span<const std::int32_t> weights);

/// A population with everything that its tiles share.
struct LayerInput {
  const Network* network = nullptr;
  std::uint32_t population = 0;
  std::vector<AxonBlock> blocks;
  std::vector<std::uint32_t> projections;   ///< that lead here
  std::vector<std::unique_ptr<Rows>> rows;  ///< of each of them
  std::vector<Planes> planes;               ///< of their values
  std::vector<bool> once;                   ///< direct: computed once per sample
  bool graded_output = false;               ///< a relay: FIRE carries the sum
  std::int32_t relay_threshold = 1;
};

/// Which accumulators of a core do what; n neurons each.
struct SlotPlan {
  bool scratch = false;   ///< sums before they are shifted
  bool constant = false;  ///< direct: what arrives in every step
  std::uint32_t blocks() const { return 1u + (scratch ? 1u : 0u) + (constant ? 1u : 0u); }
  std::uint32_t capacity() const { return kSlots / blocks(); }
};

/// A program of a core before it has a place.
struct CoreProgram {
  std::vector<std::uint64_t> code;
  std::vector<Entry> entries;
  std::vector<Page> pages;
  std::vector<InitialValue> init;
};

struct Tile {
  std::int64_t first = 0, count = 0;
  CoreProgram owner;
  std::vector<CoreProgram> helpers;  ///< resident: one for each page but the first
  std::uint32_t step_pages = 0;      ///< loaded in turn in every step; 1: loaded once
  std::uint32_t once_pages = 0;      ///< loaded in turn once per sample
  /// Axons that each step page reads, for conditional loads.
  std::vector<AxonRange> page_axons;
  bool conditional = false;  ///< step pages do nothing but add
};

SlotPlan slot_plan(const LayerInput& layer);
/// Entry 0 updates the neurons; entries 1… add the step pages where there are several, then those
/// of once pages follow.
Tile make_tile(const LayerInput& layer, const SlotPlan& slots, std::int64_t first,
               std::int64_t count, bool resident);

}  // namespace neurotool::spikecore
