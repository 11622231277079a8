// The spiking level of the IR: populations of neurons and the projections between them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "ir/connectivity.hpp"
#include "ir/neurons.hpp"

namespace neurotool {

using PopulationId = Id<struct PopulationTag>;
using ProjectionId = Id<struct ProjectionTag>;

/// In which steps of its integrate window a population's bias is added.
enum class BiasTiming { kEveryStep, kFirstStep, kLastStep };

struct Population {
  std::string name;                  ///< unique; [A-Za-z][A-Za-z0-9_]*
  Shape shape;                       ///< [neurons] or [channels, height, width]
  Neuron neuron;
  Tensor bias;                       ///< current added per step; absent = 0
  BiasTiming bias_timing = BiasTiming::kEveryStep;
  bool output = false;
  std::int32_t chip = -1;            ///< set by a partition pass; -1 = anywhere
  /// Real (ANN) value that one unit of payload stands for, rank 0 or per channel; absent = 1.
  Tensor payload_value;
  /// Real value of one unit of membrane potential, rank 0 or per channel; absent = 1.
  Tensor membrane_value;
  /// Thresholds or scales were set without data and wait for calibration.
  bool provisional = false;
  std::vector<std::string> origins;  ///< the nodes of the model file it came from
  bool removed = false;

  std::int64_t size() const { return element_count(shape).value_or(0); }
};

struct Projection {
  std::string name;                  ///< unique; by default "source_to_target"
  PopulationId source, target;
  Connectivity connectivity;
  std::uint32_t delay_steps = 0;     ///< 0: the same step, allowed where no cycle results
  std::uint32_t target_port = 0;     ///< 0: the input current
  std::uint32_t shift = 0;           ///< integer graphs: the sum is multiplied by 2^shift
  std::vector<std::string> origins;
  bool removed = false;
};

enum class Arithmetic { kFloat32, kInteger };

/// Values flow as payloads (a binary spike is payload 1). Populations run, within one step, in the
/// topological order of projections without delay; a cycle has a delay of one step or more.
class SpikeGraph {
 public:
  std::string name;
  Arithmetic arithmetic = Arithmetic::kFloat32;
  std::uint32_t steps = 0;           ///< steps per sample that thresholds were made for; 0 = any
  double dt_seconds = 0;             ///< 0 = abstract steps
  std::vector<Population> populations;
  std::vector<Projection> projections;

  Population& operator[](PopulationId id) { return populations[id.index]; }
  const Population& operator[](PopulationId id) const { return populations[id.index]; }
  Projection& operator[](ProjectionId id) { return projections[id.index]; }
  const Projection& operator[](ProjectionId id) const { return projections[id.index]; }

  /// Names are made unique by appending _2, _3, …
  PopulationId add(Population population);
  ProjectionId connect(PopulationId source, PopulationId target, Connectivity connectivity,
                       std::uint32_t delay_steps = 0);
  void remove(PopulationId id);      ///< also removes its projections
  void remove(ProjectionId id);

  PopulationId find(std::string_view name) const;  ///< invalid if absent
  std::vector<PopulationId> live_populations() const;
  std::vector<ProjectionId> live_projections() const;
  /// Live projections into / out of `id`, in graph order.
  std::vector<ProjectionId> incoming(PopulationId id) const;
  std::vector<ProjectionId> outgoing(PopulationId id) const;
  /// Order in which populations run inside a step; ties by index. Empty if a cycle lacks a delay.
  std::vector<PopulationId> step_order() const;
  void compact();

  std::int64_t neuron_count() const;   ///< all but inputs and relays
  std::int64_t synapse_count() const;
};

}  // namespace neurotool
