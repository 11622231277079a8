// The chips of one object and their sequencer: exact, deterministic, and bounded whatever the
// program. One machine runs one sample at a time; reset() makes it as new.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "core.hpp"
#include "counters.hpp"
#include "image.hpp"

namespace neurotool::spikecore {

/// A value that the host gives to an input map in one step.
struct InputSpike {
  std::uint32_t index = 0;
  std::int8_t payload = 1;
};

struct MachineOptions {
  std::optional<std::uint32_t> steps = {};  ///< T; otherwise the program's, or 1
  bool strict_spikes = false;               ///< a second spike on an axon in a step is a trap
  bool prefetch = false;                    ///< page loads overlap execution
  /// Bounds of a whole run, so that no program keeps the host for ever.
  std::uint64_t most_records = std::uint64_t{1} << 26;
  std::uint64_t most_cycles = std::uint64_t{1} << 36;  ///< of all cores together
};

class Machine;

/// What the host does during a run. Empty functions are left out.
struct Host {
  /// Calls give(spike) for each spike of an input map in this step.
  std::function<void(std::uint32_t map, std::uint64_t step,
                     const std::function<void(InputSpike)>& give)>
      input;
  std::function<void(std::uint32_t map, std::uint64_t step, const Machine&)> output;
  /// After each STEP; may throw to stop the run.
  std::function<void(std::uint64_t step)> stepped;
  Watcher watcher;
};

class Machine {
 public:
  /// The image must outlive the machine.
  Machine(const Image& image, MachineOptions options);

  /// As after power-on.
  void reset();
  /// Runs the whole plan; an object without one runs every core once per step from its first
  /// entry, or its first word. Throws Trap, and ObjectError where the plan asks for what is not
  /// there.
  void run(const Host& host);

  const Image& image() const { return image_; }
  std::uint64_t step() const { return step_; }
  /// By the number of the core in image().cores().
  const CoreState& core(std::size_t number) const { return cores_[number]; }
  const AxonSpace& space(std::uint32_t number) const { return spaces_[number]; }
  const ChipCounters& chip(std::size_t number) const { return chips_[number]; }
  /// Whether a slot of a core has fired in this step.
  bool fired(std::size_t core, std::uint32_t slot) const;
  /// Everything since the last CLEAR.
  Totals totals() const;
  std::uint64_t cycles() const { return cycles_; }

 private:
  struct Loop {
    std::size_t begin;
    std::uint32_t left;
  };
  struct Due {
    std::uint8_t chip, first, last;
    PacketKind kind;
    std::uint16_t axon;
    std::int32_t value;
  };

  const std::vector<PlanRecord>& plan_records();
  void execute(const PlanRecord& record, const Host& host);
  template <class Visit>
  void for_each_core(const PlanRecord& record, const Visit& visit);
  void clear();
  void load(const PlanRecord& record);
  void arm(const PlanRecord& record);
  void run_pass(const PlanRecord& record, const Host& host);
  void deliver();
  void send(std::uint16_t source, const Packet& packet, const Route& route);
  void arrive(const Due& due);
  void note_packet(std::size_t source, std::size_t target);
  void sum(std::uint32_t place, std::int32_t value);
  void add_sums();
  /// What the packets of one DELIVER take on each chip.
  std::vector<std::uint64_t> count_traffic();
  void end_step();
  void input(std::uint32_t map, const Host& host);
  void spike(std::uint32_t chip, std::uint32_t first, std::uint32_t last, std::uint32_t axon,
             std::int32_t payload);
  /// Ends the time in which chips run side by side; `costs` is what the barrier itself takes.
  void barrier(const std::vector<std::uint64_t>& costs);

  const Image& image_;
  const MachineOptions options_;
  std::vector<PlanRecord> default_plan_;
  std::vector<CoreState> cores_;
  std::vector<AxonSpace> spaces_;
  std::vector<ChipCounters> chips_;
  std::vector<std::uint64_t> load_time_, run_time_;  ///< of each chip since the last barrier
  std::map<std::uint64_t, std::vector<Due>> due_;    ///< by step
  std::vector<std::int64_t> sums_;                   ///< by core number and slot
  std::vector<std::uint32_t> summed_;                ///< where sums have arrived
  std::vector<std::uint8_t> is_summed_;              ///< the same by place
  std::uint64_t step_ = 0, cycles_ = 0, core_cycles_ = 0;

  // Numbers of cores, so that a pass costs nothing for those that have no part in it.
  std::vector<std::size_t> armed_, blocked_, senders_;

  /// Packets of the DELIVER in progress, by source chip and destination chip.
  std::vector<std::uint64_t> traffic_;
  std::vector<std::size_t> pairs_;  ///< of them, those with packets
};

}  // namespace neurotool::spikecore
