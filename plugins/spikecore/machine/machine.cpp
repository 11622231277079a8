// The sequencer: walks over the plan, runs passes, and keeps the time of each chip.
#include "machine.hpp"

#include <algorithm>
#include <utility>

namespace neurotool::spikecore {
namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

PlanRecord record_of(PlanOp op, std::uint32_t a = 0, std::uint32_t b = 0) {
  PlanRecord record;
  record.op = static_cast<std::uint8_t>(op);
  record.a = a;
  record.b = b;
  return record;
}

}  // namespace

Machine::Machine(const Image& image, MachineOptions options)
    : image_(image),
      options_(options),
      cores_(image.cores().size()),
      chips_(image.object().chips),
      load_time_(image.object().chips, 0),
      run_time_(image.object().chips, 0),
      sums_(image.cores().size() * kSlots, 0),
      is_summed_(sums_.size(), 0),
      traffic_(std::size_t{image.object().chips} * image.object().chips, 0) {
  // Axons that no core hears need no memory, however many a file names.
  for (std::uint32_t space = 0; space < image.space_count(); ++space) {
    spaces_.emplace_back(image.cores_of_space(space) > 0 ? image.object().axons : 0);
  }
  reset();
}

void Machine::reset() {
  for (CoreState& core : cores_) core.weights.fill(0);
  clear();
}

void Machine::clear() {
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    CoreState& core = cores_[i];
    core.accumulators.fill(0);
    for (const InitialValue& init : image_.cores()[i].source->init) {
      core.accumulators[init.slot] = init.value;
    }
    core.sent.clear();
    core.delivered = 0;
    core.armed = core.blocked = false;
    core.counters = {};
  }
  for (AxonSpace& space : spaces_) space.clear();
  std::ranges::fill(chips_, ChipCounters{});
  std::ranges::fill(load_time_, 0);
  std::ranges::fill(run_time_, 0);
  for (auto* list : {&armed_, &blocked_, &senders_}) list->clear();
  for (const std::uint32_t place : summed_) sums_[place] = is_summed_[place] = 0;
  summed_.clear();
  for (const std::size_t pair : pairs_) traffic_[pair] = 0;
  pairs_.clear();
  due_.clear();
  step_ = cycles_ = core_cycles_ = 0;
}

const std::vector<PlanRecord>& Machine::plan_records() {
  if (!image_.object().plan.empty()) return image_.object().plan;
  const std::uint32_t all = (kCoresPerChip - 1u) << 16;
  default_plan_ = {
      record_of(PlanOp::kLoadw, all), record_of(PlanOp::kLoop), record_of(PlanOp::kInput),
      record_of(PlanOp::kEntry, all), record_of(PlanOp::kRun),  record_of(PlanOp::kDeliver),
      record_of(PlanOp::kOut),        record_of(PlanOp::kStep), record_of(PlanOp::kEndl)};
  return default_plan_;
}

void Machine::run(const Host& host) {
  const std::vector<PlanRecord>& plan = plan_records();
  const std::uint32_t given = image_.object().steps;
  const std::uint32_t steps = options_.steps.value_or(given != 0 ? given : 1);
  std::vector<Loop> loops;
  std::uint64_t records = 0;
  for (std::size_t at = 0; at < plan.size(); ++at) {
    const PlanRecord& record = plan[at];
    if (++records > options_.most_records) {
      throw ObjectError("plan record " + number(at),
                        "the plan has taken " + number(records - 1) + " records and goes on",
                        "its loops run longer than a run may");
    }
    switch (static_cast<PlanOp>(record.op)) {
      case PlanOp::kEnd:
        at = plan.size() - 1;
        break;
      case PlanOp::kLoop: {
        const std::uint32_t count = record.a != 0 ? record.a : steps;
        if (count != 0) {
          loops.push_back({at, count});
          break;
        }
        // No steps at all: to the end of this loop.
        for (int depth = 1; depth > 0;) {
          const auto op = static_cast<PlanOp>(plan[++at].op);
          depth += op == PlanOp::kLoop ? 1 : (op == PlanOp::kEndl ? -1 : 0);
        }
        break;
      }
      case PlanOp::kEndl:
        if (--loops.back().left > 0) {
          at = loops.back().begin;
        } else {
          loops.pop_back();
        }
        break;
      default:
        execute(record, host);
    }
  }
  barrier({});
}

void Machine::execute(const PlanRecord& record, const Host& host) {
  switch (static_cast<PlanOp>(record.op)) {
    case PlanOp::kLoadw:
      return load(record);
    case PlanOp::kEntry:
      return arm(record);
    case PlanOp::kRun:
      return run_pass(record, host);
    case PlanOp::kDeliver:
      return deliver();
    case PlanOp::kStep:
      end_step();
      if (host.stepped) host.stepped(step_);
      return;
    case PlanOp::kInput:
      return input(record.a, host);
    case PlanOp::kOut:
      if (host.output) host.output(record.a, step_, *this);
      return;
    case PlanOp::kClear:
      return clear();
    case PlanOp::kLoop:
    case PlanOp::kEndl:
    case PlanOp::kEnd:
      return;
  }
}

template <class Visit>
void Machine::for_each_core(const PlanRecord& record, const Visit& visit) {
  const std::uint32_t first = record.chip == kAllChips ? 0u : record.chip;
  const std::uint32_t last = record.chip == kAllChips ? image_.object().chips - 1u : record.chip;
  for (std::uint32_t chip = first; chip <= last; ++chip) {
    for (std::uint32_t core = record.first_core(); core <= record.last_core(); ++core) {
      const std::int32_t at = image_.core_at(chip, core);
      if (at >= 0) visit(static_cast<std::size_t>(at));
    }
  }
}

