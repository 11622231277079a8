// Packets: from slots along their routes to axons and accumulators, now or in a later step.
#include <algorithm>
#include <utility>

#include "machine.hpp"

namespace neurotool::spikecore {

void Machine::note_packet(std::size_t source, std::size_t target) {
  const std::size_t pair = source * chips_.size() + target;
  if (traffic_[pair]++ == 0) pairs_.push_back(pair);
}

void Machine::sum(std::uint32_t place, std::int32_t value) {
  if (is_summed_[place] == 0) summed_.push_back(place);
  is_summed_[place] = 1;
  sums_[place] += value;
}

void Machine::deliver() {
  std::ranges::sort(senders_);
  for (const std::size_t from : senders_) {
    CoreState& state = cores_[from];
    const ImageCore& core = image_.cores()[from];
    for (; state.delivered < state.sent.size(); ++state.delivered) {
      const Packet packet = state.sent[state.delivered];
      if (packet.kind == PacketKind::kPartialSum && !core.sum_targets.empty()) {
        const SumTarget target = core.sum_targets[packet.slot];
        if (target.place >= 0) {
          note_packet(core.chip, target.chip);
          sum(static_cast<std::uint32_t>(target.place), packet.value);
          continue;
        }
      }
      const std::uint32_t end = core.routes_of_slot[packet.slot + 1u];
      for (std::uint32_t i = core.routes_of_slot[packet.slot]; i < end; ++i) {
        const Route& route = core.source->routes[i];
        if (route.kind == packet.kind) send(core.chip, packet, route);
      }
    }
  }
  senders_.clear();
  add_sums();
  barrier(count_traffic());
}

void Machine::send(std::uint16_t source, const Packet& packet, const Route& route) {
  note_packet(source, route.chip);
  const Due due{route.chip, route.first, route.last, packet.kind, route.axon, packet.value};
  if (route.delay == 0) {
    arrive(due);
  } else {
    due_[step_ + route.delay].push_back(due);
  }
}

std::vector<std::uint64_t> Machine::count_traffic() {
  if (pairs_.empty()) return {};
  const std::size_t chips = chips_.size();
  std::vector<std::uint64_t> sent(chips, 0), received(chips, 0), farthest(chips, 0);
  // Links are numbered within a grid that may have more places than chips.
  const std::size_t width = image_.grid_width();
  std::vector<std::uint64_t> load(4 * width * ((chips + width - 1) / width), 0);
  for (const std::size_t pair : pairs_) {
    const auto source = static_cast<std::uint32_t>(pair / chips);
    const auto target = static_cast<std::uint32_t>(pair % chips);
    const std::uint64_t packets = std::exchange(traffic_[pair], std::uint64_t{0});
    chips_[source].packets += packets;
    sent[source] += packets;
    received[target] += packets;
    std::uint64_t hops = 0;
    image_.for_each_link(source, target, [&](std::uint32_t link) {
      load[link] += packets;
      ++hops;
    });
    chips_[source].hops += hops * packets;
    farthest[source] = std::max(farthest[source], hops);
    farthest[target] = std::max(farthest[target], hops);
  }
  pairs_.clear();
  const std::uint64_t busiest = *std::ranges::max_element(load);
  std::vector<std::uint64_t> costs(chips);
  for (std::size_t chip = 0; chip < chips; ++chip) {
    costs[chip] = std::max(sent[chip], received[chip]) + 16 * farthest[chip] + 4 * busiest;
  }
  return costs;
}

void Machine::arrive(const Due& due) {
  if (due.kind == PacketKind::kSpike) {
    spike(due.chip, due.first, due.last, due.axon, due.value);
    return;
  }
  const std::int32_t core = image_.core_at(due.chip, due.first);
  if (core >= 0) sum(static_cast<std::uint32_t>(core) * kSlots + due.axon, due.value);
}

/// One exact sum and one saturation for each slot, so that the order of packets never matters.
void Machine::add_sums() {
  for (const std::uint32_t place : summed_) {
    CoreState& state = cores_[place / kSlots];
    std::int32_t& a = state.accumulators[place % kSlots];
    a = add_saturating(a, std::exchange(sums_[place], 0), state.counters.ovf);
    is_summed_[place] = 0;
  }
  summed_.clear();
}

void Machine::spike(std::uint32_t chip, std::uint32_t first, std::uint32_t last, std::uint32_t axon,
                    std::int32_t payload) {
  const SpaceRange range = image_.spaces(chip, first, last);
  for (std::uint32_t space = range.first; space < range.first + range.count; ++space) {
    // What nobody hears is lost.
    if (image_.cores_of_space(space) == 0) continue;
    if (spaces_[space].set(axon, static_cast<std::int8_t>(payload))) continue;
    chips_[chip].dup += image_.cores_of_space(space);
    if (options_.strict_spikes) {
      throw Trap(
          TrapCode::kDuplicate, static_cast<std::uint16_t>(chip), static_cast<std::uint16_t>(first),
          0, std::nullopt,
          "axon " + std::to_string(axon) + " has a second spike in step " + std::to_string(step_));
    }
  }
}

void Machine::end_step() {
  for (AxonSpace& space : spaces_) space.clear();
  for (CoreState& state : cores_) {
    // What no DELIVER has taken is on its way still; it must not be lost with the step.
    if (state.delivered == 0) continue;
    state.sent.erase(state.sent.begin(),
                     state.sent.begin() + static_cast<std::ptrdiff_t>(state.delivered));
    state.delivered = 0;
  }
  ++step_;
  const auto now = due_.find(step_);
  if (now == due_.end()) return;
  for (const Due& due : now->second) arrive(due);
  add_sums();
  due_.erase(now);
}

}  // namespace neurotool::spikecore
