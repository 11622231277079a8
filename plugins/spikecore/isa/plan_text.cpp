// Records of the sequencer plan as text, both ways.
#include <algorithm>
#include <array>
#include <cstdio>

#include "cursor.hpp"

namespace neurotool::spikecore {
namespace {

enum class Shape { kLoad, kEntry, kRun, kNumber, kNothing };

struct RecordInfo {
  std::string_view name;
  PlanOp op;
  Shape shape;
  std::string_view syntax;
};

constexpr RecordInfo kRecords[] = {
    {"LOADW", PlanOp::kLoadw, Shape::kLoad, "LOADW chip 0 cores 0..3 page 1 [if range 0]"},
    {"ENTRY", PlanOp::kEntry, Shape::kEntry, "ENTRY chip 0 cores 0..3 entry main"},
    {"RUN", PlanOp::kRun, Shape::kRun, "RUN [chip 0] [limit 1000]"},
    {"DELIVER", PlanOp::kDeliver, Shape::kNothing, "DELIVER"},
    {"STEP", PlanOp::kStep, Shape::kNothing, "STEP"},
    {"LOOP", PlanOp::kLoop, Shape::kNumber, "LOOP 4"},
    {"ENDL", PlanOp::kEndl, Shape::kNothing, "ENDL"},
    {"INPUT", PlanOp::kInput, Shape::kNumber, "INPUT 0"},
    {"OUT", PlanOp::kOut, Shape::kNumber, "OUT 0"},
    {"CLEAR", PlanOp::kClear, Shape::kNothing, "CLEAR"},
    {"END", PlanOp::kEnd, Shape::kNothing, "END"},
};

std::uint16_t parse_chip(Cursor& cursor) {
  if (!cursor.take("chip")) return kAllChips;
  return static_cast<std::uint16_t>(cursor.integer("the chip", 0, kMostChips - 1));
}

void parse_cores(Cursor& cursor, PlanRecord& record) {
  record.chip = parse_chip(cursor);
  if (!cursor.take("cores") && !cursor.take("core")) cursor.expected("'cores'");
  const Span2 cores = cursor.range("the core", 0, kCoresPerChip - 1);
  record.a = static_cast<std::uint32_t>(cores.first | cores.last << 16);
}

/// The id of an entry that is named, in the cores of the record.
std::uint32_t entry_id(Cursor& cursor, const PlanRecord& record, const Object& object) {
  constexpr std::int64_t kMost = 0xffffffffLL;
  if (cursor.next_is_integer()) {
    return static_cast<std::uint32_t>(cursor.integer("the entry", 0, kMost));
  }
  const std::uint32_t column = cursor.column();
  const std::string name =
      cursor.next_is_quote() ? cursor.quoted() : std::string(cursor.expect_word("an entry"));
  std::optional<std::uint32_t> id;
  std::vector<std::string_view> names;
  for (const CoreImage& core : object.cores) {
    if (record.chip != kAllChips && core.chip != record.chip) continue;
    if (core.core < record.first_core() || core.core > record.last_core()) continue;
    for (std::uint32_t i = 0; i < core.entries.size(); ++i) {
      names.push_back(core.entries[i].name);
      if (core.entries[i].name != name) continue;
      if (id && *id != i) {
        cursor.fail_at(column,
                       "entry '" + name + "' has number " + std::to_string(*id) +
                           " in one of these cores and " + std::to_string(i) + " in another",
                       "write one record for each");
      }
      id = i;
    }
  }
  if (!id) {
    cursor.fail_at(column, "none of these cores has an entry '" + name + "'",
                   names.empty() ? "write .entry " + name + " before its first word"
                                 : suggestion(name, names));
  }
  return *id;
}

PlanRecord parse_raw(Cursor& cursor) {
  PlanRecord record;
  const auto field = [&](std::int64_t most) { return cursor.integer("a field", 0, most); };
  record.op = static_cast<std::uint8_t>(field(255));
  record.flags = static_cast<std::uint8_t>(field(255));
  record.chip = static_cast<std::uint16_t>(field(0xffff));
  record.a = static_cast<std::uint32_t>(field(0xffffffffLL));
  record.b = static_cast<std::uint32_t>(field(0xffffffffLL));
  record.c = static_cast<std::uint32_t>(field(0xffffffffLL));
  return record;
}

/// Does the text of `info` say everything that the record holds?
bool says_all(const RecordInfo& info, const PlanRecord& r) {
  if (r.flags != 0 || (r.chip != kAllChips && r.chip >= kMostChips)) return false;
  const bool chipless = r.chip == kAllChips;
  const bool cores = r.first_core() <= r.last_core() && r.last_core() < kCoresPerChip;
  switch (info.shape) {
    case Shape::kLoad:
      return cores;
    case Shape::kEntry:
      return cores && r.c == 0;
    case Shape::kRun:
      return r.b == 0 && r.c == 0;
    case Shape::kNumber:
      return chipless && r.b == 0 && r.c == 0;
    case Shape::kNothing:
      return chipless && r.a == 0 && r.b == 0 && r.c == 0;
  }
  return false;
}

std::string cores_text(const PlanRecord& r) {
  std::string text = r.chip == kAllChips ? "" : " chip " + std::to_string(r.chip);
  text += " cores " + std::to_string(r.first_core());
  if (r.last_core() != r.first_core()) text += ".." + std::to_string(r.last_core());
  return text;
}

}  // namespace

PlanRecord parse_record(Cursor& cursor, std::string_view name, std::uint32_t column,
                        const Object& object) {
  if (name == ".record") return parse_raw(cursor);
  const auto* info = std::ranges::find(kRecords, upper(name), &RecordInfo::name);
  if (info == std::end(kRecords)) {
    std::array<std::string_view, std::size(kRecords)> names;
    std::ranges::transform(kRecords, names.begin(), &RecordInfo::name);
    cursor.fail_at(column, "'" + std::string(name) + "' is not a record of a plan",
                   suggestion(name, names));
  }
  cursor.set_syntax(info->syntax);
  PlanRecord record;
  record.op = static_cast<std::uint8_t>(info->op);
  switch (info->shape) {
    case Shape::kLoad:
      parse_cores(cursor, record);
      cursor.expect("page");
      record.b = static_cast<std::uint32_t>(cursor.integer("the page", 0, 0xffffffffLL));
      if (cursor.take("if")) {
        cursor.expect("range");
        record.c = static_cast<std::uint32_t>(cursor.integer("the range", 0, 0xfffffffeLL) + 1);
      }
      break;
    case Shape::kEntry:
      parse_cores(cursor, record);
      cursor.expect("entry");
      record.b = entry_id(cursor, record, object);
      break;
    case Shape::kRun:
      record.chip = parse_chip(cursor);
      if (cursor.take("limit")) {
        record.a = static_cast<std::uint32_t>(cursor.integer("the limit", 0, 0xffffffffLL));
      }
      break;
    case Shape::kNumber:
      if (cursor.next_is_integer()) {
        record.a = static_cast<std::uint32_t>(cursor.integer("the number", 0, 0xffffffffLL));
      }
      break;
    case Shape::kNothing:
      break;
  }
  return record;
}

std::string print_record(const PlanRecord& r) {
  for (const RecordInfo& info : kRecords) {
    if (static_cast<std::uint8_t>(info.op) != r.op || !says_all(info, r)) continue;
    const std::string name(info.name);
    switch (info.shape) {
      case Shape::kLoad:
        return name + cores_text(r) + " page " + std::to_string(r.b) +
               (r.c == 0 ? "" : " if range " + std::to_string(r.c - 1));
      case Shape::kEntry:
        return name + cores_text(r) + " entry " + std::to_string(r.b);
      case Shape::kRun:
        return name + (r.chip == kAllChips ? "" : " chip " + std::to_string(r.chip)) +
               (r.a == 0 ? "" : " limit " + std::to_string(r.a));
      case Shape::kNumber:
        return name + " " + std::to_string(r.a);
      case Shape::kNothing:
        return name;
    }
  }
  std::string text = ".record";
  for (const std::uint64_t field :
       {std::uint64_t{r.op}, std::uint64_t{r.flags}, std::uint64_t{r.chip}, std::uint64_t{r.a},
        std::uint64_t{r.b}, std::uint64_t{r.c}}) {
    text += " " + std::to_string(field);
  }
  return text;
}

}  // namespace neurotool::spikecore
