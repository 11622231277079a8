// One word as canonical text: what assembles to the same word, written in the one way we write it.
#include <array>
#include <cinttypes>
#include <cstdio>

#include "instruction.hpp"

namespace neurotool::spikecore {
namespace {

template <class... Args>
std::string text(const char* pattern, Args... args) {
  std::array<char, 128> buffer;
  const int size = std::snprintf(buffer.data(), buffer.size(), pattern, args...);
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

std::string mnemonic(const Instruction& i) {
  const InstructionInfo& info = info_of(i.opcode);
  std::string name(info.mnemonic);
  for (const Flag& flag : info.flags) {
    if ((i.flags & flag.bit) != 0) name += std::string(".") + flag.letter;
  }
  return name;
}

std::string slots(int first, int count) {
  return count == 1 ? text("a%d", first) : text("a%d..a%d", first, first + count - 1);
}

std::string operands(const Instruction& i) {
  const int slot = i[Operand::kSlot], count = i[Operand::kCount];
  switch (i.opcode) {
    case Opcode::kNop:
    case Opcode::kHalt:
      return {};
    case Opcode::kAcc: {
      const int w = i[Operand::kWeight], s = i[Operand::kAxon], length = i[Operand::kLength];
      return text(" a%d, w[%d:%d], s[%d:%d]", slot, w, w + length, s, s + length);
    }
    case Opcode::kFire:
      return text(" a%d, th=%" PRId32 ", sc=%d", slot, i[Operand::kThreshold], i[Operand::kScale]);
    case Opcode::kLeak:
      return text(" %s, d=0x%04x", slots(slot, count).c_str(),
                  static_cast<unsigned>(i[Operand::kDecay]));
    case Opcode::kBias:
      return text(" a%d, %" PRId32, slot, i[Operand::kImmediate]);
    case Opcode::kAdda:
      return text(" a%d, a%d", slot, i[Operand::kFrom]) + (count == 1 ? "" : text(", n=%d", count));
    case Opcode::kPsum:
      return " " + slots(slot, count);
    case Opcode::kRep:
      return text(" %d, body=%d, dn=%d, dw=%d, ds=%d", count, i[Operand::kBody],
                  i[Operand::kSlotStep], i[Operand::kWeightStep], i[Operand::kAxonStep]);
  }
  return {};
}

}  // namespace

std::string disassemble(std::uint64_t word, Profile profile) {
  const auto instruction = decode(word);
  const bool legal = instruction && range_problem(*instruction).empty() &&
                     (profile == Profile::kV1 || is_strict(*instruction));
  if (!legal) return text(".word 0x%016" PRIx64, word);
  return mnemonic(*instruction) + operands(*instruction);
}

}  // namespace neurotool::spikecore
