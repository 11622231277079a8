// The interpreter of one core. It is exact; where a REP sweeps ACC over a row and nothing can
// saturate, it walks over the spikes that are there instead of over the slots.
#include "core.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace neurotool::spikecore {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

constexpr std::size_t index_of(Opcode opcode) {
  const auto number = static_cast<std::size_t>(opcode);
  return number < 5 ? number : number - 0x10 + 5;
}
constexpr std::size_t kAccIndex = index_of(Opcode::kAcc);

/// The 64 present bits from `axon` on.
std::uint64_t window(const std::uint64_t* bits, std::uint32_t axon) {
  const std::uint32_t word = axon >> 6, shift = axon & 63;
  const std::uint64_t low = bits[word] >> shift;
  return shift == 0 ? low : low | bits[word + 1] << (64 - shift);
}

std::uint64_t low_bits(std::uint32_t count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

template <bool kGraded>
std::int32_t sum_of(const std::int8_t* weights, const AxonSpace& space, std::uint32_t axon,
                    std::uint32_t length, std::uint64_t& active) {
  std::int32_t sum = 0;
  const std::int8_t* payloads = space.payloads() + axon;
  for (std::uint32_t begin = 0; begin < length; begin += 64) {
    std::uint64_t bits = window(space.bits(), axon + begin) & low_bits(length - begin);
    active += static_cast<std::uint64_t>(std::popcount(bits));
    for (; bits != 0; bits &= bits - 1) {
      const std::uint32_t k = begin + static_cast<std::uint32_t>(std::countr_zero(bits));
      sum += kGraded ? weights[k] * payloads[k] : weights[k];
    }
  }
  return sum;
}

/// A REP in progress; `count` is 0 where there is none.
struct Repeat {
  std::uint32_t begin = 0, end = 0, iteration = 0, count = 0;
  std::int32_t slot_step = 0, weight_step = 0, axon_step = 0;
};

class Runner {
 public:
  Runner(const ImageCore& core, CoreState& state, const AxonSpace& space, std::uint32_t axons,
         std::uint64_t limit)
      : core_(core), state_(state), space_(space), axons_(axons), limit_(limit) {}

  template <bool kWatched>
  std::uint64_t run(const Watcher* watcher) {
    pc_ = state_.entry_pc;
    while (true) {
      if (pc_ >= core_.code.size()) {
        trap(TrapCode::kProgramEnd, "the program counter left the program of " +
                                        std::to_string(core_.code.size()) + " words without HALT");
      }
      const Decoded& d = core_.code[pc_];
      TraceEvent event;
      if constexpr (kWatched) begin_watch(*watcher, event);
      const bool more = execute(d, !kWatched);
      if constexpr (kWatched) end_watch(*watcher, event);
      if (cycles_ > limit_) runaway();
      if (!more) break;
      advance();
    }
    state_.counters.cycles += cycles_;
    return cycles_;
  }

 private:
  [[noreturn]] void trap(TrapCode code, const std::string& message) {
    state_.counters.cycles += cycles_;
    ++state_.counters.traps;
    const bool inside = pc_ < core_.source->code.size();
    std::optional<std::uint64_t> word;
    if (inside) word = core_.source->code[pc_];
    throw Trap(code, core_.chip, core_.core, pc_, word, message);
  }
  [[noreturn]] void runaway() {
    trap(TrapCode::kRunaway, "the pass has run for " + std::to_string(cycles_) +
                                 " cycles; its limit is " + std::to_string(limit_));
  }

  void begin_watch(const Watcher& watcher, TraceEvent& event) {
    if (watcher.before) watcher.before(core_, state_, space_, pc_);
    event.core = &core_;
    event.state = &state_;
    event.pc = pc_;
    event.iteration = repeat_.count != 0 ? repeat_.iteration : 0;
    event.word = core_.source->code[pc_];
    event.before = state_.accumulators;
    event.active = state_.counters.sop;
    event.packets_before = state_.sent.size();
  }
  void end_watch(const Watcher& watcher, TraceEvent& event) {
    event.active = state_.counters.sop - event.active;
    if (watcher.after) watcher.after(event);
  }

  /// To the next word, or to the begin of the body again.
  void advance() {
    ++pc_;
    if (repeat_.count == 0 || pc_ != repeat_.end) return;
    if (++repeat_.iteration < repeat_.count) {
      pc_ = repeat_.begin;
    } else {
      repeat_.count = 0;
    }
  }

  std::uint32_t slot_of(const Decoded& d) const {
    if (repeat_.count == 0) return d.slot;
    return static_cast<std::uint32_t>(d.slot + static_cast<std::int32_t>(repeat_.iteration) *
                                                   repeat_.slot_step) &
           255u;
  }

  void count(Opcode opcode, std::uint64_t cycles) {
    ++state_.counters.instructions[index_of(opcode)];
    cycles_ += cycles;
  }

  /// False at HALT.
  bool execute(const Decoded& d, bool may_sweep) {
    switch (d.kind) {
      case Kind::kNop:
        count(Opcode::kNop, 1);
        return true;
      case Kind::kAcc:
        accumulate<false>(d);
        return true;
      case Kind::kAccPayload:
        accumulate<true>(d);
        return true;
      case Kind::kFire:
        fire(d);
        return true;
      case Kind::kLeak:
        leak(d);
        return true;
      case Kind::kHalt:
        if (repeat_.count != 0) trap(TrapCode::kIllegal, "HALT stands in the body of a REP");
        count(Opcode::kHalt, 1);
        return false;
      case Kind::kBias: {
        count(Opcode::kBias, 1);
        ++state_.counters.added;
        std::int32_t& a = state_.accumulators[slot_of(d)];
        a = add_saturating(a, d.value, state_.counters.ovf);
        bound_known_ = false;
        return true;
      }
      case Kind::kAdda:
        add_slots(d);
        return true;
      case Kind::kPsum:
        send_sums(d);
        return true;
      case Kind::kRep:
        repeat(d, may_sweep);
        return true;
      case Kind::kIllegal:
        trap(TrapCode::kIllegal, illegal_reason());
      case Kind::kRange:
        trap(TrapCode::kRange, range_problem(*decode(core_.source->code[pc_])));
    }
    return false;
  }

  std::string illegal_reason() const {
    const auto instruction = decode(core_.source->code[pc_]);
    if (!instruction) return "the word is no instruction";
    return "the instruction is not in profile strict";
  }

  template <bool kGraded>
  void accumulate(const Decoded& d) {
    std::int64_t weight = d.weight, axon = d.axon;
    if (repeat_.count != 0) {
      weight += std::int64_t{repeat_.iteration} * repeat_.weight_step;
      axon += std::int64_t{repeat_.iteration} * repeat_.axon_step;
    }
    if (weight < 0 || weight + d.length > kWeightBytes) {
      trap(TrapCode::kRange, "w[" + std::to_string(weight) + ":" +
                                 std::to_string(weight + d.length) +
                                 "] is outside the 256 weights");
    }
    if (axon < 0 || axon + d.length > axons_) {
      trap(TrapCode::kRange, "s[" + std::to_string(axon) + ":" + std::to_string(axon + d.length) +
                                 "] is outside the " + std::to_string(axons_) + " axons");
    }
    std::uint64_t active = 0;
    const std::int32_t sum = sum_of<kGraded>(state_.weights.data() + weight, space_,
                                             static_cast<std::uint32_t>(axon), d.length, active);
    std::int32_t& a = state_.accumulators[slot_of(d)];
    a = add_saturating(a, sum, state_.counters.ovf);
    bound_ += std::int64_t{d.length} * 128 * 128;
    state_.counters.sop += active;
    if (kGraded) state_.counters.graded_sop += active;
    state_.counters.skipped += d.length - active;
    count(Opcode::kAcc, 1 + active);
  }

  void fire(const Decoded& d) {
    count(Opcode::kFire, 1);
    const std::uint32_t slot = slot_of(d);
    std::int32_t& a = state_.accumulators[slot];
    if (a < d.value) return;
    const std::int32_t shifted = a >> d.scale;
    const std::int32_t payload = std::clamp(shifted, -128, 127);
    if (payload != shifted) ++state_.counters.ovf;
    state_.sent.push_back({static_cast<std::uint8_t>(slot), PacketKind::kSpike, payload});
    ++state_.counters.spikes;
    ++cycles_;
    if ((d.flags & kFireKeep) != 0) return;
    a = (d.flags & kFireSubtract) != 0
            ? add_saturating(a, -std::int64_t{d.value}, state_.counters.ovf)
            : 0;
    bound_known_ = false;
  }

  std::uint32_t first_of(const Decoded& d) {
    const std::uint32_t slot = slot_of(d);
    if (slot + d.count > kSlots) {
      trap(TrapCode::kRange, "a" + std::to_string(slot) + " and the " +
                                 std::to_string(d.count - 1) + " after it end beyond a255");
    }
    return slot;
  }

  void leak(const Decoded& d) {
    const std::uint32_t first = first_of(d);
    for (std::uint32_t i = first; i < first + d.count; ++i) {
      const std::int64_t a = state_.accumulators[i];
      const std::int64_t size = ((a < 0 ? -a : a) * d.value) >> 16;
      state_.accumulators[i] = static_cast<std::int32_t>(a < 0 ? -size : size);
    }
    state_.counters.leaked += d.count;
    count(Opcode::kLeak, d.count);
  }

  void add_slots(const Decoded& d) {
    const std::uint32_t first = first_of(d);
    for (std::uint32_t i = 0; i < d.count; ++i) {
      std::int32_t& a = state_.accumulators[first + i];
      a = add_saturating(a, state_.accumulators[d.weight + i], state_.counters.ovf);
    }
    bound_known_ = false;
    state_.counters.added += d.count;
    count(Opcode::kAdda, d.count);
  }

  void send_sums(const Decoded& d) {
    const std::uint32_t first = first_of(d);
    const std::size_t before = state_.sent.size();
    state_.sent.resize(before + d.count);
    for (std::uint32_t i = 0; i < d.count; ++i) {
      std::int32_t& a = state_.accumulators[first + i];
      state_.sent[before + i] = {static_cast<std::uint8_t>(first + i), PacketKind::kPartialSum, a};
      a = 0;
    }
    state_.counters.psum += d.count;
    count(Opcode::kPsum, 1 + d.count);
  }

  void repeat(const Decoded& d, bool may_sweep) {
    if (repeat_.count != 0) trap(TrapCode::kIllegal, "REP stands in the body of a REP");
    count(Opcode::kRep, 1);
    if (may_sweep && d.sweeps && sweep(d)) {
      pc_ += d.body;
      return;
    }
    repeat_ = {pc_ + 1, pc_ + 1 + d.body, 0, d.count, d.slot_step, d.weight_step, d.axon_step};
  }

  /// All iterations at once, if no sum on the way can saturate and the limit is far.
  bool sweep(const Decoded& rep) {
    std::int64_t gain = 0, cycles = 0;
    for (std::uint32_t k = 1; k <= rep.body; ++k) {
      const Decoded& d = core_.code[pc_ + k];
      gain += std::int64_t{d.length} * 128 * 128;
      cycles += 1 + d.length;
    }
    // A slot is met more than once where slots do not move or come round again.
    gain *= rep.slot_step == 0 ? rep.count : rep.count / 16 + 1;
    if (cycles_ + static_cast<std::uint64_t>(cycles) * rep.count > limit_) return false;
    if (!bound_known_ || bound_ + gain > kMost) find_bound();
    if (bound_ + gain > kMost) return false;
    bound_ += gain;
    for (std::uint32_t k = 1; k <= rep.body; ++k) {
      const Decoded& d = core_.code[pc_ + k];
      const std::uint64_t active =
          d.kind == Kind::kAcc ? scatter<false>(rep, d) : scatter<true>(rep, d);
      state_.counters.sop += active;
      if (d.kind == Kind::kAccPayload) state_.counters.graded_sop += active;
      state_.counters.skipped += std::uint64_t{d.length} * rep.count - active;
      state_.counters.instructions[kAccIndex] += rep.count;
      cycles_ += rep.count + active;
    }
    return true;
  }

  void find_bound() {
    std::int64_t most = 0;
    for (const std::int32_t a : state_.accumulators) {
      most = std::max(most, a < 0 ? -std::int64_t{a} : std::int64_t{a});
    }
    bound_ = most;
    bound_known_ = true;
  }

  /// Each spike to every iteration that reads its axon. Returns the synapses.
  template <bool kGraded>
  std::uint64_t scatter(const Decoded& rep, const Decoded& d) {
    const std::int32_t step = rep.axon_step, length = d.length;
    const std::int32_t last = static_cast<std::int32_t>(rep.count) - 1;
    const auto span = static_cast<std::uint32_t>(last * step + length);
    const auto axon = static_cast<std::uint32_t>(d.axon);
    std::uint64_t active = 0;
    for (std::uint32_t begin = 0; begin < span; begin += 64) {
      std::uint64_t bits = window(space_.bits(), axon + begin) & low_bits(span - begin);
      for (; bits != 0; bits &= bits - 1) {
        const auto p = static_cast<std::int32_t>(begin) + std::countr_zero(bits);
        const std::int32_t behind = p - length;
        const std::int32_t low = behind < 0 ? 0 : (step == 1 ? behind : behind / step) + 1;
        const std::int32_t high = std::min(last, step == 1 ? p : p / step);
        const std::int32_t x =
            kGraded ? space_.payloads()[axon + static_cast<std::uint32_t>(p)] : 1;
        for (std::int32_t i = low; i <= high; ++i) {
          const std::int32_t w = d.weight + i * rep.weight_step + p - i * step;
          const auto slot = static_cast<std::uint32_t>(d.slot + i * rep.slot_step) & 255u;
          state_.accumulators[slot] += state_.weights[static_cast<std::size_t>(w)] * x;
        }
        if (high >= low) active += static_cast<std::uint64_t>(high - low + 1);
      }
    }
    return active;
  }

  const ImageCore& core_;
  CoreState& state_;
  const AxonSpace& space_;
  const std::uint32_t axons_;
  const std::uint64_t limit_;
  std::uint32_t pc_ = 0;
  std::uint64_t cycles_ = 0;
  Repeat repeat_;
  std::int64_t bound_ = 0;  ///< no accumulator is larger, while bound_known_
  bool bound_known_ = false;
};

}  // namespace

