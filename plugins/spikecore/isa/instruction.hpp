// The instruction set of SpikeCore as one table: mnemonics, opcodes, fields and the profile that
// has them. Encoding, decoding, assembling and printing all read this table and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace neurotool::spikecore {

/// strict: the five original opcodes and accumulator 0. v1: everything.
enum class Profile : std::uint16_t { kStrict = 0, kV1 = 1 };

enum class Opcode : std::uint8_t {
  kNop = 0x00,
  kAcc = 0x01,
  kFire = 0x02,
  kLeak = 0x03,
  kHalt = 0x04,
  kBias = 0x10,
  kAdda = 0x11,
  kPsum = 0x12,
  kRep = 0x13,
};

/// The operands of an instruction, by what they mean; a word stores some of them less one.
enum class Operand : std::uint8_t {
  kSlot,        ///< n: accumulator 0..255
  kWeight,      ///< w: first weight of an ACC
  kLength,      ///< weights and axons of an ACC
  kAxon,        ///< s: first axon of an ACC
  kScale,       ///< sc: right shift of the payload
  kThreshold,   ///< th
  kCount,       ///< accumulators of LEAK, ADDA, PSUM; iterations of REP
  kDecay,       ///< d: numerator over 65536
  kImmediate,   ///< of BIAS
  kFrom,        ///< m: second accumulator of ADDA
  kBody,        ///< words that a REP repeats
  kSlotStep,    ///< dn
  kWeightStep,  ///< dw
  kAxonStep,    ///< ds
};
inline constexpr std::size_t kOperandCount = 14;

/// Where an operand lies in a word. `less` is subtracted before it is stored.
struct Field {
  Operand operand;
  std::uint8_t shift, bits;
  bool is_signed = false;
  std::uint8_t less = 0;
};

/// A suffix such as ".g" and its bit in the flags; at most one of an instruction's flags is set.
struct Flag {
  char letter;
  std::uint8_t bit;
  bool strict;
};

struct InstructionInfo {
  Opcode opcode;
  std::string_view mnemonic;
  bool strict;  ///< in the profile of the five original opcodes
  std::span<const Flag> flags;
  std::span<const Field> fields;
  std::string_view syntax;  ///< for messages: "ACC[.g] slot, w[int:int], s[int:int]"
};

std::span<const InstructionInfo> instruction_set();
const InstructionInfo& info_of(Opcode opcode);
/// Null where no instruction has that number.
const InstructionInfo* find_opcode(std::uint8_t number);

struct Instruction {
  Opcode opcode = Opcode::kNop;
  std::uint8_t flags = 0;
  std::array<std::int32_t, kOperandCount> operands{};

  std::int32_t operator[](Operand operand) const {
    return operands[static_cast<std::size_t>(operand)];
  }
  std::int32_t& operator[](Operand operand) { return operands[static_cast<std::size_t>(operand)]; }
  bool operator==(const Instruction&) const = default;
};

inline constexpr std::uint8_t kAccGraded = 1, kFireSubtract = 1, kFireKeep = 2;

/// The operands must be inside their fields: see range_of().
std::uint64_t encode(const Instruction& instruction);

/// Empty: an unknown opcode, a flag that does not exist, two flags, or bits set that must be zero.
std::optional<Instruction> decode(std::uint64_t word);

struct OperandRange {
  std::int64_t least, most;
};
OperandRange range_of(const Field& field);

/// Why a decoded instruction can never run ("w[250:260] ends beyond weight 256"), or empty.
std::string range_problem(const Instruction& instruction);

/// Is it part of the strict profile: opcode, flags, accumulator 0 alone?
bool is_strict(const Instruction& instruction);

/// Canonical text; ".word 0x…" where the word has no legal spelling in the profile.
std::string disassemble(std::uint64_t word, Profile profile = Profile::kV1);

// Short forms for programs that are made by code.
Instruction acc(int slot, int weight, int axon, int length, bool graded);
Instruction fire(int slot, std::int32_t threshold, int scale, std::uint8_t flags);
Instruction leak(int slot, int count, int decay);
Instruction bias(int slot, std::int32_t value);
Instruction adda(int slot, int from, int count);
Instruction psum(int slot, int count);
Instruction rep(int count, int body, int slot_step, int weight_step, int axon_step);
Instruction halt();

}  // namespace neurotool::spikecore
