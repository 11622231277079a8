// Groups of nodes, and values of parameters, that stand for one of our neurons. Private to
// frontend/nir.
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.hpp"
#include "eval/nir/plan.hpp"
#include "frontend/nir/choose.hpp"
#include "frontend/nir/neurons.hpp"

namespace neurotool::from_nir {

/// The soft reset of the `native` profile: I -> Threshold -> Scale -> I. Places in the plan.
struct ResetLoop {
  std::size_t integrator = 0, threshold = 0, scale = 0;
};
/// `consumers` are the nodes that each node of the plan sends to.
std::vector<ResetLoop> find_reset_loops(const nir::GraphPlan& plan,
                                        const std::vector<std::vector<std::size_t>>& consumers);
/// The neuron that the loop is: theta from the Scale, v(0) from what the Threshold lacks. Error:
/// nir.cannot-express, without a place.
Result<MadeNeuron> loop_neuron(const nir::GraphPlan& plan, const ResetLoop& loop,
                               const Shape& shape, const nir::Discretization& discretization,
                               const OwnMetadata& own);

/// A CubaLIF whose synapse follows at once and whose membrane never leaks: the encoding that norse
/// runs as a neuron without leak. There v_leak is v(0), and joins the input in every step.
bool is_norse_integrator(const nir::Primitive& primitive,
                         const nir::Discretization& discretization);

struct NorseNeuron {
  MadeNeuron made;
  std::vector<double> drive;  ///< what joins the input in every step
};
Result<NorseNeuron> norse_integrator(const nir::PlannedNode& node, const Shape& shape,
                                     const nir::Discretization& discretization);

}  // namespace neurotool::from_nir
