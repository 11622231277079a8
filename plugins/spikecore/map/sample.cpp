// Runs samples and looks at the machine after each step, where the plan says OUT.
#include "sample.hpp"

#include <algorithm>

namespace neurotool::spikecore {

Deployment::Deployment(Compiled compiled, Network network, Grid grid, MachineOptions options)
    : compiled_(std::move(compiled)),
      network_(std::move(network)),
      image_(std::move(compiled_.object), grid),
      options_(options),
      ranges_(payload_ranges(network_)),
      places_(network_.populations.size()),
      fan_out_(network_.populations.size()) {
  for (const Placement& place : compiled_.placements) {
    const auto core = static_cast<std::size_t>(image_.core_at(place.chip, place.core));
    places_[place.population].push_back({core, place.first, place.count});
  }
  for (std::uint32_t i = 0; i < fan_out_.size(); ++i) {
    fan_out_[i].assign(static_cast<std::size_t>(network_.populations[i].neurons), 0);
  }
  for (std::uint32_t target = 0; target < network_.populations.size(); ++target) {
    const std::vector<AxonBlock> blocks = lay_out_axons(network_, target);
    for (std::uint32_t k = 0; k < network_.projections.size(); ++k) {
      const Projection& p = network_.projections[k];
      if (p.target != target) continue;
      const std::vector<std::uint32_t> out = Rows(network_, k, block_of(blocks, p)).fan_out();
      for (std::size_t i = 0; i < out.size(); ++i) fan_out_[p.source][i] += out[i];
    }
  }
}

Machine Deployment::make_machine(std::uint32_t steps) const {
  MachineOptions options = options_;
  options.steps = steps;
  return Machine(image_, options);
}

/// Values above 127 of an unsigned 8-bit input are 127 on one axon and the rest, less one, on
/// another that counts its presence too.
void Deployment::give(const InputMap& map, std::span<const std::int32_t> values, std::uint64_t step,
                      const std::function<void(InputSpike)>& give_spike) const {
  const Population& p = network_.populations[map.population];
  if (step < map.delay) return;
  const auto neurons = static_cast<std::size_t>(p.neurons);
  const std::size_t frame = p.held ? 0 : static_cast<std::size_t>(step - map.delay);
  const std::span<const std::int32_t> now = values.subspan(frame * neurons, neurons);
  for (std::uint32_t i = 0; i < now.size(); ++i) {
    const std::int32_t x = now[i];
    if (x == 0) continue;
    give_spike({i, static_cast<std::int8_t>(std::min(x, 127))});
    if (x > 127) {
      give_spike({static_cast<std::uint32_t>(i + neurons), static_cast<std::int8_t>(x - 128)});
    }
  }
}

SampleResult Deployment::run(Machine& machine,
                             const std::vector<std::span<const std::int32_t>>& inputs,
                             std::uint32_t steps, std::span<const ProbeRequest> probes,
                             const std::function<void()>& alive) const {
  SampleResult result;
  result.probes.resize(probes.size());
  result.spikes.assign(network_.populations.size(), 0);
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const Population& p = network_.populations[probes[i].population];
    if (probes[i].variable == Variable::kReadout && p.fires()) {
      result.probes[i].counts.assign(static_cast<std::size_t>(p.neurons), 0);
    }
  }
  Host host;
  host.input = [&](std::uint32_t map, std::uint64_t step, const auto& give_spike) {
    const InputMap& input = compiled_.inputs[map];
    give(input, inputs[input.population], step, give_spike);
  };
  host.output = [&](std::uint32_t, std::uint64_t step, const Machine& m) {
    count(m, result);
    for (std::size_t i = 0; i < probes.size(); ++i) {
      const ProbeRequest& probe = probes[i];
      ProbeRecord& out = result.probes[i];
      const Population& p = network_.populations[probe.population];
      if (probe.variable == Variable::kSpikes && p.model == Model::kInput) {
        const auto neurons = static_cast<std::size_t>(p.neurons);
        const auto now = inputs[probe.population].subspan(p.held ? 0 : step * neurons, neurons);
        for (std::uint32_t n = 0; n < neurons; ++n) {
          if (now[n] == 0) continue;
          out.neurons.push_back(n);
          out.payloads.push_back(now[n]);
        }
      } else if (probe.variable != Variable::kReadout || p.fires() || step + 1 == steps) {
        record(m, probe.population, probe.variable, out);
      }
      if (probe.variable == Variable::kSpikes) {
        out.step_ends.push_back(static_cast<std::uint32_t>(out.neurons.size()));
      }
    }
  };
  host.stepped = [&](std::uint64_t) { alive(); };
  machine.reset();
  machine.run(host);
  result.totals = machine.totals();
  for (std::uint32_t i = 0; i < network_.populations.size(); ++i) {
    const Population& p = network_.populations[i];
    if (p.model != Model::kInput || p.held) continue;
    const auto neurons = static_cast<std::size_t>(p.neurons);
    for (std::size_t k = 0; k < std::size_t{steps} * neurons; ++k) {
      if (inputs[i][k] == 0) continue;
      ++result.spikes[i];
      result.synaptic_ops += fan_out_[i][k % neurons];
    }
  }
  return result;
}

void Deployment::record(const Machine& machine, std::uint32_t population, Variable variable,
                        ProbeRecord& out) const {
  const Population& p = network_.populations[population];
  const bool graded = p.model == Model::kRelay;
  for (const Place& place : places_[population]) {
    const CoreState& core = machine.core(place.core);
    const bool spikes = variable == Variable::kSpikes || p.fires();
    if (variable == Variable::kMembrane || !spikes) {
      out.membranes.insert(out.membranes.end(), core.accumulators.begin(),
                           core.accumulators.begin() + place.count);
      continue;
    }
    for (const Packet& packet : core.sent) {
      if (packet.kind != PacketKind::kSpike) continue;
      const auto neuron = static_cast<std::uint32_t>(place.first + packet.slot);
      if (variable == Variable::kReadout) {
        ++out.counts[neuron];
      } else if (!graded || packet.value != 0) {
        out.neurons.push_back(neuron);
        out.payloads.push_back(graded ? packet.value : 1);
      }
    }
  }
}

void Deployment::count(const Machine& machine, SampleResult& result) const {
  for (std::uint32_t i = 0; i < network_.populations.size(); ++i) {
    const Population& p = network_.populations[i];
    if (p.model == Model::kInput || !p.sends()) continue;
    for (const Place& place : places_[i]) {
      for (const Packet& packet : machine.core(place.core).sent) {
        if (packet.kind != PacketKind::kSpike || (p.model == Model::kRelay && packet.value == 0)) {
          continue;
        }
        if (p.fires()) ++result.spikes[i];
        result.synaptic_ops += fan_out_[i][static_cast<std::size_t>(place.first + packet.slot)];
      }
    }
  }
}

}  // namespace neurotool::spikecore
