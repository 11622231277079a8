// An object as canonical assembly text: header, maps, cores in order, plan. assemble() gives the
// same object back.
#include <algorithm>

#include "cursor.hpp"
#include "object.hpp"

namespace neurotool::spikecore {
namespace {

std::string number(std::int64_t value) { return std::to_string(value); }

bool is_plain_name(const std::string& name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto inner = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '.'; };
  return !name.empty() && letter(name.front()) && std::ranges::all_of(name, inner);
}

std::string name_text(const std::string& name) { return is_plain_name(name) ? name : quote(name); }

std::string span_text(std::int64_t first, std::int64_t last, const char* letter = "") {
  std::string text = letter + number(first);
  if (last != first) text += ".." + (letter + number(last));
  return text;
}

class Printer {
 public:
  explicit Printer(const Object& object) : object_(object) {}

  std::string print() {
    header();
    maps();
    for (const CoreImage& core : object_.cores) print_core(core);
    if (!object_.plan.empty()) {
      line(".plan");
      for (const PlanRecord& record : object_.plan) line("  " + print_record(record));
      line(".endplan");
    }
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }

  void header() {
    line(".spikecore 1");
    line(object_.profile == Profile::kStrict ? ".profile strict" : ".profile v1");
    line(".chips " + number(object_.chips));
    if (object_.axons != kDefaultAxons) line(".axons " + number(object_.axons));
    if (object_.words != kDefaultWords) line(".words " + number(object_.words));
    if (object_.steps != 0) line(".steps " + number(object_.steps));
    // One line of the description per line of text.
    for (std::size_t at = 0; at < object_.meta.size();) {
      const std::size_t end = std::min(object_.meta.find('\n', at), object_.meta.size() - 1) + 1;
      line(".meta " + quote(std::string_view(object_.meta).substr(at, end - at)));
      at = end;
    }
  }

  void maps() {
    for (std::size_t i = 0; i < object_.ranges.size(); ++i) {
      const AxonRange& range = object_.ranges[i];
      line(".range " + number(static_cast<std::int64_t>(i)) + " axons " +
           span_text(range.first, range.last));
    }
    for (std::size_t i = 0; i < object_.inputs.size();) i += print_input(i);
    for (const OutputWire& w : object_.outputs) {
      line(".output " + number(w.map) + " " + number(w.index) + " -> chip " + number(w.chip) +
           " core " + number(w.core) + " slots " + span_text(w.slot, w.slot + w.count - 1, "a") +
           (w.accumulators ? " accumulators" : " spikes"));
    }
  }

  /// Wires that follow each other in index and axon are one line. Returns how many.
  std::size_t print_input(std::size_t at) {
    const InputWire& first = object_.inputs[at];
    std::size_t count = 1;
    const auto follows = [&](const InputWire& next) {
      InputWire wanted = first;
      wanted.index = static_cast<std::uint32_t>(first.index + count);
      wanted.axon = static_cast<std::uint16_t>(first.axon + count);
      return next == wanted && first.index + count <= 0xffffffffULL &&
             first.axon + count < kMostAxons;
    };
    while (at + count < object_.inputs.size() && follows(object_.inputs[at + count])) ++count;
    const std::int64_t last = static_cast<std::int64_t>(first.index + (count - 1));
    line(".input " + number(first.map) + " " + span_text(first.index, last) + " -> chip " +
         number(first.chip) + " cores " + span_text(first.first, first.last) + " axon " +
         number(first.axon));
    return count;
  }

  void print_core(const CoreImage& core) {
    if (core.chip != chip_) line(".chip " + number(core.chip));
    chip_ = core.chip;
    line(".core " + number(core.core));
    print_code(core);
    for (std::size_t i = 0; i < core.pages.size(); ++i) {
      std::string text = "  .page " + number(static_cast<std::int64_t>(i));
      for (const std::int8_t weight : core.pages[i]) text += " " + number(weight);
      line(text);
    }
    for (const Route& route : core.routes) print_route(route);
    for (const InitialValue& init : core.init) {
      line("  .init a" + number(init.slot) + " " + number(init.value));
    }
  }

  void print_code(const CoreImage& core) {
    // In place where that keeps their numbers; else all of them first, with their words.
    const bool in_place = std::ranges::is_sorted(core.entries, {}, &Entry::pc);
    if (!in_place) {
      for (const Entry& entry : core.entries) {
        line("  .entry " + name_text(entry.name) + " " + number(entry.pc));
      }
    }
    std::size_t next = in_place ? 0 : core.entries.size();
    for (std::uint32_t pc = 0; pc <= core.code.size(); ++pc) {
      for (; next < core.entries.size() && core.entries[next].pc == pc; ++next) {
        line("  .entry " + name_text(core.entries[next].name));
      }
      if (pc < core.code.size()) line("  " + disassemble(core.code[pc], object_.profile));
    }
  }

  void print_route(const Route& r) {
    std::string text = r.kind == PacketKind::kSpike ? "  .route a" : "  .psum a";
    text += number(r.slot) + " -> chip " + number(r.chip);
    if (r.kind == PacketKind::kSpike) {
      text += " cores " + span_text(r.first, r.last) + " axon " + number(r.axon);
    } else {
      text += " core " + number(r.first) + " slot a" + number(r.axon);
    }
    line(text + (r.delay == 0 ? "" : " delay " + number(r.delay)));
  }

  const Object& object_;
  std::string out_;
  int chip_ = 0;
};

}  // namespace

std::string print_object(const Object& object) { return Printer(object).print(); }

}  // namespace neurotool::spikecore
