// One core: its state, and running its program from an entry to HALT.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "counters.hpp"
#include "image.hpp"

namespace neurotool::spikecore {

/// S: which axons have a spike in this step, and its payload. Shared by cores that hear the same.
class AxonSpace {
 public:
  explicit AxonSpace(std::uint32_t axons) : bits_(axons / 64 + 2, 0), payload_(axons, 0) {}

  bool has(std::uint32_t axon) const { return (bits_[axon >> 6] >> (axon & 63) & 1) != 0; }
  std::int8_t payload(std::uint32_t axon) const { return payload_[axon]; }
  /// False where there was a spike before; the payloads are then added, saturating.
  bool set(std::uint32_t axon, std::int8_t payload);
  void clear();
  bool any(std::uint32_t first, std::uint32_t last) const;
  /// Words of 64 present bits; two more than needed, so that readers may look past the end.
  const std::uint64_t* bits() const { return bits_.data(); }
  const std::int8_t* payloads() const { return payload_.data(); }

 private:
  std::vector<std::uint64_t> bits_;
  std::vector<std::int8_t> payload_;
  bool empty_ = true;
};

enum class TrapCode { kIllegal, kRange, kProgramEnd, kRunaway, kDuplicate };
std::string_view trap_name(TrapCode code);  ///< "ILL", "RNG", "PCO", "RUNAWAY", "DUP"

/// The program did what it must not. Ends the run.
class Trap : public std::runtime_error {
 public:
  Trap(TrapCode why, std::uint16_t on_chip, std::uint16_t on_core, std::uint32_t at,
       std::optional<std::uint64_t> what, const std::string& message)
      : std::runtime_error(message), code(why), chip(on_chip), core(on_core), pc(at), word(what) {}
  TrapCode code;
  std::uint16_t chip, core;
  std::uint32_t pc;
  std::optional<std::uint64_t> word;  ///< absent beyond the end of the program
};

/// A packet from a slot. Of a spike, `value` is the payload.
struct Packet {
  std::uint8_t slot = 0;
  PacketKind kind = PacketKind::kSpike;
  std::int32_t value = 0;
};

struct CoreState {
  std::array<std::int32_t, kSlots> accumulators{};
  std::array<std::int8_t, kWeightBytes> weights{};
  std::vector<Packet> sent;   ///< in this step
  std::size_t delivered = 0;  ///< of these, taken by a DELIVER
  std::uint32_t entry_pc = 0;
  bool armed = false, blocked = false;
  CoreCounters counters;
};

/// An instruction that has run. `before` holds the accumulators as they were.
struct TraceEvent {
  const ImageCore* core = nullptr;
  const CoreState* state = nullptr;
  std::uint32_t pc = 0, iteration = 0;
  std::uint64_t word = 0;
  std::uint64_t active = 0;  ///< synapses that an ACC added
  std::array<std::int32_t, kSlots> before{};
  std::size_t packets_before = 0;
};

struct Watcher {
  /// Before an instruction; for breakpoints.
  std::function<void(const ImageCore&, const CoreState&, const AxonSpace&, std::uint32_t pc)>
      before;
  std::function<void(const TraceEvent&)> after;
  bool active() const { return before != nullptr || after != nullptr; }
};

/// Runs to HALT and returns the cycles that took; throws Trap.
std::uint64_t run_core(const ImageCore& core, CoreState& state, const AxonSpace& space,
                       std::uint32_t axons, std::uint64_t limit, const Watcher* watcher);

/// Adds, saturating; counts in `ovf` if that changed the value.
std::int32_t add_saturating(std::int32_t a, std::int64_t b, std::uint64_t& ovf);

}  // namespace neurotool::spikecore
