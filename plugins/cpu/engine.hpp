// The engine as the plugin and the tests see it: compile a network, run samples through it. Nothing
// here knows the ABI.
//
//   auto engine = Engine::make(network, options);
//   RunResult result = engine->run(request, environment);
//
// Samples are independent and run on the environment's threads. Spikes, counts and their order are
// the same for any number of threads, any batch, window, kernel and instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "network.hpp"
#include "program.hpp"

namespace neurotool::cpu {

/// Values of one input population: float in a float network, int32 in an integer one; compact,
/// [samples][neurons] for a held input, else [samples][steps][neurons].
struct InputData {
  std::uint32_t population = 0;
  const void* values = nullptr;
};

enum class Variable { kSpikes, kMembrane, kReadout };

struct ProbeRequest {
  std::uint32_t population = 0;
  Variable variable = Variable::kReadout;
};

struct RunRequest {
  std::uint64_t samples = 0, steps = 0;
  std::vector<InputData> inputs;  ///< one for each input population
  std::vector<ProbeRequest> probes;
};

/// What one probe saw of one sample. Neurons are flat, ascending within a step.
struct ProbeRecord {
  std::vector<std::uint64_t> step_ends;  ///< spikes: of step t, [step_ends[t - 1], step_ends[t])
  std::vector<std::uint32_t> neurons;    ///< spikes
  std::vector<std::int32_t> payloads;    ///< spikes; empty: 1 each
  std::vector<float> real;               ///< membrane [steps][neurons], readout [neurons]
  std::vector<std::int32_t> whole;       ///< the same in integer networks
  std::vector<std::int64_t> counts;      ///< readout of populations that fire
};

/// Totals over the samples of a run; docs/semantics.md, section 6.
struct Counts {
  std::vector<std::uint64_t> spikes;        ///< events of each population
  std::vector<std::uint64_t> synaptic_ops;  ///< arriving at each population
  std::uint64_t input_macs = 0;
};

struct RunResult {
  std::vector<std::vector<ProbeRecord>> records;  ///< [sample][probe]
  Counts counts;
};

/// Where a run finds threads, and whom it tells how far it is.
struct Environment {
  /// Calls body(first, last) over disjoint ranges of [0, count) and waits.
  std::function<void(std::size_t, const std::function<void(std::size_t, std::size_t)>&)>
      parallel_for;
  /// Called some 20 times a second from any thread. May throw to end the run.
  std::function<void(double)> progress;
};

/// A run that cannot go on; becomes a diagnostic.
struct RunError : std::runtime_error {
  enum class Cause { kRequest, kUnsupported, kNumbers };
  RunError(Cause why, std::uint32_t about, std::string slug, const std::string& message,
           std::string way_out = {})
      : std::runtime_error(message),
        cause(why),
        population(about),
        code(std::move(slug)),
        help(std::move(way_out)) {}

  Cause cause;
  std::uint32_t population;
  std::string code, help;
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual RunResult run(const RunRequest& request, const Environment& environment) const = 0;
  virtual std::uint64_t weight_bytes() const = 0;
  /// Networks whose integer sums may leave 64 bits cannot be run: the population, or nothing.
  virtual std::vector<Problem> find_range_problems() const = 0;

  /// The network must have passed find_problems(); the level of `options` must exist here.
  static std::unique_ptr<const Engine> make(const Network& network, const Options& options);
};

}  // namespace neurotool::cpu
