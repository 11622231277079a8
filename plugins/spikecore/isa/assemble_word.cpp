// One instruction: text to word, with the operands in the order of the grammar.
#include <array>

#include "cursor.hpp"

namespace neurotool::spikecore {
namespace {

std::vector<std::string_view> mnemonics() {
  std::vector<std::string_view> names;
  for (const InstructionInfo& info : instruction_set()) names.push_back(info.mnemonic);
  names.push_back(".word");
  return names;
}

/// "ACC.g": the instruction, and its flags set.
Instruction parse_mnemonic(Cursor& cursor, std::string_view text, std::uint32_t column,
                           const InstructionInfo*& found) {
  const std::size_t dot = text.find('.');
  const std::string name = upper(text.substr(0, dot));
  found = nullptr;
  for (const InstructionInfo& info : instruction_set()) {
    if (info.mnemonic == name) found = &info;
  }
  if (found == nullptr) {
    cursor.fail_at(column, "'" + std::string(text) + "' is not an instruction",
                   suggestion(text.substr(0, dot), mnemonics()));
  }
  Instruction instruction{found->opcode, 0, {}};
  std::string_view rest = dot == text.npos ? std::string_view() : text.substr(dot);
  while (!rest.empty()) {
    const Flag* flag = nullptr;
    for (const Flag& f : found->flags) {
      const bool ends = rest.size() == 2 || (rest.size() > 2 && rest[2] == '.');
      if (ends && (rest[1] | 32) == f.letter) flag = &f;
    }
    if (flag == nullptr) {
      cursor.fail_at(column, "'" + name + "' has no form '" + std::string(rest) + "'",
                     "as in: " + std::string(found->syntax));
    }
    instruction.flags = static_cast<std::uint8_t>(instruction.flags | flag->bit);
    rest.remove_prefix(2);
  }
  if ((instruction.flags & (instruction.flags - 1)) != 0) {
    cursor.fail_at(column, "the forms of '" + std::string(text) + "' exclude each other",
                   "as in: " + std::string(found->syntax));
  }
  return instruction;
}

/// "w[3:6]": where it begins, and its length.
Span2 half_open(Cursor& cursor, std::string_view letter, std::int64_t least, std::int64_t most) {
  cursor.expect(letter);
  cursor.expect("[");
  Span2 span;
  span.first = cursor.integer("the begin", 0, least);
  cursor.expect(":");
  const std::uint32_t column = cursor.column();
  const std::int64_t end = cursor.integer("the end", 0, most);
  if (end <= span.first || end - span.first > kWeightBytes) {
    cursor.fail_at(column, std::string(letter) + "[" + std::to_string(span.first) + ":" +
                               std::to_string(end) + "] holds " + std::to_string(end - span.first) +
                               " items; 1 to 256 can be summed");
  }
  span.last = end - 1;
  cursor.expect("]");
  return span;
}

void parse_acc(Cursor& cursor, Instruction& i) {
  i[Operand::kSlot] = cursor.slot();
  cursor.expect(",");
  const Span2 weights = half_open(cursor, "w", 255, 256);
  cursor.expect(",");
  const std::uint32_t column = cursor.column();
  const Span2 axons = half_open(cursor, "s", 65535, 65535 + 256);
  if (weights.count() != axons.count()) {
    cursor.fail_at(column, std::to_string(weights.count()) + " weights for " +
                               std::to_string(axons.count()) + " axons");
  }
  i[Operand::kWeight] = static_cast<std::int32_t>(weights.first);
  i[Operand::kLength] = static_cast<std::int32_t>(weights.count());
  i[Operand::kAxon] = static_cast<std::int32_t>(axons.first);
}

constexpr std::int64_t kLeast32 = -2147483648LL, kMost32 = 2147483647LL;

void parse_fire(Cursor& cursor, Instruction& i) {
  i[Operand::kSlot] = cursor.slot();
  cursor.expect(",");
  std::int64_t value = 0;
  if (!cursor.keyed("th", value, kLeast32, kMost32)) cursor.expected("'th='");
  i[Operand::kThreshold] = static_cast<std::int32_t>(value);
  if (!cursor.take(",")) return;
  if (!cursor.keyed("sc", value, 0, 31)) cursor.expected("'sc='");
  i[Operand::kScale] = static_cast<std::int32_t>(value);
}

void parse_slots(Cursor& cursor, Instruction& i) {
  const Span2 slots = cursor.slots();
  i[Operand::kSlot] = static_cast<std::int32_t>(slots.first);
  i[Operand::kCount] = static_cast<std::int32_t>(slots.count());
}

void parse_leak(Cursor& cursor, Instruction& i) {
  parse_slots(cursor, i);
  cursor.expect(",");
  std::int64_t value = 0;
  if (!cursor.keyed("d", value, 0, 65535)) cursor.expected("'d='");
  i[Operand::kDecay] = static_cast<std::int32_t>(value);
}

void parse_adda(Cursor& cursor, Instruction& i) {
  i[Operand::kSlot] = cursor.slot();
  cursor.expect(",");
  i[Operand::kFrom] = cursor.slot();
  i[Operand::kCount] = 1;
  if (!cursor.take(",")) return;
  const std::uint32_t column = cursor.column();
  std::int64_t value = 0;
  if (!cursor.keyed("n", value, 1, kSlots)) cursor.expected("'n='");
  i[Operand::kCount] = static_cast<std::int32_t>(value);
  if (const std::string problem = range_problem(i); !problem.empty()) {
    cursor.fail_at(column, problem);
  }
}

void parse_rep(Cursor& cursor, Instruction& i) {
  i[Operand::kCount] = static_cast<std::int32_t>(cursor.integer("the count", 1, 65536));
  struct Key {
    std::string_view name;
    Operand operand;
    std::int64_t least, most;
    bool given = false;
  };
  std::array<Key, 4> keys{{{"body", Operand::kBody, 1, 15},
                           {"dn", Operand::kSlotStep, -8, 7},
                           {"dw", Operand::kWeightStep, -128, 127},
                           {"ds", Operand::kAxonStep, -32768, 32767}}};
  while (cursor.take(",")) {
    bool taken = false;
    for (Key& key : keys) {
      std::int64_t value = 0;
      if (key.given || !cursor.keyed(key.name, value, key.least, key.most)) continue;
      i[key.operand] = static_cast<std::int32_t>(value);
      taken = key.given = true;
      break;
    }
    if (!taken) cursor.expected("'body=', 'dn=', 'dw=' or 'ds=', each once");
  }
  if (!keys[0].given) cursor.expected("', body='");
}

void parse_operands(Cursor& cursor, Instruction& i) {
  switch (i.opcode) {
    case Opcode::kNop:
    case Opcode::kHalt:
      return;
    case Opcode::kAcc:
      return parse_acc(cursor, i);
    case Opcode::kFire:
      return parse_fire(cursor, i);
    case Opcode::kLeak:
      return parse_leak(cursor, i);
    case Opcode::kBias:
      i[Operand::kSlot] = cursor.slot();
      cursor.expect(",");
      i[Operand::kImmediate] =
          static_cast<std::int32_t>(cursor.integer("the value", kLeast32, kMost32));
      return;
    case Opcode::kAdda:
      return parse_adda(cursor, i);
    case Opcode::kPsum:
      return parse_slots(cursor, i);
    case Opcode::kRep:
      return parse_rep(cursor, i);
  }
}

/// 16 digits do not fit the signed integers of Cursor::integer().
std::uint64_t parse_raw(Cursor& cursor) {
  const std::uint32_t column = cursor.column();
  const std::string_view text = cursor.word();
  std::uint64_t value = 0;
  const bool hex = text.size() > 2 && text.size() <= 18 && upper(text.substr(0, 2)) == "0X";
  for (std::size_t i = 2; hex && i < text.size(); ++i) {
    const char c = static_cast<char>(text[i] | 32);
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (!digit && (c < 'a' || c > 'f')) {
      cursor.fail_at(column, "'" + std::string(text) + "' is not a hexadecimal number");
    }
    value = value << 4 | static_cast<std::uint64_t>(digit ? text[i] - '0' : c - 'a' + 10);
  }
  if (!hex) cursor.fail_at(column, "expected 0x and up to 16 hexadecimal digits behind .word");
  return value;
}

}  // namespace

std::uint64_t parse_word(Cursor& cursor, std::string_view mnemonic, std::uint32_t column,
                         Profile profile) {
  if (upper(mnemonic) == ".WORD") return parse_raw(cursor);
  const InstructionInfo* info = nullptr;
  Instruction instruction = parse_mnemonic(cursor, mnemonic, column, info);
  cursor.set_syntax(info->syntax);
  parse_operands(cursor, instruction);
  if (profile == Profile::kStrict && !is_strict(instruction)) {
    cursor.fail_at(column, "'" + std::string(mnemonic) + "' in this form is not in profile strict",
                   "strict has ACC, FIRE with hard reset, LEAK, NOP and HALT on slot a0; or write "
                   ".profile v1");
  }
  return encode(instruction);
}

std::optional<std::uint64_t> assemble_word(std::string_view text, TextError& error) {
  Cursor cursor(text);
  try {
    const std::uint32_t column = cursor.column();
    const std::uint64_t word = parse_word(cursor, cursor.word(), column, Profile::kV1);
    cursor.expect_end();
    return word;
  } catch (const SyntaxError& problem) {
    error = {1, problem.column, problem.message, problem.help};
    return std::nullopt;
  }
}

}  // namespace neurotool::spikecore
