// The table of instructions, and encoding and decoding by walking it.
#include "instruction.hpp"

#include <cstdio>

namespace neurotool::spikecore {
namespace {

constexpr Field kSlotField{Operand::kSlot, 40, 8};

constexpr Flag kAccFlags[] = {{'g', kAccGraded, true}};
constexpr Flag kFireFlags[] = {{'s', kFireSubtract, false}, {'k', kFireKeep, false}};

constexpr Field kAccFields[] = {kSlotField,
                                {Operand::kWeight, 32, 8},
                                {Operand::kLength, 24, 8, false, 1},
                                {Operand::kAxon, 0, 16}};
constexpr Field kFireFields[] = {
    kSlotField, {Operand::kScale, 32, 5}, {Operand::kThreshold, 0, 32, true}};
constexpr Field kLeakFields[] = {
    kSlotField, {Operand::kCount, 32, 8, false, 1}, {Operand::kDecay, 0, 16}};
constexpr Field kBiasFields[] = {kSlotField, {Operand::kImmediate, 0, 32, true}};
constexpr Field kAddaFields[] = {
    kSlotField, {Operand::kFrom, 32, 8}, {Operand::kCount, 24, 8, false, 1}};
constexpr Field kPsumFields[] = {kSlotField, {Operand::kCount, 32, 8, false, 1}};
constexpr Field kRepFields[] = {{Operand::kBody, 44, 4},
                                {Operand::kSlotStep, 40, 4, true},
                                {Operand::kCount, 24, 16, false, 1},
                                {Operand::kWeightStep, 16, 8, true},
                                {Operand::kAxonStep, 0, 16, true}};

constexpr InstructionInfo kTable[] = {
    {Opcode::kNop, "NOP", true, {}, {}, "NOP"},
    {Opcode::kAcc, "ACC", true, kAccFlags, kAccFields, "ACC[.g] a0, w[0:4], s[0:4]"},
    {Opcode::kFire, "FIRE", true, kFireFlags, kFireFields, "FIRE[.s|.k] a0, th=10, sc=0"},
    {Opcode::kLeak, "LEAK", true, {}, kLeakFields, "LEAK a0..a3, d=0xc000"},
    {Opcode::kHalt, "HALT", true, {}, {}, "HALT"},
    {Opcode::kBias, "BIAS", false, {}, kBiasFields, "BIAS a0, -5"},
    {Opcode::kAdda, "ADDA", false, {}, kAddaFields, "ADDA a0, a8, n=4"},
    {Opcode::kPsum, "PSUM", false, {}, kPsumFields, "PSUM a0..a3"},
    {Opcode::kRep, "REP", false, {}, kRepFields, "REP 8, body=1, dn=1, dw=0, ds=1"},
};

std::uint64_t mask_of(std::uint8_t bits) { return (std::uint64_t{1} << bits) - 1; }

/// Every bit that a field or a flag of this instruction may set.
std::uint64_t used_bits(const InstructionInfo& info) {
  std::uint64_t mask = std::uint64_t{0xff} << 56;
  for (const Field& field : info.fields) mask |= mask_of(field.bits) << field.shift;
  for (const Flag& flag : info.flags) mask |= std::uint64_t{flag.bit} << 48;
  return mask;
}

const std::array<std::uint64_t, 256>& masks() {
  static const std::array<std::uint64_t, 256> table = [] {
    std::array<std::uint64_t, 256> all{};
    for (const InstructionInfo& info : kTable) {
      all[static_cast<std::size_t>(info.opcode)] = used_bits(info);
    }
    return all;
  }();
  return table;
}

std::int32_t stored(std::uint64_t word, const Field& field) {
  const std::uint64_t raw = (word >> field.shift) & mask_of(field.bits);
  std::int64_t value = static_cast<std::int64_t>(raw);
  if (field.is_signed && (raw >> (field.bits - 1)) != 0) value -= std::int64_t{1} << field.bits;
  return static_cast<std::int32_t>(value + field.less);
}

std::string slots_problem(int first, int count) {
  if (first + count <= 256) return {};
  return "a" + std::to_string(first) + " and the " + std::to_string(count - 1) +
         " after it end beyond a255";
}

}  // namespace

std::span<const InstructionInfo> instruction_set() { return kTable; }

const InstructionInfo* find_opcode(std::uint8_t number) {
  static const std::array<const InstructionInfo*, 256> by_number = [] {
    std::array<const InstructionInfo*, 256> all{};
    for (const InstructionInfo& info : kTable) all[static_cast<std::size_t>(info.opcode)] = &info;
    return all;
  }();
  return by_number[number];
}

const InstructionInfo& info_of(Opcode opcode) {
  return *find_opcode(static_cast<std::uint8_t>(opcode));
}

OperandRange range_of(const Field& field) {
  const std::int64_t span = std::int64_t{1} << field.bits;
  if (field.operand == Operand::kBody) return {1, span - 1};
  if (field.is_signed) return {-span / 2, span / 2 - 1};
  return {field.less, span - 1 + field.less};
}

std::uint64_t encode(const Instruction& instruction) {
  std::uint64_t word = static_cast<std::uint64_t>(instruction.opcode) << 56 |
                       static_cast<std::uint64_t>(instruction.flags) << 48;
  for (const Field& field : info_of(instruction.opcode).fields) {
    const std::int64_t value = std::int64_t{instruction[field.operand]} - field.less;
    word |= (static_cast<std::uint64_t>(value) & mask_of(field.bits)) << field.shift;
  }
  return word;
}

std::optional<Instruction> decode(std::uint64_t word) {
  const InstructionInfo* info = find_opcode(static_cast<std::uint8_t>(word >> 56));
  if (info == nullptr || (word & ~masks()[word >> 56]) != 0) return std::nullopt;
  Instruction instruction;
  instruction.opcode = info->opcode;
  instruction.flags = static_cast<std::uint8_t>(word >> 48);
  // Flags exclude each other.
  if ((instruction.flags & (instruction.flags - 1)) != 0) return std::nullopt;
  for (const Field& field : info->fields) instruction[field.operand] = stored(word, field);
  if (instruction.opcode == Opcode::kRep && instruction[Operand::kBody] == 0) return std::nullopt;
  return instruction;
}

std::string range_problem(const Instruction& i) {
  switch (i.opcode) {
    case Opcode::kAcc: {
      const int end = i[Operand::kWeight] + i[Operand::kLength];
      if (end <= 256) return {};
      return "w[" + std::to_string(i[Operand::kWeight]) + ":" + std::to_string(end) +
             "] ends beyond weight 256";
    }
    case Opcode::kLeak:
    case Opcode::kPsum:
      return slots_problem(i[Operand::kSlot], i[Operand::kCount]);
    case Opcode::kAdda: {
      std::string problem = slots_problem(i[Operand::kSlot], i[Operand::kCount]);
      return problem.empty() ? slots_problem(i[Operand::kFrom], i[Operand::kCount]) : problem;
    }
    case Opcode::kNop:
    case Opcode::kFire:
    case Opcode::kHalt:
    case Opcode::kBias:
    case Opcode::kRep:
      return {};
  }
  return {};
}

bool is_strict(const Instruction& instruction) {
  const InstructionInfo& info = info_of(instruction.opcode);
  if (!info.strict) return false;
  for (const Flag& flag : info.flags) {
    if ((instruction.flags & flag.bit) != 0 && !flag.strict) return false;
  }
  for (const Field& field : info.fields) {
    if (field.operand == Operand::kSlot && instruction[Operand::kSlot] != 0) return false;
    if (field.operand == Operand::kCount && instruction[Operand::kCount] != 1) return false;
  }
  return true;
}

Instruction acc(int slot, int weight, int axon, int length, bool graded) {
  Instruction i{Opcode::kAcc, graded ? kAccGraded : std::uint8_t{0}, {}};
  i[Operand::kSlot] = slot;
  i[Operand::kWeight] = weight;
  i[Operand::kAxon] = axon;
  i[Operand::kLength] = length;
  return i;
}

Instruction fire(int slot, std::int32_t threshold, int scale, std::uint8_t flags) {
  Instruction i{Opcode::kFire, flags, {}};
  i[Operand::kSlot] = slot;
  i[Operand::kThreshold] = threshold;
  i[Operand::kScale] = scale;
  return i;
}

Instruction leak(int slot, int count, int decay) {
  Instruction i{Opcode::kLeak, 0, {}};
  i[Operand::kSlot] = slot;
  i[Operand::kCount] = count;
  i[Operand::kDecay] = decay;
  return i;
}

Instruction bias(int slot, std::int32_t value) {
  Instruction i{Opcode::kBias, 0, {}};
  i[Operand::kSlot] = slot;
  i[Operand::kImmediate] = value;
  return i;
}

Instruction adda(int slot, int from, int count) {
  Instruction i{Opcode::kAdda, 0, {}};
  i[Operand::kSlot] = slot;
  i[Operand::kFrom] = from;
  i[Operand::kCount] = count;
  return i;
}

Instruction psum(int slot, int count) {
  Instruction i{Opcode::kPsum, 0, {}};
  i[Operand::kSlot] = slot;
  i[Operand::kCount] = count;
  return i;
}

Instruction rep(int count, int body, int slot_step, int weight_step, int axon_step) {
  Instruction i{Opcode::kRep, 0, {}};
  i[Operand::kCount] = count;
  i[Operand::kBody] = body;
  i[Operand::kSlotStep] = slot_step;
  i[Operand::kWeightStep] = weight_step;
  i[Operand::kAxonStep] = axon_step;
  return i;
}

Instruction halt() { return {Opcode::kHalt, 0, {}}; }

}  // namespace neurotool::spikecore