std::int32_t add_saturating(std::int32_t a, std::int64_t b, std::uint64_t& ovf) {
  const std::int64_t exact = a + b;
  const std::int64_t clamped = std::clamp(exact, kLeast, kMost);
  if (clamped != exact) ++ovf;
  return static_cast<std::int32_t>(clamped);
}

bool AxonSpace::set(std::uint32_t axon, std::int8_t payload) {
  const bool fresh = !has(axon);
  bits_[axon >> 6] |= std::uint64_t{1} << (axon & 63);
  payload_[axon] =
      fresh ? payload : static_cast<std::int8_t>(std::clamp(payload_[axon] + payload, -128, 127));
  empty_ = false;
  return fresh;
}

void AxonSpace::clear() {
  if (!empty_) std::ranges::fill(bits_, 0);
  empty_ = true;
}

bool AxonSpace::any(std::uint32_t first, std::uint32_t last) const {
  for (std::uint32_t axon = first; axon <= last; axon += 64) {
    if ((window(bits_.data(), axon) & low_bits(last - axon + 1)) != 0) return true;
  }
  return false;
}

std::string_view trap_name(TrapCode code) {
  switch (code) {
    case TrapCode::kIllegal:
      return "ILL";
    case TrapCode::kRange:
      return "RNG";
    case TrapCode::kProgramEnd:
      return "PCO";
    case TrapCode::kRunaway:
      return "RUNAWAY";
    case TrapCode::kDuplicate:
      return "DUP";
  }
  return "ILL";
}

std::uint64_t run_core(const ImageCore& core, CoreState& state, const AxonSpace& space,
                       std::uint32_t axons, std::uint64_t limit, const Watcher* watcher) {
  Runner runner(core, state, space, axons, limit);
  return watcher != nullptr && watcher->active() ? runner.run<true>(watcher)
                                                 : runner.run<false>(watcher);
}

}  // namespace neurotool::spikecore
