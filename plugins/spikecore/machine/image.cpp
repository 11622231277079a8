// Makes an object ready to run.
#include "image.hpp"

#include <algorithm>
#include <cmath>

namespace neurotool::spikecore {
namespace {

Kind kind_of(const Instruction& i) {
  switch (i.opcode) {
    case Opcode::kNop:
      return Kind::kNop;
    case Opcode::kAcc:
      return (i.flags & kAccGraded) != 0 ? Kind::kAccPayload : Kind::kAcc;
    case Opcode::kFire:
      return Kind::kFire;
    case Opcode::kLeak:
      return Kind::kLeak;
    case Opcode::kHalt:
      return Kind::kHalt;
    case Opcode::kBias:
      return Kind::kBias;
    case Opcode::kAdda:
      return Kind::kAdda;
    case Opcode::kPsum:
      return Kind::kPsum;
    case Opcode::kRep:
      return Kind::kRep;
  }
  return Kind::kIllegal;
}

Decoded decoded(std::uint64_t word, Profile profile) {
  Decoded d;
  const auto instruction = decode(word);
  if (!instruction || (profile == Profile::kStrict && !is_strict(*instruction))) return d;
  const Instruction& i = *instruction;
  d.kind = range_problem(i).empty() ? kind_of(i) : Kind::kRange;
  d.slot = static_cast<std::uint8_t>(i[Operand::kSlot]);
  d.flags = i.flags;
  d.scale = static_cast<std::uint8_t>(i[Operand::kScale]);
  d.weight = static_cast<std::uint16_t>(i.opcode == Opcode::kAdda ? i[Operand::kFrom]
                                                                  : i[Operand::kWeight]);
  d.length = static_cast<std::uint16_t>(i[Operand::kLength]);
  d.axon = i[Operand::kAxon];
  d.value = i.opcode == Opcode::kFire   ? i[Operand::kThreshold]
            : i.opcode == Opcode::kLeak ? i[Operand::kDecay]
                                        : i[Operand::kImmediate];
  d.count = static_cast<std::uint32_t>(i[Operand::kCount]);
  d.slot_step = static_cast<std::int16_t>(i[Operand::kSlotStep]);
  d.weight_step = static_cast<std::int16_t>(i[Operand::kWeightStep]);
  d.axon_step = static_cast<std::int16_t>(i[Operand::kAxonStep]);
  d.body = static_cast<std::uint8_t>(i[Operand::kBody]);
  return d;
}

/// May the whole REP be run by walking over spikes? Only where no iteration can trap.
bool sweeps(const std::vector<Decoded>& code, std::size_t at, std::uint32_t axons) {
  const Decoded& rep = code[at];
  if (rep.kind != Kind::kRep || rep.axon_step <= 0 || at + rep.body >= code.size()) return false;
  for (std::size_t k = at + 1; k <= at + rep.body; ++k) {
    const Decoded& d = code[k];
    if (d.kind != Kind::kAcc && d.kind != Kind::kAccPayload) return false;
    const std::int64_t last = rep.count - 1;
    const std::int64_t end = d.weight + last * rep.weight_step;
    if (end < 0 || end + d.length > kWeightBytes) return false;
    if (d.axon + last * rep.axon_step + d.length > axons) return false;
  }
  return true;
}

}  // namespace

Image::Image(Object object, Grid grid) : object_(std::move(object)) {
  width_ =
      grid.width != 0
          ? std::min<std::uint32_t>(grid.width, object_.chips)
          : static_cast<std::uint32_t>(std::ceil(std::sqrt(static_cast<double>(object_.chips))));
  make_spaces();
  make_cores();
  make_sum_targets();
  make_inputs();
}

/// Cores between two neighbouring ends of ranges hear the same, always.
void Image::make_spaces() {
  std::vector<bool> begins(std::size_t{object_.chips} * kCoresPerChip + 1, false);
  const auto cut = [&](std::size_t chip, std::size_t first, std::size_t last) {
    begins[chip * kCoresPerChip + first] = true;
    begins[chip * kCoresPerChip + last + 1] = true;
  };
  for (std::size_t chip = 0; chip < object_.chips; ++chip) cut(chip, 0, kCoresPerChip - 1);
  for (const CoreImage& core : object_.cores) {
    for (const Route& route : core.routes) {
      if (route.kind == PacketKind::kSpike) cut(route.chip, route.first, route.last);
    }
  }
  for (const InputWire& wire : object_.inputs) cut(wire.chip, wire.first, wire.last);
  space_at_.resize(begins.size());
  std::uint32_t space = 0;
  for (std::size_t i = 0; i < begins.size(); ++i) {
    if (begins[i] && i > 0) ++space;
    space_at_[i] = space;
  }
  cores_of_space_.assign(space + 1, 0);
}

void Image::make_cores() {
  core_at_.assign(std::size_t{object_.chips} * kCoresPerChip, -1);
  for (const CoreImage& source : object_.cores) {
    ImageCore core;
    core.chip = source.chip;
    core.core = source.core;
    core.source = &source;
    const std::size_t at = std::size_t{source.chip} * kCoresPerChip + source.core;
    core.space = space_at_[at];
    ++cores_of_space_[core.space];
    for (const std::uint64_t word : source.code) {
      core.code.push_back(decoded(word, object_.profile));
    }
    for (std::size_t pc = 0; pc < core.code.size(); ++pc) {
      core.code[pc].sweeps = sweeps(core.code, pc, object_.axons);
    }
    for (const Route& route : source.routes) ++core.routes_of_slot[route.slot + 1u];
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      core.routes_of_slot[slot + 1] += core.routes_of_slot[slot];
    }
    core_at_[at] = static_cast<std::int32_t>(cores_.size());
    cores_.push_back(std::move(core));
  }
}

