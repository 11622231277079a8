// A network on chips: which core carries which neurons, and the object that runs them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "network.hpp"
#include "tile.hpp"

namespace neurotool::spikecore {

struct CompileOptions {
  Schedule schedule = Schedule::kAuto;
  Profile profile = Profile::kV1;
  std::uint32_t chips = 0;  ///< 0: as few as hold the network
  std::uint32_t axons = 0;  ///< 0: as many as the network needs, 4096 at least
  std::uint32_t words = kDefaultWords;
};

/// Neurons [first, first + count) of a population, in slots 0… of a core.
struct Placement {
  std::uint32_t population = 0;
  std::int64_t first = 0, count = 0;
  std::uint16_t chip = 0, core = 0;
};

/// What the INPUT records of the plan ask for: values of an input population, `delay` steps old.
/// Value i is index i; what exceeds 127 of an unsigned 8-bit value is index neurons + i.
struct InputMap {
  std::uint32_t population = 0, delay = 0;
  bool once = false;  ///< before the first step
};

/// How full the fullest core or chip is.
struct Usage {
  std::uint64_t chips = 0, cores = 0, pages = 0, page_bytes = 0, slots = 0, words = 0, routes = 0,
                axons = 0, most_words = 0, most_routes = 0, most_slots = 0;
};

struct Compiled {
  Object object;
  Schedule schedule = Schedule::kStreamed;
  std::vector<Placement> placements;  ///< by population, then neuron
  std::vector<InputMap> inputs;       ///< by map
  Usage usage;
  double estimated_cycles = 0;  ///< of one sample, for choosing a schedule
};

std::string_view schedule_name(Schedule schedule);

/// Throws Refused. Equal networks and options give equal objects. `alive` is called often and may
/// throw to stop.
Compiled compile_network(const Network& network, const CompileOptions& options,
                         const std::function<void()>& alive);

/// What the chip cannot do of this network, everything at once and without compiling.
std::vector<Refusal> find_refusals(const Network& network, const CompileOptions& options);

/// Largest and smallest payload that a population sends.
struct PayloadRange {
  std::int64_t least = 0, most = 0;
};
std::vector<PayloadRange> payload_ranges(const Network& network);

/// Cycles of one sample where each axon has a spike with probability `density`.
double estimate_cycles(const Object& object, std::uint32_t steps, double density);

}  // namespace neurotool::spikecore
