// One sample on a machine, and what of it was asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "compile.hpp"
#include "machine/machine.hpp"

namespace neurotool::spikecore {

enum class Variable { kSpikes, kMembrane, kReadout };

struct ProbeRequest {
  std::uint32_t population = 0;
  Variable variable = Variable::kSpikes;
};

/// What one probe has seen of one sample.
struct ProbeRecord {
  std::vector<std::uint32_t> step_ends;  ///< of spikes: into neurons and payloads
  std::vector<std::uint32_t> neurons;    ///< ascending within a step
  std::vector<std::int32_t> payloads;
  std::vector<std::int32_t> membranes;  ///< of all steps, or of the last
  std::vector<std::int64_t> counts;     ///< readout of a firing population
};

struct SampleResult {
  std::vector<ProbeRecord> probes;
  Totals totals;
  std::vector<std::uint64_t> spikes;  ///< events by population
  std::uint64_t synaptic_ops = 0;
};

/// A compiled network with everything that a run needs to know of it.
class Deployment {
 public:
  Deployment(Compiled compiled, Network network, Grid grid, MachineOptions options);

  const Compiled& compiled() const { return compiled_; }
  const Image& image() const { return image_; }
  const Network& network() const { return network_; }

  Machine make_machine(std::uint32_t steps) const;
  /// inputs[population]: values of this sample, one frame if the input is held, else one for each
  /// step. `alive` is called once in a step and may throw. Throws Trap.
  SampleResult run(Machine& machine, const std::vector<std::span<const std::int32_t>>& inputs,
                   std::uint32_t steps, std::span<const ProbeRequest> probes,
                   const std::function<void()>& alive) const;

  /// The smallest and largest value that an input population takes.
  PayloadRange input_range(std::uint32_t population) const { return ranges_[population]; }

 private:
  void give(const InputMap& map, std::span<const std::int32_t> values, std::uint64_t step,
            const std::function<void(InputSpike)>& give_spike) const;
  void record(const Machine& machine, std::uint32_t population, Variable variable,
              ProbeRecord& record) const;
  void count(const Machine& machine, SampleResult& result) const;

  Compiled compiled_;
  Network network_;
  Image image_;
  MachineOptions options_;
  std::vector<PayloadRange> ranges_;
  struct Place {
    std::size_t core;  ///< number in the image
    std::int64_t first, count;
  };
  std::vector<std::vector<Place>> places_;           ///< by population, ascending neurons
  std::vector<std::vector<std::uint32_t>> fan_out_;  ///< by population and neuron
};

}  // namespace neurotool::spikecore
