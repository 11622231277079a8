// Assembly text to an object: labels, directives and the plan, one statement per line. A line that
// is wrong is reported and left out, so that one run finds many mistakes.
#include <algorithm>
#include <map>

#include "cursor.hpp"

namespace neurotool::spikecore {
namespace {

constexpr std::size_t kMostErrors = 20;
constexpr std::string_view kDirectives[] = {
    ".spikecore", ".profile", ".chips", ".axons",   ".words", ".steps", ".chip",
    ".core",      ".entry",   ".page",  ".route",   ".psum",  ".init",  ".range",
    ".input",     ".output",  ".plan",  ".endplan", ".meta",  ".word",  ".record"};

class Assembler {
 public:
  Assembly run(std::string_view text) {
    while (!text.empty() && result_.errors.size() < kMostErrors) {
      ++line_;
      const std::size_t end = std::min(text.find('\n'), text.size());
      statement(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (in_plan_ && result_.errors.empty()) {
      add_error(plan_line_, 1, "the plan has no end", "write .endplan behind its last record");
    }
    if (result_.errors.empty()) finish();
    return std::move(result_);
  }

 private:
  Object& object() { return result_.object; }

  void add_error(std::uint32_t line, std::uint32_t column, std::string message, std::string help) {
    result_.errors.push_back({line, column, std::move(message), std::move(help)});
  }

  void statement(std::string_view line) {
    Cursor cursor(line);
    try {
      if (cursor.at_end()) return;
      std::uint32_t column = cursor.column();
      std::string_view word = cursor.word();
      if (cursor.take(":")) {
        add_label(cursor, word, column);
        if (cursor.at_end()) return;
        column = cursor.column();
        word = cursor.word();
      }
      if (word.empty()) cursor.expected("an instruction or a directive");
      if (in_plan_) {
        plan_line(cursor, word, column);
      } else if (word.front() == '.' && upper(word) != ".WORD") {
        directive(cursor, word, column);
      } else {
        const std::uint64_t code = parse_word(cursor, word, column, object().profile);
        cursor.expect_end();
        core().code.push_back(code);
        return;
      }
      cursor.expect_end();
    } catch (const SyntaxError& error) {
      add_error(line_, error.column, error.message, error.help);
    }
  }

  void plan_line(Cursor& cursor, std::string_view word, std::uint32_t column) {
    if (word == ".endplan") {
      in_plan_ = false;
      return;
    }
    object().plan.push_back(parse_record(cursor, word, column, object()));
  }

  // Cores stay in the order in which they first appear until finish(); pointers into the list do
  // not stay good, so the current one is a number.
  CoreImage& core() {
    const auto [at, added] = places_.try_emplace({chip_, core_}, object().cores.size());
    if (added) {
      object().cores.emplace_back();
      object().cores.back().chip = chip_;
      object().cores.back().core = core_;
    }
    return object().cores[at->second];
  }

  void add_label(Cursor& cursor, std::string_view name, std::uint32_t column) {
    if (name.empty() || name.front() == '.') {
      cursor.fail_at(column, "expected a label before ':'");
    }
    const auto pc = static_cast<std::uint32_t>(core().code.size());
    if (!labels_.insert({{chip_, core_, std::string(name)}, pc}).second) {
      cursor.fail_at(column, "label '" + std::string(name) + "' stands twice in this core");
    }
  }

  void directive(Cursor& c, std::string_view word, std::uint32_t column) {
    if (word == ".spikecore") {
      c.integer("the version", 1, 1);
    } else if (word == ".profile") {
      profile(c);
    } else if (word == ".chips") {
      object().chips = static_cast<std::uint16_t>(c.integer("the number of chips", 1, kMostChips));
    } else if (word == ".axons") {
      object().axons = power_of_two(c, "the axons of a core");
    } else if (word == ".words") {
      object().words = power_of_two(c, "the words of a core");
    } else if (word == ".steps") {
      object().steps = static_cast<std::uint32_t>(c.integer("the steps", 0, 0xffffffffLL));
    } else if (word == ".chip") {
      chip_ = static_cast<std::uint16_t>(c.integer("the chip", 0, object().chips - 1));
    } else if (word == ".core") {
      core_ = static_cast<std::uint16_t>(c.integer("the core", 0, kCoresPerChip - 1));
      core();
    } else if (word == ".meta") {
      object().meta += c.quoted();
    } else if (word == ".plan") {
      in_plan_ = true;
      plan_line_ = line_;
    } else if (word == ".endplan") {
      c.fail_at(column, "'.endplan' without a '.plan' before it");
    } else if (!core_directive(c, word) && !map_directive(c, word)) {
      c.fail_at(column, "'" + std::string(word) + "' is not a directive",
                suggestion(word, kDirectives));
    }
  }

  static std::uint32_t power_of_two(Cursor& c, std::string_view what) {
    const std::uint32_t column = c.column();
    const std::int64_t value = c.integer(what, 1, 65536);
    if ((value & (value - 1)) != 0) {
      c.fail_at(column, std::string(what) + " are " + std::to_string(value) +
                            ", which is not a power of two");
    }
    return static_cast<std::uint32_t>(value);
  }

  void profile(Cursor& c) {
    if (c.take("strict")) {
      object().profile = Profile::kStrict;
    } else if (c.take("v1")) {
      object().profile = Profile::kV1;
    } else {
      c.expected("'strict' or 'v1'");
    }
  }

  bool core_directive(Cursor& c, std::string_view word) {
    if (word == ".entry") {
      entry(c);
    } else if (word == ".page") {
      page(c);
    } else if (word == ".route") {
      c.set_syntax(".route a0 -> chip 0 cores 1..4 axon 17 delay 0");
      Route route = route_to_chip(c);
      const Span2 cores = core_range(c);
      route.first = static_cast<std::uint8_t>(cores.first);
      route.last = static_cast<std::uint8_t>(cores.last);
      c.expect("axon");
      route.axon = static_cast<std::uint16_t>(c.integer("the axon", 0, object().axons - 1));
      add_route(c, route);
    } else if (word == ".psum") {
      c.set_syntax(".psum a0 -> chip 0 core 5 slot a3");
      Route route = route_to_chip(c);
      route.kind = PacketKind::kPartialSum;
      c.expect("core");
      route.first = route.last =
          static_cast<std::uint8_t>(c.integer("the core", 0, kCoresPerChip - 1));
      c.expect("slot");
      route.axon = static_cast<std::uint16_t>(
          c.next_is_integer() ? c.integer("the slot", 0, kSlots - 1) : c.slot());
      add_route(c, route);
    } else if (word == ".init") {
      const int slot = c.slot();
      const std::int64_t value = c.integer("the value", -2147483648LL, 2147483647LL);
      core().init.push_back({static_cast<std::uint16_t>(slot), static_cast<std::int32_t>(value)});
    } else {
      return false;
    }
    return true;
  }

  void entry(Cursor& c) {
    c.set_syntax(".entry main, or .entry main 12");
    const std::string name = c.next_is_quote() ? c.quoted() : std::string(c.expect_word("a name"));
    auto pc = static_cast<std::uint32_t>(core().code.size());
    const bool given = c.next_is_integer();
    if (given) pc = static_cast<std::uint32_t>(c.integer("the word", 0, object().words));
    core().entries.push_back({pc, name});
    if (!given) open_entries_.push_back({chip_, core_, name, core().entries.size() - 1});
  }

  void page(Cursor& c) {
    c.set_syntax(".page 0 7 -3 5");
    const std::uint32_t column = c.column();
    const std::int64_t id = c.integer("the page", 0, 0xffffffffLL);
    if (id != static_cast<std::int64_t>(core().pages.size())) {
      c.fail_at(column, "page " + std::to_string(id) + " stands where page " +
                            std::to_string(core().pages.size()) + " of this core comes");
    }
    Page bytes;
    const bool bracket = c.take("[");
    while (c.next_is_integer()) {
      if (bytes.size() == kWeightBytes) c.fail("a page holds 256 weights, and here comes another");
      bytes.push_back(static_cast<std::int8_t>(c.integer("the weight", -128, 127)));
      c.take(",");
    }
    if (bracket) c.expect("]");
    if (bytes.empty()) c.expected("a weight");
    core().pages.push_back(std::move(bytes));
  }

  Route route_to_chip(Cursor& c) {
    Route route;
    route.slot = static_cast<std::uint8_t>(c.slot());
    c.expect("->");
    c.expect("chip");
    route.chip = static_cast<std::uint8_t>(c.integer("the chip", 0, object().chips - 1));
    return route;
  }

  static Span2 core_range(Cursor& c) {
    if (!c.take("cores") && !c.take("core")) c.expected("'cores'");
    return c.range("the core", 0, kCoresPerChip - 1);
  }

  void add_route(Cursor& c, Route& route) {
    const std::uint32_t column = c.column();
    if (c.take("delay")) route.delay = static_cast<std::uint8_t>(c.integer("the delay", 0, 255));
    if (route.delay > 0 && object().profile == Profile::kStrict) {
      c.fail_at(column, "profile strict has no route delay", "write .profile v1");
    }
    core().routes.push_back(route);
  }

  bool map_directive(Cursor& c, std::string_view word) {
    if (word == ".range") {
      range(c);
    } else if (word == ".input") {
      input(c);
    } else if (word == ".output") {
      output(c);
    } else {
      return false;
    }
    return true;
  }

  void range(Cursor& c) {
    c.set_syntax(".range 0 axons 0..255");
    const std::uint32_t column = c.column();
    const std::int64_t id = c.integer("the range", 0, 0xffffffffLL);
    if (id != static_cast<std::int64_t>(object().ranges.size())) {
      c.fail_at(column, "range " + std::to_string(id) + " stands where range " +
                            std::to_string(object().ranges.size()) + " comes");
    }
    c.expect("axons");
    const Span2 axons = c.range("the axon", 0, object().axons - 1);
    object().ranges.push_back(
        {static_cast<std::uint16_t>(axons.first), static_cast<std::uint16_t>(axons.last)});
  }

  void input(Cursor& c) {
    c.set_syntax(".input 0 0..783 -> chip 0 cores 0..63 axon 0");
    InputWire wire;
    wire.map = static_cast<std::uint16_t>(c.integer("the map", 0, 0xffff));
    const Span2 indices = c.range("the index", 0, 0xffffffffLL);
    c.expect("->");
    c.expect("chip");
    wire.chip = static_cast<std::uint16_t>(c.integer("the chip", 0, object().chips - 1));
    const Span2 cores = core_range(c);
    wire.first = static_cast<std::uint16_t>(cores.first);
    wire.last = static_cast<std::uint16_t>(cores.last);
    c.expect("axon");
    const std::uint32_t column = c.column();
    const std::int64_t axon = c.integer("the axon", 0, object().axons - 1);
    if (axon + indices.count() > object().axons) {
      c.fail_at(column,
                std::to_string(indices.count()) + " axons from " + std::to_string(axon) +
                    " end beyond the " + std::to_string(object().axons) + " of a core",
                "write .axons with a higher number");
    }
    for (std::int64_t i = 0; i < indices.count(); ++i) {
      wire.index = static_cast<std::uint32_t>(indices.first + i);
      wire.axon = static_cast<std::uint16_t>(axon + i);
      object().inputs.push_back(wire);
    }
  }

  void output(Cursor& c) {
    c.set_syntax(".output 0 0 -> chip 0 core 5 slots a0..a9 accumulators");
    OutputWire wire;
    wire.map = static_cast<std::uint16_t>(c.integer("the map", 0, 0xffff));
    wire.index = static_cast<std::uint32_t>(c.integer("the index", 0, 0xffffffffLL));
    c.expect("->");
    c.expect("chip");
    wire.chip = static_cast<std::uint16_t>(c.integer("the chip", 0, object().chips - 1));
    c.expect("core");
    wire.core = static_cast<std::uint16_t>(c.integer("the core", 0, kCoresPerChip - 1));
    c.expect("slots");
    const Span2 slots = c.slots();
    wire.slot = static_cast<std::uint16_t>(slots.first);
    wire.count = static_cast<std::uint16_t>(slots.count());
    if (c.take("accumulators")) {
      wire.accumulators = true;
    } else if (!c.take("spikes")) {
      c.expected("'spikes' or 'accumulators'");
    }
    object().outputs.push_back(wire);
  }

  /// Entries go to the label of their name where there is one; cores and routes come in order.
  void finish() {
    for (const OpenEntry& open : open_entries_) {
      const auto label = labels_.find({open.chip, open.core, open.name});
      if (label == labels_.end()) continue;
      object().cores[places_.at({open.chip, open.core})].entries[open.index].pc = label->second;
    }
    for (CoreImage& image : object().cores) {
      std::ranges::stable_sort(image.routes, {}, &Route::slot);
    }
    std::ranges::sort(object().cores, {},
                      [](const CoreImage& image) { return std::pair(image.chip, image.core); });
    try {
      check_object(object());
    } catch (const ObjectError& error) {
      add_error(line_, 1, error.place + ": " + error.what(), error.help);
    }
  }

  struct OpenEntry {
    std::uint16_t chip, core;
    std::string name;
    std::size_t index;
  };

  Assembly result_;
  std::uint32_t line_ = 0, plan_line_ = 0;
  std::uint16_t chip_ = 0, core_ = 0;
  bool in_plan_ = false;
  std::map<std::pair<std::uint16_t, std::uint16_t>, std::size_t> places_;
  std::map<std::tuple<std::uint16_t, std::uint16_t, std::string>, std::uint32_t> labels_;
  std::vector<OpenEntry> open_entries_;
};

}  // namespace

Assembly assemble(std::string_view text) { return Assembler().run(text); }

}  // namespace neurotool::spikecore
