// What every object must keep, whether it came from a file, a text or the compiler.
#include <algorithm>
#include <set>

#include "object.hpp"

namespace neurotool::spikecore {
namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string place_of(const CoreImage& core) {
  return "chip " + number(core.chip) + " core " + number(core.core);
}

void require(bool fine, const std::string& place, const std::string& message,
             const std::string& help = {}) {
  if (!fine) throw ObjectError(place, message, help);
}

bool is_power_of_two(std::uint32_t value) { return value != 0 && (value & (value - 1)) == 0; }

void check_header(const Object& object) {
  require(object.chips >= 1 && object.chips <= kMostChips, "header",
          "the program is for " + number(object.chips) + " chips; 1 to 256 can be addressed");
  require(is_power_of_two(object.axons) && object.axons <= kMostAxons, "header",
          number(object.axons) + " axons per core are not a power of two up to 65536");
  require(is_power_of_two(object.words) && object.words <= kMostWords, "header",
          number(object.words) + " words per core are not a power of two up to 65536");
}

bool is_fine(const Object& object, const Route& route) {
  const bool known = route.chip < object.chips && route.first <= route.last &&
                     route.last < kCoresPerChip &&
                     (route.delay == 0 || object.profile == Profile::kV1);
  const bool sum = route.kind == PacketKind::kPartialSum;
  return known &&
         (sum ? route.axon < kSlots && route.first == route.last : route.axon < object.axons);
}

/// There are millions of routes: sentences are only made for one that is wrong.
void check_route(const Object& object, const Route& route, const std::string& place) {
  if (is_fine(object, route)) return;
  require(route.chip < object.chips, place,
          "a route of slot " + number(route.slot) + " leads to chip " + number(route.chip) +
              "; the program is for " + number(object.chips) + " chips",
          "raise .chips");
  require(route.first <= route.last && route.last < kCoresPerChip, place,
          "a route of slot " + number(route.slot) + " leads to cores " + number(route.first) +
              " to " + number(route.last) + "; a chip has cores 0 to 127");
  if (route.kind == PacketKind::kPartialSum) {
    require(route.axon < kSlots && route.first == route.last, place,
            "a partial sum goes to one slot of one core");
  } else {
    require(route.axon < object.axons, place,
            "a route of slot " + number(route.slot) + " leads to axon " + number(route.axon) +
                "; a core has " + number(object.axons),
            "raise .axons");
  }
  require(route.delay == 0 || object.profile == Profile::kV1, place,
          "a route of slot " + number(route.slot) + " has a delay, which profile strict has not",
          "write .profile v1");
}

void check_core(const Object& object, const CoreImage& core) {
  const std::string place = place_of(core);
  require(core.chip < object.chips, place, "the program is for " + number(object.chips) + " chips",
          "raise .chips");
  require(core.core < kCoresPerChip, place, "a chip has cores 0 to 127");
  require(core.code.size() <= object.words, place,
          number(core.code.size()) + " words of code; a core holds " + number(object.words));
  require(core.routes.size() <= object.words, place,
          number(core.routes.size()) + " routes; a core holds " + number(object.words));
  for (const Entry& entry : core.entries) {
    require(entry.pc <= core.code.size(), place,
            "entry '" + entry.name + "' points to word " + number(entry.pc) + " of " +
                number(core.code.size()));
    require(entry.name.find('\0') == std::string::npos, place,
            "the name of entry '" + entry.name.substr(0, entry.name.find('\0')) +
                "' goes on behind a zero byte, which ends a name in an object");
  }
  for (std::size_t i = 0; i < core.pages.size(); ++i) {
    require(!core.pages[i].empty() && core.pages[i].size() <= kWeightBytes, place,
            "page " + number(i) + " has " + number(core.pages[i].size()) + " bytes; 1 to 256 fit");
  }
  require(std::ranges::is_sorted(core.routes, {}, &Route::slot), place,
          "the routes are not sorted by slot");
  for (const Route& route : core.routes) check_route(object, route, place);
  std::set<std::uint16_t> slots;
  for (const InitialValue& init : core.init) {
    require(init.slot < kSlots, place, "an initial value is for slot " + number(init.slot));
    require(init.slot == 0 || object.profile == Profile::kV1, place,
            "an initial value is for slot " + number(init.slot) +
                "; a core of profile strict has slot 0 alone",
            "write .profile v1");
    require(slots.insert(init.slot).second, place,
            "slot " + number(init.slot) + " has two initial values");
  }
}

void check_range(std::uint32_t chip, std::uint32_t first, std::uint32_t last, const Object& object,
                 const std::string& place) {
  require(chip < object.chips, place,
          "chip " + number(chip) + " is named; the program is for " + number(object.chips),
          "raise .chips");
  require(first <= last && last < kCoresPerChip, place,
          "cores " + number(first) + " to " + number(last) + " are named; a chip has 0 to 127");
}

void check_wires(const Object& object) {
  for (std::size_t i = 0; i < object.inputs.size(); ++i) {
    const InputWire& wire = object.inputs[i];
    const bool fine = wire.chip < object.chips && wire.first <= wire.last &&
                      wire.last < kCoresPerChip && wire.axon < object.axons;
    if (fine) continue;
    const std::string place = "input wire " + number(i);
    check_range(wire.chip, wire.first, wire.last, object, place);
    require(wire.axon < object.axons, place,
            "axon " + number(wire.axon) + " is named; a core has " + number(object.axons),
            "raise .axons");
  }
  for (std::size_t i = 0; i < object.outputs.size(); ++i) {
    const OutputWire& wire = object.outputs[i];
    const std::string place = "output wire " + number(i);
    check_range(wire.chip, wire.core, wire.core, object, place);
    require(wire.count >= 1 && wire.slot + wire.count <= kSlots, place,
            "slots " + number(wire.slot) + " and " + number(wire.count - 1u) +
                " more are named; a core has 0 to 255");
  }
  for (std::size_t i = 0; i < object.ranges.size(); ++i) {
    const AxonRange& range = object.ranges[i];
    require(range.first <= range.last && range.last < object.axons, "axon range " + number(i),
            "axons " + number(range.first) + " to " + number(range.last) +
                " are named; a core has " + number(object.axons));
  }
}

/// Loops are paired, and nothing names what is not there.
void check_plan(const Object& object) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < object.plan.size(); ++i) {
    const PlanRecord& r = object.plan[i];
    const std::string place = "plan record " + number(i);
    require(r.op >= 0x80 && r.op <= 0x8a, place,
            "operation " + number(r.op) + " is unknown; 128 to 138 are defined");
    require(r.flags == 0, place, "flags are " + number(r.flags) + "; none are defined");
    require(r.chip == kAllChips || r.chip < object.chips, place,
            "chip " + number(r.chip) + " is named; the program is for " + number(object.chips),
            "raise .chips");
    const auto op = static_cast<PlanOp>(r.op);
    if (op == PlanOp::kLoadw || op == PlanOp::kEntry) {
      check_range(r.chip == kAllChips ? 0 : r.chip, r.first_core(), r.last_core(), object, place);
    }
    if (op == PlanOp::kLoadw) {
      require(r.c <= object.ranges.size(), place,
              "axon range " + number(r.c - 1u) + " is a condition; there are " +
                  number(object.ranges.size()));
    }
    if (op == PlanOp::kLoop) ++depth;
    require(depth <= 8, place, "loops are nested deeper than 8");
    if (op == PlanOp::kEndl) require(depth-- > 0, place, "ENDL without a LOOP before it");
  }
  require(depth == 0, "plan", number(depth) + " LOOP without ENDL");
}

}  // namespace

void check_object(const Object& object) {
  check_header(object);
  for (std::size_t i = 0; i < object.cores.size(); ++i) {
    check_core(object, object.cores[i]);
    if (i == 0) continue;
    const CoreImage& before = object.cores[i - 1];
    const CoreImage& now = object.cores[i];
    require(std::pair(before.chip, before.core) < std::pair(now.chip, now.core), place_of(now),
            "cores are not in order, or one is given twice");
  }
  check_wires(object);
  check_plan(object);
}

}  // namespace neurotool::spikecore