/// A resident schedule sends thousands of sums in a step, each along one route.
void Image::make_sum_targets() {
  for (ImageCore& core : cores_) {
    const auto is_sum = [](const Route& route) { return route.kind == PacketKind::kPartialSum; };
    if (std::ranges::none_of(core.source->routes, is_sum)) continue;
    core.sum_targets.resize(kSlots);
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      const std::uint32_t begin = core.routes_of_slot[slot];
      if (core.routes_of_slot[slot + 1] != begin + 1) continue;
      const Route& route = core.source->routes[begin];
      const std::int32_t to = core_at(route.chip, route.first);
      if (!is_sum(route) || route.delay != 0 || to < 0) continue;
      core.sum_targets[slot] = {to * kSlots + route.axon, route.chip};
    }
  }
}

void Image::make_inputs() {
  for (const InputWire& wire : object_.inputs) {
    if (inputs_.size() <= wire.map) inputs_.resize(wire.map + std::size_t{1});
    inputs_[wire.map].wires.push_back(wire);
  }
  for (Wires& map : inputs_) {
    std::ranges::stable_sort(map.wires, {}, &InputWire::index);
    // Indices come from a file: the table is only as long as the wires are many.
    const std::size_t count = map.wires.size();
    std::erase_if(map.wires, [&](const InputWire& wire) { return wire.index >= (1u << 24); });
    if (map.wires.size() != count) {
      throw ObjectError("input wires", "an input index is beyond 16777215");
    }
    map.begin.assign(map.wires.empty() ? 1 : map.wires.back().index + std::size_t{2}, 0);
    for (const InputWire& wire : map.wires) ++map.begin[wire.index + std::size_t{1}];
    for (std::size_t i = 1; i < map.begin.size(); ++i) map.begin[i] += map.begin[i - 1];
  }
}

SpaceRange Image::spaces(std::uint32_t chip, std::uint32_t first, std::uint32_t last) const {
  const std::uint32_t begin = space_at_[chip * kCoresPerChip + first];
  return {begin, space_at_[chip * kCoresPerChip + last] - begin + 1};
}

const Image::Wires* Image::input_map(std::uint32_t map) const {
  return map < inputs_.size() ? &inputs_[map] : nullptr;
}

std::uint32_t Image::hops(std::uint32_t from, std::uint32_t to) const {
  std::uint32_t count = 0;
  for_each_link(from, to, [&](std::uint32_t) { ++count; });
  return count;
}

}  // namespace neurotool::spikecore
