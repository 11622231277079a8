// Packets: from slots along their routes to axons and accumulators, now or in a later step.
#include <algorithm>

#include "machine.hpp"

namespace neurotool::spikecore {

void Machine::deliver() {
  for (std::size_t from = 0; from < cores_.size(); ++from) {
    CoreState& state = cores_[from];
    if (state.delivered == state.sent.size()) continue;
    const ImageCore& core = image_.cores()[from];
    for (; state.delivered < state.sent.size(); ++state.delivered) {
      const Packet packet = state.sent[state.delivered];
      const std::uint32_t end = core.routes_of_slot[packet.slot + 1u];
      for (std::uint32_t i = core.routes_of_slot[packet.slot]; i < end; ++i) {
        const Route& route = core.source->routes[i];
        if (route.kind == packet.kind) send(from, packet, route);
      }
    }
  }
  add_sums();
  const auto busiest = link_load_.empty() ? 0 : *std::ranges::max_element(link_load_);
  std::vector<std::uint64_t> costs(chips_.size());
  for (std::size_t chip = 0; chip < chips_.size(); ++chip) {
    costs[chip] = std::max(sent_[chip], received_[chip]) + 16 * farthest_[chip] + 4 * busiest;
  }
  barrier(costs);
  for (auto* list : {&sent_, &received_, &farthest_, &link_load_}) std::ranges::fill(*list, 0);
}

void Machine::send(std::size_t from, const Packet& packet, const Route& route) {
  const std::uint16_t source = image_.cores()[from].chip;
  ++chips_[source].packets;
  ++sent_[source];
  ++received_[route.chip];
  if (route.chip != source) {
    std::uint64_t hops = 0;
    image_.for_each_link(source, route.chip, [&](std::uint32_t link) {
      ++link_load_[link];
      ++hops;
    });
    chips_[source].hops += hops;
    farthest_[source] = std::max(farthest_[source], hops);
    farthest_[route.chip] = std::max(farthest_[route.chip], hops);
  }
  const Due due{route.chip, route.first, route.last, packet.kind, route.axon, packet.value};
  if (route.delay == 0) {
    arrive(due);
  } else {
    due_[step_ + route.delay].push_back(due);
  }
}

void Machine::arrive(const Due& due) {
  if (due.kind == PacketKind::kSpike) {
    spike(due.chip, due.first, due.last, due.axon, due.value);
    return;
  }
  const std::int32_t core = image_.core_at(due.chip, due.first);
  if (core >= 0) sums_[static_cast<std::uint32_t>(core) * kSlots + due.axon] += due.value;
}

/// One exact sum and one saturation for each slot, so that the order of packets never matters.
void Machine::add_sums() {
  for (const auto& [place, sum] : sums_) {
    CoreState& state = cores_[place / kSlots];
    std::int32_t& a = state.accumulators[place % kSlots];
    a = add_saturating(a, sum, state.counters.ovf);
  }
  sums_.clear();
}

void Machine::spike(std::uint32_t chip, std::uint32_t first, std::uint32_t last, std::uint32_t axon,
                    std::int32_t payload) {
  const SpaceRange range = image_.spaces(chip, first, last);
  for (std::uint32_t space = range.first; space < range.first + range.count; ++space) {
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