void Machine::load(const PlanRecord& record) {
  for_each_core(record, [&](std::size_t at) {
    const ImageCore& core = image_.cores()[at];
    CoreState& state = cores_[at];
    if (record.b >= core.source->pages.size()) {
      // A range of cores may hold fewer pages; a core by itself is a mistake.
      if (record.first_core() != record.last_core()) return;
      throw ObjectError("chip " + number(core.chip) + " core " + number(core.core),
                        "LOADW wants page " + number(record.b) + "; the core has " +
                            number(core.source->pages.size()));
    }
    if (record.c != 0) {
      const AxonRange& range = image_.object().ranges[record.c - 1];
      if (!spaces_[core.space].any(range.first, range.last)) {
        if (!state.blocked) blocked_.push_back(at);
        state.blocked = true;
        ++chips_[core.chip].skipped_pages;
        return;
      }
    }
    const Page& page = core.source->pages[record.b];
    std::ranges::copy(page, state.weights.begin());
    state.counters.page_bytes += page.size();
    chips_[core.chip].page_bytes += page.size();
    const std::uint64_t time = (page.size() + 15) / 16;
    chips_[core.chip].load_cycles += time;
    load_time_[core.chip] += time;
  });
}

void Machine::arm(const PlanRecord& record) {
  for_each_core(record, [&](std::size_t at) {
    const ImageCore& core = image_.cores()[at];
    // Without entries there is one, at the first word.
    if (record.b >= core.source->entries.size() &&
        !(record.b == 0 && core.source->entries.empty())) {
      if (record.first_core() != record.last_core()) return;
      throw ObjectError("chip " + number(core.chip) + " core " + number(core.core),
                        "ENTRY wants entry " + number(record.b) + "; the core has " +
                            number(core.source->entries.size()));
    }
    if (core.code.empty()) return;
    cores_[at].entry_pc = core.source->entries.empty() ? 0 : core.source->entries[record.b].pc;
    if (!cores_[at].armed) armed_.push_back(at);
    cores_[at].armed = true;
  });
}

void Machine::run_pass(const PlanRecord& record, const Host& host) {
  constexpr std::uint64_t kDefaultLimit = std::uint64_t{1} << 20;
  const std::uint64_t limit = record.a != 0 ? record.a : kDefaultLimit;
  std::vector<std::uint64_t> slowest(chips_.size(), 0);
  std::ranges::sort(armed_);
  const std::vector<std::size_t> armed = std::exchange(armed_, {});
  for (const std::size_t at : armed) {
    CoreState& state = cores_[at];
    const ImageCore& core = image_.cores()[at];
    if (record.chip != kAllChips && record.chip != core.chip) {
      armed_.push_back(at);
      continue;
    }
    state.armed = false;
    if (state.blocked) continue;
    const std::uint64_t cycles =
        run_core(core, state, spaces_[core.space], image_.object().axons, limit, &host.watcher);
    slowest[core.chip] = std::max(slowest[core.chip], cycles);
    if (state.sent.size() > state.delivered) senders_.push_back(at);
    core_cycles_ += cycles;
    if (core_cycles_ > options_.most_cycles) {
      throw ObjectError("chip " + number(core.chip) + " core " + number(core.core),
                        "the cores have run for " + number(core_cycles_) +
                            " cycles together, more than a run may");
    }
  }
  // A page that was skipped for a core without an entry is no reason to skip later ones.
  for (const std::size_t at : blocked_) cores_[at].blocked = false;
  blocked_.clear();
  for (std::size_t chip = 0; chip < chips_.size(); ++chip) run_time_[chip] += slowest[chip];
}

void Machine::barrier(const std::vector<std::uint64_t>& costs) {
  std::uint64_t longest = 0;
  std::vector<std::uint64_t> own(chips_.size(), 0);
  for (std::size_t chip = 0; chip < chips_.size(); ++chip) {
    own[chip] = (options_.prefetch ? std::max(load_time_[chip], run_time_[chip])
                                   : load_time_[chip] + run_time_[chip]) +
                (costs.empty() ? 0 : costs[chip]);
    longest = std::max(longest, own[chip]);
  }
  for (std::size_t chip = 0; chip < chips_.size(); ++chip) {
    chips_[chip].wait_cycles += longest - own[chip];
  }
  std::ranges::fill(load_time_, 0);
  std::ranges::fill(run_time_, 0);
  cycles_ += longest;
}

void Machine::input(std::uint32_t map, const Host& host) {
  if (!host.input) return;
  const Image::Wires* wires = image_.input_map(map);
  host.input(map, step_, [&](InputSpike given) {
    if (wires == nullptr || given.index + std::size_t{1} >= wires->begin.size()) {
      throw ObjectError("input map " + number(map),
                        "there is no wire for index " + number(given.index));
    }
    for (std::uint32_t i = wires->begin[given.index]; i < wires->begin[given.index + 1]; ++i) {
      const InputWire& wire = wires->wires[i];
      spike(wire.chip, wire.first, wire.last, wire.axon, given.payload);
    }
  });
}

bool Machine::fired(std::size_t core, std::uint32_t slot) const {
  return std::ranges::any_of(cores_[core].sent, [&](const Packet& packet) {
    return packet.slot == slot && packet.kind == PacketKind::kSpike;
  });
}

Totals Machine::totals() const {
  Totals totals;
  for (const CoreState& core : cores_) totals.cores += core.counters;
  for (const ChipCounters& chip : chips_) totals.chips += chip;
  totals.cycles = cycles_;
  return totals;
}

}  // namespace neurotool::spikecore
