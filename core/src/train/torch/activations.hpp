// The two activation functions that spiking networks are trained with, with gradients of their own.
// Written as plain loops over [sample, channel, place]: a chain of tensor operations would walk the
// memory ten times. Sums over samples run in a fixed order, whatever the number of threads.
#pragma once

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <cstdint>

namespace neurotool::train {

/// a = λ clip(⌊zL/λ + ½⌋ / L, 0, 1). Straight through the floor: ∂a/∂z is 1 for 0 < z < λ and 0
/// elsewhere; ∂a/∂λ is a/λ - z/λ there, 1 from λ on, 0 up to 0.
struct FloorShift : torch::autograd::Function<FloorShift> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& z,
                            const at::Tensor& lambda, std::int64_t levels);
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients);
};

/// One step of integrate-and-fire: v = membrane + current, s = [v >= θ], returns θs and v - θs.
/// ds/du = (α/2) / (1 + (π/2 αu)²) with u = v/θ - 1; the reset is taken as a constant.
struct FireStep : torch::autograd::Function<FireStep> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& membrane,
                                                const at::Tensor& current, const at::Tensor& theta,
                                                double width);
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients);
};

}  // namespace neurotool::train
