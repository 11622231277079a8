// Runs a NIR graph step by step under a Discretization: what a simulator would make of the file,
// without that simulator. Slow and obvious, like the oracle of our own graphs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "eval/nir/discretization.hpp"
#include "ir/nir/nir.hpp"

namespace neurotool::nir {

/// What a node of the graph receives or sends. Nodes in nested graphs are "graph.node".
struct Port {
  std::string name;
  Shape shape;  ///< of one sample at one step
};

/// What one node did in one step. Spans are valid during the call.
struct NodeStep {
  std::string_view name, type;
  std::uint64_t step = 0;
  std::span<const double> output;
  std::span<const double> membrane;  ///< of neurons and integrators, after the reset
};
using NodeObserver = std::function<void(const NodeStep&)>;

class Simulator {
 public:
  /// `path` is the file, for messages. Findings go to `diagnostics`: what the preset's reader would
  /// drop is a warning (nir.dropped). Errors: nir.unsupported-node, nir.preset, nir.output-sum and
  /// those of plan_graph().
  static Result<Simulator> make(const Graph& graph, const std::string& path,
                                const Discretization& discretization, Diagnostics& diagnostics);
  ~Simulator();
  Simulator(Simulator&&) noexcept;
  Simulator& operator=(Simulator&&) noexcept;

  const std::vector<Port>& inputs() const;
  const std::vector<Port>& outputs() const;

  /// Runs one sample from the initial state. One float32 tensor [steps, neurons…] per input, in the
  /// order of inputs(); gives one [steps, shape…] per output. Error: eval.stimulus.
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs, std::uint64_t steps,
                                  const NodeObserver& observer = {}) const;

 private:
  struct Program;
  explicit Simulator(std::unique_ptr<Program> program);
  std::unique_ptr<Program> program_;
};

}  // namespace neurotool::nir
