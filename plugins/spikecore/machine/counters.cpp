// Sums of counters, and energy as a formula over them.
#include "counters.hpp"

namespace neurotool::spikecore {

CoreCounters& CoreCounters::operator+=(const CoreCounters& other) {
  for (std::size_t i = 0; i < kOpcodeCount; ++i) instructions[i] += other.instructions[i];
  cycles += other.cycles;
  sop += other.sop;
  graded_sop += other.graded_sop;
  skipped += other.skipped;
  leaked += other.leaked;
  added += other.added;
  spikes += other.spikes;
  psum += other.psum;
  page_bytes += other.page_bytes;
  ovf += other.ovf;
  traps += other.traps;
  return *this;
}

ChipCounters& ChipCounters::operator+=(const ChipCounters& other) {
  packets += other.packets;
  hops += other.hops;
  dup += other.dup;
  wait_cycles += other.wait_cycles;
  page_bytes += other.page_bytes;
  skipped_pages += other.skipped_pages;
  load_cycles += other.load_cycles;
  return *this;
}

Totals& Totals::operator+=(const Totals& other) {
  cores += other.cores;
  chips += other.chips;
  cycles += other.cycles;
  return *this;
}

Energy energy_of(const Totals& totals, std::uint32_t chips, const EnergyModel& model) {
  const CoreCounters& c = totals.cores;
  const auto times = [](std::uint64_t count, double cost) {
    return static_cast<double>(count) * cost;
  };
  std::uint64_t fetched = 0;
  for (const std::uint64_t count : c.instructions) fetched += count;
  constexpr std::size_t kFireIndex = 2;
  Energy energy;
  energy.dynamic_pj =
      times(c.sop - c.graded_sop, model.synapse) + times(c.graded_sop, model.graded_synapse) +
      times(c.instructions[kFireIndex], model.fire) + times(c.leaked, model.leak) +
      times(c.added, model.add) + times(fetched, model.fetch) +
      times(totals.chips.packets, model.packet) + times(totals.chips.hops, model.hop) +
      times(totals.chips.page_bytes, model.page_byte);
  energy.seconds = static_cast<double>(totals.cycles) / (model.clock_megahertz * 1e6);
  energy.static_pj = energy.seconds * model.static_milliwatts * 1e9 * chips;
  return energy;
}

}  // namespace neurotool::spikecore
